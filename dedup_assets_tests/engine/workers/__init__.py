"""Tests of `engine/workers`."""
