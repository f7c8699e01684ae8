"""Times questions about one image, from its file's bytes to the answer: `Index.ask` on any number of stored vectors.

    python -m benchmarks.query prepare FEATURES ROWS WORK_DIR  draws vectors (benchmarks.vectors), builds their index
    python -m benchmarks.query time WORK_DIR PHOTOS            milliseconds on one core, and memory
    python -m benchmarks.query recall WORK_DIR FEATURES        recall@10 of questions about vectors from elsewhere

Drawn vectors have no pictures, so evidence is off: a question is read, decoded, embedded, searched and answered. With
--evidence, for results of a run, the images found are also read, decoded and compared.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.vectors import draw

_WARM_UP = 20
_DIMENSION = 576
_SEED_OF_QUESTIONS = 7
_K = 10


def prepare(real: Path, rows: int, target: Path) -> None:
    """Draw vectors, and build the index that a run would build."""
    from dedup_assets.engine.core.settings import Settings
    from dedup_assets.engine.neighbors import build_index
    from dedup_assets.engine.work_dir import WorkDir, files, index_file

    draw(np.fromfile(real, "<f4").reshape(-1, _DIMENSION), rows, target)
    work_dir, search = WorkDir(str(target)), Settings.parse().search
    index_file.write_index(work_dir, build_index(files.read_features(work_dir).vectors, search, 1))


@contextmanager
def _spending(owner: type, method: str, spent: list[float]) -> Iterator[None]:
    """Add the processor time of each call of a method to `spent`, in seconds, for the block."""
    asked: Callable[..., Any] = getattr(owner, method)

    def timed(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - as the method has them
        start = time.process_time()
        try:
            return asked(*given, **named)
        finally:
            spent.append(time.process_time() - start)

    setattr(owner, method, timed)
    try:
        yield
    finally:
        setattr(owner, method, asked)


def measure(work_dir: Path, photos: Path, questions: int, *, evidence: bool) -> None:
    """Print latency, processor time and memory of questions about photographs, one after the other."""
    import dedup_assets
    from dedup_assets.engine.extraction.embedding import Embedder
    from dedup_assets.engine.query.nearest import NearestRows

    embedding, searching = list[float](), list[float]()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    files = [path.read_bytes() for path in sorted(photos.iterdir())[: questions + _WARM_UP]]
    began = time.perf_counter()
    with dedup_assets.Index(work_dir, model_path="" if not evidence else None, num_threads=1) as index:
        index.query(files[0], evidence=evidence)
        opened = time.perf_counter() - began
        for file in files[:_WARM_UP]:
            index.query(file, evidence=evidence)
        taken, processor, decoding = [], time.process_time(), _decoding_seconds()
        with ExitStack() as timing:
            timing.enter_context(_spending(Embedder, "embed", embedding))
            timing.enter_context(_spending(NearestRows, "find", searching))
            for file in files[_WARM_UP:]:
                start = time.perf_counter()
                index.ask(file, evidence=evidence)
                taken.append(1000 * (time.perf_counter() - start))
        processor = (time.process_time() - processor) / len(taken)
        decoding = 1000 * (_decoding_seconds() - decoding) / len(taken)
        rows = len(index)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    p50, p99 = np.percentile(taken, [50, 99])
    anonymous = _anonymous_mib()
    print(
        f"{rows} rows, {len(taken)} questions: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {1000 * processor:.1f} ms of the "
        f"processor here each ({1000 * np.mean(embedding):.2f} for the model, {1000 * np.mean(searching):.2f} for the "
        f"search), {decoding:.1f} ms in the decoding process; opened with the first answer in "
        f"{opened:.1f} s; memory {memory:.0f} MiB with the pages of files, {anonymous:.0f} MiB without"
    )


def _decoding_seconds() -> float:
    """Processor time of the decoding processes so far, without their start where they have answered before."""
    processes = {each for task in Path("/proc/self/task").iterdir() for each in (task / "children").read_text().split()}
    ticks = 0
    for process in processes:
        user, system = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[11:13]
        ticks += int(user) + int(system)
    return ticks / os.sysconf("SC_CLK_TCK")


def _anonymous_mib() -> float:
    """Memory of this process that is no page of a file, in MiB."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def recall(work_dir: Path, real: Path, questions: int) -> None:
    """Print the share of true neighbours that single questions find, for several numbers of probed lists."""
    from dedup_assets.engine.core.settings import Settings
    from dedup_assets.engine.neighbors import SearchData
    from dedup_assets.engine.neighbors.recall import exact_neighbors
    from dedup_assets.engine.query import nearest
    from dedup_assets.engine.work_dir import WorkDir, files, index_file

    drawn = work_dir / "questions"
    draw(np.fromfile(real, "<f4").reshape(-1, _DIMENSION), questions, drawn, seed=_SEED_OF_QUESTIONS)
    asked = np.fromfile(drawn / "features.dat", "<f4").reshape(-1, _DIMENSION)
    stored, search = WorkDir(str(work_dir)), Settings.parse(nearest_neighbors_k=_K).search
    vectors, index = files.read_features(stored).vectors, index_file.read_index(stored, "cosine")
    true = exact_neighbors(SearchData(asked, vectors, is_self_search=False), np.arange(len(asked)), search)
    bars = true["similarity"].to_numpy().reshape(len(asked), _K)[:, -1]
    for probes in (0.5, 1.0, 1.5, 2.0, 3.0):
        nearest.PROBES = probes
        rows, start = nearest.NearestRows(vectors, index, search), time.process_time()
        found = [rows.find(vector, _K)[1] for vector in asked]
        spent = 1000 * (time.process_time() - start) / len(asked)
        share = np.mean([(alike >= bar - 1e-6).mean() for alike, bar in zip(found, bars, strict=True)])
        print(f"{len(vectors)} rows, {probes} times the lists: recall@{_K} {share:.4f}, {spent:.2f} ms a question")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    preparing = commands.add_parser("prepare")
    preparing.add_argument("real", type=Path)
    preparing.add_argument("rows", type=int)
    preparing.add_argument("work_dir", type=Path)
    for name, other in (("time", "photos"), ("recall", "real")):
        command = commands.add_parser(name)
        command.add_argument("work_dir", type=Path)
        command.add_argument(other, type=Path)
        command.add_argument("--questions", type=int, default=500 if name == "time" else 200)
        if name == "time":
            command.add_argument("--evidence", action="store_true")
    given = parser.parse_args()
    if given.command == "prepare":
        prepare(given.real, given.rows, given.work_dir)
    elif given.command == "time":
        measure(given.work_dir, given.photos, given.questions, evidence=given.evidence)
    else:
        recall(given.work_dir, given.real, given.questions)


if __name__ == "__main__":
    main()
