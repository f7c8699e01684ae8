"""Tests of `pipeline/sharding`."""
