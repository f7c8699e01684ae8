"""Tests of the processes of the UI."""
