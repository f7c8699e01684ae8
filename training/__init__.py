"""Training code of the embedding; the package itself never imports it."""
