"""The only import of rich, which takes a number from the host's random numbers when it is imported.

What a program draws after `random.seed` is the same with and without a run of ours.
"""

import random

_before = random.getstate()
from rich.console import Console, ConsoleOptions  # noqa: E402 - between two lines that restore random numbers
from rich.live import Live  # noqa: E402
from rich.table import Table  # noqa: E402
from rich.text import Text  # noqa: E402

random.setstate(_before)

__all__ = ["Console", "ConsoleOptions", "Live", "Table", "Text"]
