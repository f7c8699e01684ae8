"""Searches compared on one feature file: ours, fastdup's run_mode 2, plain faiss.

    python -m benchmarks.search FEATURES WORK --rows 100000,1000000 --python fastdup=PATH

FEATURES is the features.dat of a run over photographs and copies of them. `--rows` vectors are drawn like these
(`vectors`). Each tool runs in a process of its own, one after the other. recall@k of each is measured on the same 500
rows against exact search.
"""

import argparse
import json
import os
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Measurement, measure
from benchmarks.vectors import draw

_SCRIPT = Path(__file__).parent / "peers" / "search_features.py"
_TOOLS = ("ours", "fastdup", "HNSW32", "Flat")
_FLAT_ROWS = 200_000  # every pair of more rows takes hours
_SAMPLE_ROWS = 500
_TIMEOUT_SECONDS = 6 * 3600.0
_FASTDUP_NAMES = {"features.dat": "atrain_features.dat", "features.dat.csv": "atrain_features.dat.csv"}


@dataclass(frozen=True)
class Result:
    """The resources that one tool took for one number of rows, and the share of true neighbours that it found."""

    tool: str
    rows: int
    took: Measurement
    recall: float


def run_tool(tool: str, rows: int, source: Path, work: Path, python: str, k: int, threads: int) -> Result:
    """Search the vectors of `source` with one tool, in a new work_dir."""
    work_dir = work / f"{tool}-{rows}"
    shutil.rmtree(work_dir, ignore_errors=True)
    work_dir.mkdir()
    for name, theirs in _FASTDUP_NAMES.items():
        os.link(source / name, work_dir / (theirs if tool == "fastdup" else name))
    env = dict(os.environ) | {"SENTRY_OPT_OUT": "1", "OMP_NUM_THREADS": str(threads)}
    if tool == "fastdup":
        env.pop("PYTHONPATH", None)
    command = [python, str(_SCRIPT), tool, str(work_dir), str(k), str(threads)]
    took = measure(command, env=env, cwd=work, log=work / f"{tool}-{rows}.log", timeout_seconds=_TIMEOUT_SECONDS)
    if took.exit_code:
        sys.exit(f"{tool} failed on {rows} rows; see {work / f'{tool}-{rows}.log'}")
    return Result(tool, rows, took, _recall(tool, source, work_dir, k))


def _recall(tool: str, source: Path, work_dir: Path, k: int) -> float:
    if tool == "ours":
        return float(json.loads((work_dir / "recall.json").read_text()))
    vectors = np.memmap(source / "features.dat", "<f4", mode="r").reshape(-1, 576)
    rows = np.linspace(0, len(vectors) - 1, _SAMPLE_ROWS).astype(np.int64)
    if tool == "fastdup":
        found = faiss.read_index(str(work_dir / "nnf.index")).search(np.array(vectors[rows]), k + 1)[1]
    else:
        found = np.load(work_dir / "found.npy", mmap_mode="r")[rows]
    return _share(vectors, rows, found, k)


def _share(vectors: NDArray[np.float32], rows: NDArray[np.int64], found: NDArray[np.int64], k: int) -> float:
    """The share of true neighbours found: rows at least as similar as the true k-th neighbour."""
    asked = np.array(vectors[rows])
    likeness = np.concatenate(
        [asked @ vectors[start : start + 16_384].T for start in range(0, len(vectors), 16_384)], 1
    )
    likeness[np.arange(len(rows)), rows] = -2
    bar = np.partition(likeness, -k, axis=1)[:, -k]
    hits = 0
    for place, row in enumerate(rows):
        others = [other for other in found[place] if other >= 0 and other != row][:k]
        hits += int((likeness[place, others] >= bar[place] - 1e-6).sum())
    return hits / (k * len(rows))


def table(results: list[Result], k: int, threads: int, command: str) -> str:
    """The results as a Markdown page."""
    lines = [
        f"# Search of stored features, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"k = {k}, {threads} threads, 576 values a vector; `{command}`. Wall time and memory of the whole process;",
        "load of the machine at the end: " + " ".join(f"{load:.1f}" for load in os.getloadavg()) + ".",
        "",
        "| rows | tool | wall s | CPU s | peak MB | recall@k |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        took = result.took
        figures = (
            f"{took.wall_seconds:.1f} | {took.cpu_seconds:.1f} | {took.peak_bytes / 1e6:.0f} | {result.recall:.4f}"
        )
        lines.append(f"| {result.rows:,} | {result.tool} | {figures} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--rows", default="10000,100000", help="how many vectors, comma-separated")
    parser.add_argument("--tools", default=",".join(_TOOLS), help="comma-separated, of " + ", ".join(_TOOLS))
    parser.add_argument(
        "--python", default="", help="fastdup=PATH of an interpreter that has fastdup; without it fastdup is left out"
    )
    parser.add_argument("--neighbors", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results" / "search.md")
    given = parser.parse_args()
    real = np.fromfile(given.features, "<f4").reshape(-1, 576)
    results = []
    for rows in map(int, given.rows.split(",")):
        source = given.work / f"drawn-{rows}"
        if not source.exists():
            begun = (
                given.work / f"drawn-{rows}.begun"
            )  # renamed when complete, so that a drawing that was stopped is made again
            draw(real, rows, begun)
            begun.rename(source)
        for tool in given.tools.split(","):
            python = given.python.partition("=")[2] if tool == "fastdup" else sys.executable
            if python and not (tool == "Flat" and rows > _FLAT_ROWS):
                results.append(run_tool(tool, rows, source, given.work, python, given.neighbors, given.threads))
                command = "python -m benchmarks.search FEATURES WORK --rows " + given.rows
                given.results.write_text(table(results, given.neighbors, given.threads, command), "utf-8")


if __name__ == "__main__":
    main()
