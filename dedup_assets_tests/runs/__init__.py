"""Tests of whole runs: killed, repeated, mixed, over faulty stores, beside fastdup."""
