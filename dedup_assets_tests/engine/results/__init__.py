"""Tests of `engine/results`."""
