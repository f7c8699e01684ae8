"""Tests of `engine/stores`."""
