"""Dagster's UI on this machine: its processes, how they end together, and whose requests they answer."""
