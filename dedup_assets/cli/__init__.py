"""The command line: one module per command, options made from `Settings`, and `main`, which assembles both."""

from dedup_assets.cli.main import main

__all__ = ["main"]
