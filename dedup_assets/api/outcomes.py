"""Reporting an outcome: return codes, errors as one line on stderr, and printing that cannot fail a run."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TextIO

from dedup_assets.engine.core.errors import DedupError, OutputError, ReaderLeftError
from dedup_assets.engine.core.interrupts import was_interrupted
from dedup_assets.engine.core.redaction import redacted

SUCCESS, ERROR = 0, 1


@dataclass
class Outcome:
    """The return code of a call, once it has ended."""

    code: int = SUCCESS


@contextmanager
def reported(*, verbose: bool = False) -> Iterator[Outcome]:
    """Turn every error of the block into one line on stderr and the code ERROR; Ctrl-C is passed on.

    Args:
        verbose: print the traceback of an internal error too.
    """
    outcome = Outcome()
    try:
        yield outcome
    except Exception as error:  # noqa: BLE001 - the promise is a return code, whatever happens
        if was_interrupted():
            raise KeyboardInterrupt from None
        outcome.code = ERROR
        if isinstance(error, DedupError):
            report(error)
        else:
            _report_unexpected(error, verbose)


def _report_unexpected(error: Exception, verbose: bool) -> None:
    from dedup_assets.api.explaining import explain

    if verbose:
        import traceback

        say(traceback.format_exc().rstrip(), to_stderr=True)
    if explained := explain(error):
        report(explained)
        return
    hint = "" if verbose else "; run with verbose=True for the traceback"
    report(f"internal error, please report it: {type(error).__name__}: {one_line(error)}{hint}")


def one_line(error: Exception) -> str:
    """The text of an error on one line, with the credentials in URLs hidden."""
    return " ".join(redacted(str(error)).split()) or type(error).__name__


def report(problem: Exception | str) -> None:
    """Write a problem to stderr as one line that begins with the name of the command."""
    if isinstance(problem, ReaderLeftError):
        return
    text = one_line(problem) if isinstance(problem, Exception) else problem
    say(f"dedup-assets: {text}", to_stderr=True)


def say(text: str, *, to_stderr: bool = False) -> None:
    """Print a text to stdout, as far as that is possible.

    A stream that is closed, full or absent prints nothing, because results are good whether or not they are announced.
    Characters that the encoding of the stream lacks are printed as escapes.

    Args:
        text: one line or more, without the last line break.
        to_stderr: print to stderr instead.
    """
    with suppress(OSError):
        _print(text, sys.stderr if to_stderr else sys.stdout)


def answer(text: str) -> None:
    """Print what a command was asked for, where the printed text is the result.

    A stream that is absent or closed prints nothing, as `say`.

    Raises:
        OutputError: stdout does not take it.
    """
    try:
        _print(text, sys.stdout)
    except OSError as error:
        raise refused(error) from None


def refused(error: OSError) -> OutputError:
    """What it means that stdout did not take a text."""
    kind = ReaderLeftError if isinstance(error, BrokenPipeError) else OutputError
    return kind(f"stdout takes no more, and what was asked for is not all printed: {error.strerror or error}")


def _print(text: str, stream: TextIO | None) -> None:
    if stream is None:  # without a console, or closed before Python started
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    with suppress(ValueError):  # a closed stream
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
