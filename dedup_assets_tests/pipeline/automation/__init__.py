"""Tests of `pipeline/automation`."""
