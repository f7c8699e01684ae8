"""The second search of a collection of which a share has changed, beside a search of all of it.

    python -m benchmarks.increments FEATURES WORK --rows 10000,100000 --shares 0,0.001,0.01,0.1

FEATURES is the features.dat of a run over photographs and copies of them; `--rows` vectors are drawn like these
(`vectors`). A share of s means that s of the rows are removed, and as many new ones added, at random places. Each
search is a process of its own: index, search, pairs, outliers and graph, without gallery. With `--full` the search of
the changed collection in a new work_dir stands beside the incremental one.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.measure import Measurement, measure
from benchmarks.vectors import draw
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.identity import FeatureFacts, Result, file_records, record_results

_SCRIPT = Path(__file__).parent / "peers" / "search_again.py"
_VALUES = 576
_BLOCK = 50_000
_TIMEOUT_SECONDS = 3600.0


@dataclass(frozen=True)
class Row:
    """One search: of how many rows, after which share of changes, and what it took."""

    rows: int
    share: float
    kind: str
    took: Measurement
    searched: int
    recall: float


def write_collection(drawn: Path, rows: int, share: float, target: Path) -> None:
    """Write and record features as a run does: the first rows, of which a share is replaced by later ones elsewhere."""
    random = np.random.default_rng(1)
    vectors = np.memmap(drawn / "features.dat", "<f4", mode="r").reshape(-1, _VALUES)
    changed = round(rows * share)
    staying = np.sort(random.choice(rows, rows - changed, replace=False))
    source = np.concatenate([staying, np.arange(rows, rows + changed)])
    place = np.concatenate([2 * staying, 2 * random.choice(rows, changed, replace=False) + 1])
    order = np.argsort(place)
    target.mkdir(parents=True, exist_ok=True)
    with generation(WorkDir(str(target)), "drawing") as view:
        with view.publish("features.dat", "features.dat.csv") as (data, names):
            names.write(b"index,filename\n")
            for start in range(0, rows, _BLOCK):
                some = order[start : start + _BLOCK]
                data.write(vectors[source[some]].tobytes())
                lines = (f"{start + row},/photos/{place[each]:012d}.jpg\n" for row, each in enumerate(some))
                names.write("".join(lines).encode())
        made = Result(files=file_records(view.written), features=FeatureFacts(dimension=_VALUES))
        record_results(view, {"features": made}, {}, {})


def search(work_dir: Path, kind: str, share: float, rows: int, k: int, threads: int) -> Row:
    """Search a work_dir in a process of its own."""
    log = work_dir.parent / f"{work_dir.name}.log"
    command = [sys.executable, str(_SCRIPT), str(work_dir), str(k), str(threads)]
    env = dict(os.environ) | {"OMP_NUM_THREADS": str(threads), "POLARS_MAX_THREADS": str(threads)}
    took = measure(command, env=env, cwd=work_dir.parent, log=log, timeout_seconds=_TIMEOUT_SECONDS)
    if took.exit_code:
        sys.exit(f"the search of {work_dir} failed; see {log}")
    facts = json.loads(log.read_text().splitlines()[-1])
    return Row(rows, share, kind, took, facts["searched"], facts["recall"])


def table(results: list[Row], k: int, threads: int, command: str) -> str:
    """The results as a Markdown page."""
    lines = [
        f"# Second searches, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"k = {k}, {threads} threads, {_VALUES} values a vector; `{command}`. Share: rows removed, and as many added.",
        "",
        "| rows | share | search | images searched | wall s | CPU s | peak MB | recall@k |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in results:
        took = f"{row.took.wall_seconds:.1f} | {row.took.cpu_seconds:.1f} | {row.took.peak_bytes / 1e6:.0f}"
        lines.append(f"| {row.rows:,} | {row.share:g} | {row.kind} | {row.searched:,} | {took} | {row.recall:.4f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--rows", default="10000,100000", help="how many vectors, comma-separated")
    parser.add_argument("--shares", default="0,0.001,0.01,0.1", help="comma-separated")
    parser.add_argument("--neighbors", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--full", action="store_true", help="search each changed collection in full, too")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results" / "increments.md")
    given = parser.parse_args()
    real = np.fromfile(given.features, "<f4").reshape(-1, _VALUES)
    shares = [float(share) for share in given.shares.split(",")]
    results = []
    for rows in map(int, given.rows.split(",")):
        drawn, first = given.work / f"drawn-{rows}", given.work / f"first-{rows}"
        shutil.rmtree(first, ignore_errors=True)
        if not drawn.exists():
            draw(real, rows + round(rows * max(shares)), given.work / "begun")
            (given.work / "begun").rename(drawn)
        write_collection(drawn, rows, 0, first)
        results.append(search(first, "first", 0, rows, given.neighbors, given.threads))
        for share in shares:
            again, full = given.work / "again", given.work / "full"
            for folder in (again, full):
                shutil.rmtree(folder, ignore_errors=True)
            subprocess.run(["cp", "-al", first, again], check=True)  # files are replaced, never written into
            if share:
                write_collection(drawn, rows, share, again)
            results.append(search(again, "again", share, rows, given.neighbors, given.threads))
            if given.full and share:
                write_collection(drawn, rows, share, full)
                results.append(search(full, "full", share, rows, given.neighbors, given.threads))
            command = f"python -m benchmarks.increments FEATURES WORK --rows {given.rows} --shares {given.shares}"
            given.results.write_text(table(results, given.neighbors, given.threads, command), "utf-8")


if __name__ == "__main__":
    main()
