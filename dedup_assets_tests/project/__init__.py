"""Tests of the repository around the package: structure, documents, benchmarks, deployment."""
