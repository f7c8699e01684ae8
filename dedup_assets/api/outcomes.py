"""How an outcome is told: return codes, and errors as one line on stderr."""

import sys

from dedup_assets.engine.core.redaction import redacted

SUCCESS, ERROR = 0, 1


def one_line(error: Exception) -> str:
    """The text of an error on one line, with the credentials in URLs hidden."""
    return " ".join(redacted(str(error)).split()) or type(error).__name__


def report(problem: Exception | str) -> None:
    """Write a problem to stderr as one line that begins with the name of the command."""
    text = one_line(problem) if isinstance(problem, Exception) else problem
    print(f"dedup-assets: {text}", file=sys.stderr)
