"""A virtual environment for each peer, made once and reused, and the versions that are installed in it."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.tools import Tool

_FACTS = "import platform, importlib.metadata as m, sys; print(m.version(sys.argv[1]), platform.python_version())"


class EnvironmentFailedError(Exception):
    """A peer cannot be installed, or the interpreter that was named lacks it."""


def python_of(tool: Tool, work: Path, given: str = "") -> str:
    """The interpreter that runs a tool.

    Args:
        tool: ours runs in the environment of this process, a peer in its own.
        work: where environments are made.
        given: an interpreter that has the tool; with it nothing is installed.

    Raises:
        EnvironmentFailedError: pip fails; the message is its last line.
    """
    if given or tool.is_ours:
        return given or sys.executable
    return python_in(work / "environments" / f"{tool.package}-{tool.version}", [f"{tool.package}=={tool.version}"])


def python_in(folder: Path, packages: Sequence[str]) -> str:
    """The interpreter of an environment with some packages, made at the first call.

    Raises:
        EnvironmentFailedError: as `python_of`.
    """
    python, done = folder / "bin" / "python", folder / ".complete"
    if not done.exists():
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        _run([str(python), "-m", "pip", "install", "-q", *packages])
        done.touch()
    return str(python)


def versions_of(tool: Tool, python: str) -> tuple[str, str]:
    """The versions of the tool and of Python in an environment.

    Raises:
        EnvironmentFailedError: the tool is not installed there.
    """
    version, python_version = _run([python, "-c", _FACTS, tool.package]).split()
    return version, python_version


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise EnvironmentFailedError(f"{command[0]!r}: {error.strerror}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
        raise EnvironmentFailedError(f"{' '.join(command)}: {lines[-1]}")
    return done.stdout
