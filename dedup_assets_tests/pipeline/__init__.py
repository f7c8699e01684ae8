"""Tests of the Dagster ring."""
