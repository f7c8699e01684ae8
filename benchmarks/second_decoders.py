"""What other decoders say about a folder of odd files, as a table that a test compares with our verdicts.

    python -m benchmarks.second_decoders FOLDER WORK

Two decoders that share no code of ours and are widely used, each in an environment made by pip below WORK: OpenCV
(Apache-2.0, 150 MB) and libvips (LGPL, 20 MB). The table is kept because both are large for a dependency of tests and
may crash on hostile files. It is made again when FOLDER changes.

Each file is decoded in a process of its own. libvips is asked twice: with its default, which shows what is left of a
damaged file, and so that it refuses a file at the first warning.
"""

import argparse
import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.environments import EnvironmentFailedError, python_in

TABLE = Path(__file__).parent / "results" / "second_decoders.tsv"
_PACKAGES = ("opencv-python-headless==5.0.0.93", "pyvips[binary]==3.2.0", "pyvips-binary==8.18.7", "numpy")
_SECONDS = 30
_READERS = {
    "opencv": "import cv2, numpy; assert cv2.imdecode(numpy.fromfile({name!r}, numpy.uint8), -1) is not None",
    "libvips": "import pyvips; pyvips.Image.new_from_file({name!r}).copy_memory()",
    "libvips-strict": "import pyvips; pyvips.Image.new_from_file({name!r}, fail_on='warning').copy_memory()",
}


def readers_of(path: Path, python: str) -> list[str]:
    """Which decoders read a file without an error."""
    return [reader for reader, code in _READERS.items() if _succeeds([python, "-c", code.format(name=str(path))])]


def digest_of(path: Path) -> str:
    """The first 16 hex digits of the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def read_table() -> dict[str, list[str]]:
    """The decoders that read each file, by `digest_of` the file."""
    lines = [line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return {digest: readers.split() for _, digest, readers in lines}


def _succeeds(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> None:
    """Ask for each file in a folder and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path)
    asked = parser.parse_args()
    files = sorted(path for path in asked.folder.rglob("*") if path.is_file())
    try:
        python = python_in(asked.work / "environments" / "second_decoders", _PACKAGES)
    except EnvironmentFailedError as error:
        sys.exit(str(error))
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(partial(readers_of, python=python), files))
    head = [
        f"# Made by `python -m benchmarks.second_decoders` with {', '.join(_PACKAGES[:3])}.",
        "# file, digest, readers",
    ]
    rows = [
        "\t".join((str(path.relative_to(asked.folder)), digest_of(path), " ".join(readers)))
        for path, readers in zip(files, answers, strict=True)
    ]
    TABLE.write_text("\n".join([*head, *rows]) + "\n")


if __name__ == "__main__":
    main()
