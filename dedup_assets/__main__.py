"""The command line, as a program: `dedup-assets`, or `python -m dedup_assets`."""

import atexit
import gc

from dedup_assets.engine.core.interrupts import begin_program, note_exit_code


def main() -> None:
    """Load the command line and run it. Ctrl-C while it is loaded is one line, as it is later."""
    begin_program()
    atexit.register(gc.freeze)  # collections at the end of the interpreter would visit a million objects
    from dedup_assets.cli import main as command

    try:
        command()
    except SystemExit as ended:
        note_exit_code(ended.code)
        raise


if __name__ == "__main__":
    main()
