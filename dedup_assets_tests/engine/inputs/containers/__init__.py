"""Tests of the containers, file for file."""
