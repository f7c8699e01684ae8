"""Tests of dedup_assets.engine.query."""
