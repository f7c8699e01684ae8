"""Tests of `engine/evidence`."""
