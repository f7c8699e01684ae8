"""Tests of `engine/matching`."""
