"""The command line: one module a command, and what a terminal asks for."""

from dedup_assets.cli.main import main

__all__ = ["main"]
