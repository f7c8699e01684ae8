"""Tests of `engine/inputs`."""
