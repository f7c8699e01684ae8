"""The command line, as a program: `dedup-assets`, or `python -m dedup_assets`."""

import sys

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def main() -> None:
    """Load the command line and run it. Ctrl-C while it is loaded is one line, as it is later."""
    try:
        from dedup_assets.cli import main as command
    except KeyboardInterrupt:
        sys.stderr.write("dedup-assets: interrupted before anything was done\n")
        sys.exit(_INTERRUPTED)
    command()


if __name__ == "__main__":
    main()
