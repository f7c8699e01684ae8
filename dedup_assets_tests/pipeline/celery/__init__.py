"""Tests of `pipeline/celery`."""
