"""Memory goes back to the system."""

import subprocess
import sys

import pytest

_PROGRAM = """
from pathlib import Path
from dedup_assets.engine.core.freed_memory import return_freed_memory

def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

before = megabytes()
blocks = [bytearray(b"x" * 60_000) for _ in range(2000)]
del blocks[:-1]  # the last one lies above the others and keeps the library from giving them back
kept = megabytes() - before
return_freed_memory()
print(kept, megabytes() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux's C library keeps much")
def test_freed_memory_goes_back_to_the_system() -> None:
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    kept, left = map(float, ran.stdout.split())
    assert left < kept / 4 or kept < 30, "120 MB were allocated"  # another C library keeps nothing
