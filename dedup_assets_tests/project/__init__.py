"""Tests of what surrounds the package: structure, documents, benchmarks, deployment."""
