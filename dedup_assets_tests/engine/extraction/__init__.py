"""Tests of `engine/extraction`."""
