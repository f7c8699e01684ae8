"""Tests of `engine/calibration`."""
