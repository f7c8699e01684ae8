"""Let heavy work stand still while a file exists, so that others can measure on the same machine."""

from __future__ import annotations

import time
from pathlib import Path


def wait_while(path: Path | None) -> float:
    """Sleep until `path` is gone; the seconds slept."""
    began = time.monotonic()
    while path is not None and path.exists():
        time.sleep(0.5)
    return time.monotonic() - began
