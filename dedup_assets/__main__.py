"""`python -m dedup_assets` is the command line."""

from dedup_assets.cli import main

main()
