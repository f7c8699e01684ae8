"""What tests share: servers, processes that are killed, made pictures and models."""
