"""Tests of the records of results."""
