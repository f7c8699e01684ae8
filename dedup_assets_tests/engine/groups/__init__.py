"""Tests of `engine/groups`."""
