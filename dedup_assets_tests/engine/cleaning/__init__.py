"""Tests of `engine/cleaning`."""
