"""The command line, killed with its processes before its n-th change to the names of files: the same moment each time.

    python killed_run.py N run PHOTOS WORK_DIR ...

It leads a process group. With n = 0 nothing is killed, and the number of changes is the last line of its output. Names
change where files are published, moved and deleted, which a run does from its first shard to its last result.
"""

import os
import signal
import sys
from threading import Lock
from typing import Any

from dedup_assets.__main__ import main

_CHANGES = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir"}  # Python's audit events

_last, *sys.argv[1:] = sys.argv[1:]
_lock, _count = Lock(), [0]


def _note(event: str, _details: tuple[Any, ...]) -> None:
    if event in _CHANGES:
        with _lock:
            _count[0] += 1
            if _count[0] == int(_last):
                os.killpg(0, signal.SIGKILL)


sys.addaudithook(_note)
try:
    main()
finally:
    print(_count[0])
