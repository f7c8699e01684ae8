"""Pause heavy work while a file exists, so that other programs can be timed on the same machine."""

from __future__ import annotations

import time
from pathlib import Path


def wait_while(path: Path | None) -> float:
    """Sleep until `path` does not exist; returns the seconds slept."""
    began = time.monotonic()
    while path is not None and path.exists():
        time.sleep(0.5)
    return time.monotonic() - began
