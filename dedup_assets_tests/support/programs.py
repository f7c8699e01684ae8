"""Programs of their own process, as a user starts them."""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path


def finished(
    line: Sequence[str], folder: Path, modules: Iterable[str | Path] = tuple(sys.path)
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without a Dagster instance.

    Args:
        line: the command.
        folder: where it runs.
        modules: folders that its Python imports from.
    """
    path = os.pathsep.join(str(each) for each in modules if str(each))
    environment = {**os.environ, "DAGSTER_HOME": "", "PYTHONPATH": path}
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False)
