"""Tests of `engine/graph`."""
