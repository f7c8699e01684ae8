"""Tests of `engine/gallery`."""
