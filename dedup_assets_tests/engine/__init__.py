"""Tests of the engine: no Dagster."""
