"""Tests of `engine/sets`."""
