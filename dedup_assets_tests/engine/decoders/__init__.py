"""Tests of `engine/decoders`."""
