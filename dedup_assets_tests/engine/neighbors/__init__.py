"""Tests of `engine/neighbors`."""
