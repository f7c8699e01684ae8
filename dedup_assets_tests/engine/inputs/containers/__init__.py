"""Tests of `engine/inputs/containers`."""
