"""Tests of `engine/labels`."""
