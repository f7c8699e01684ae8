"""Tests of `engine/pictures`."""
