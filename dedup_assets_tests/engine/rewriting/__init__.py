"""Tests of `engine/rewriting`."""
