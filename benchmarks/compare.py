"""Measure this package and its peers on the same photographs, in turn, and write a page with a table and a chart."""

import argparse
import datetime
import os
import sys
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

from benchmarks import chart, report
from benchmarks.copies import PROTOCOLS, DataError, group_of, prepare
from benchmarks.environments import EnvironmentFailedError, python_of, versions_of
from benchmarks.measure import Measurement, measure
from benchmarks.results import ImageSet, Result
from benchmarks.score import count_true_pairs, score_groups, score_pairs, score_vectors
from benchmarks.tools import OURS, TOOLS, Job, Tool

_ROOT = Path(__file__).parents[1]


def main(arguments: list[str] | None = None) -> int:
    """Compare.

    Returns:
        0; 1 if data or an environment could not be made, or if a tool failed.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if bool(options.images) == bool(options.source):
        parser.error("give SOURCE and WORK, or --images and WORK")
    work = options.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    tools = [OURS, *(TOOLS[name] for name in options.peers)]
    given = dict(options.python)
    try:
        folders = _folders(options, work)
        pythons = {tool.name: python_of(tool, work, given.get(tool.name, "")) for tool in tools}
        versions = {tool.name: versions_of(tool, pythons[tool.name]) for tool in tools}
    except (DataError, EnvironmentFailedError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    load = os.getloadavg()[0]
    sets = []
    for name, folder in folders.items():
        sets.append(_compare(name, folder, tools, pythons, versions, options))
        print(f"\n{name}\n{report.table(sets[-1])}\n", *report.ratios(sets[-1]), sep="\n", flush=True)
    _publish(sets, options, load)
    return int(any(result.failed for image_set in sets for result in image_set.results))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    peers = [name for name in TOOLS if name != OURS.name]
    add = parser.add_argument
    add("source", type=Path, nargs="?", metavar="SOURCE", help="folder of photographs to make copies of")
    add("work", type=Path, metavar="WORK", help="copies, environments and runs; kept for the next call")
    add(
        "--images",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="files named GROUP_KIND.jpg, instead of SOURCE",
    )
    usual = ["geometric", "edits"]
    add("--protocols", type=_names(PROTOCOLS), default=usual, help=f"of {','.join(PROTOCOLS)}; default: {usual}")
    add("--photos", type=int, default=0, help="use only the first PHOTOS photographs; 0: all")
    add("--peers", type=_names(peers), default=[], help=f"of {','.join(peers)}; default: none")
    add("--python", type=_assignment, action="append", default=[], metavar="TOOL=PATH", help="its interpreter; without "
        "it a peer is installed from PyPI into an environment of its own")  # fmt: skip
    add("--repeat", type=int, default=3, help="runs of each tool on each set (default: %(default)s)")
    add("--neighbors", type=int, default=10, help="nearest_neighbors_k of all tools (default: %(default)s)")
    add("--threshold", type=float, default=0.85, help="of all tools (default: %(default)s)")
    add("--timeout", type=float, default=7200, help="seconds after which a run is ended (default: %(default)s)")
    add("--name", default="comparison", help="name of page and chart (default: %(default)s)")
    add("--results", type=Path, default=_ROOT / "benchmarks" / "results", help="folder for page and chart")
    return parser


def _names(known: Collection[str]) -> Callable[[str], list[str]]:
    """A parser of comma-separated names, each of the known ones."""

    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: known are {', '.join(known)}")
        return names

    return parse


def _assignment(text: str) -> tuple[str, str]:
    name, _, path = text.partition("=")
    if name not in TOOLS or not path:
        raise argparse.ArgumentTypeError(f"{text!r}: give TOOL=PATH with one of {', '.join(TOOLS)}")
    return name, path


def _folders(options: argparse.Namespace, work: Path) -> dict[str, Path]:
    """The folder of images of each set, by its name."""
    if options.images:
        return {folder.resolve().name: folder.absolute() for folder in options.images}
    return {name: prepare(name, options.source, work, options.photos) for name in options.protocols}


def _compare(
    name: str,
    folder: Path,
    tools: list[Tool],
    pythons: dict[str, str],
    versions: dict[str, tuple[str, str]],
    options: argparse.Namespace,
) -> ImageSet:
    """Run each tool in turn, `--repeat` times; score the last result of each."""
    images = sorted(path for path in folder.rglob("[!.]*") if path.is_file())
    if not images:
        raise SystemExit(f"benchmarks: {str(folder)!r} holds no images")
    for path in images:
        path.read_bytes()  # into the page cache, so that the first tool does not pay for a cold disk
    runs: dict[str, list[Measurement]] = {tool.name: [] for tool in tools}
    jobs: dict[str, Job] = {}
    home = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_made(options.work.absolute() / "runs")))
    for repetition in range(options.repeat):
        for tool in tools:
            job = Job(folder, _made(home / f"{tool.name}-{repetition}"), options.neighbors, options.threshold)
            measurement = measure(
                tool.command(pythons[tool.name], job),
                env=tool.full_environment(),
                cwd=_ROOT if tool.is_ours else home,
                log=home / f"{tool.name}-{repetition}.log",
                timeout_seconds=options.timeout,
            )
            outcome = f"failed with exit code {measurement.exit_code}" if measurement.exit_code else "done"
            print(f"{name}: {tool.name}, run {repetition + 1}: {measurement.wall_seconds:.1f} s, {outcome}", flush=True)
            runs[tool.name].append(measurement)
            jobs[tool.name] = job
    true_pairs = count_true_pairs(images)
    results = [
        _score(tool, versions[tool.name], jobs[tool.name], runs[tool.name], images, true_pairs) for tool in tools
    ]
    return ImageSet(name, len(images), len({group_of(path) for path in images}), results)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _score(
    tool: Tool, versions: tuple[str, str], job: Job, runs: list[Measurement], images: list[Path], true_pairs: int
) -> Result:
    features, pairs, groups = (job.work_dir / name for name in (tool.features, tool.pairs, tool.groups))
    failed = any(run.exit_code for run in runs)
    listed = pairs.is_file() and not failed
    own = max(tool.default_threshold, job.threshold)
    return Result(
        tool=tool,
        version=versions[0],
        python=versions[1],
        images=len(images),
        runs=runs,
        vectors=score_vectors(features, true_pairs) if features.is_file() and not failed else None,
        pairs=score_pairs(pairs, true_pairs, job.threshold) if listed else None,
        default_pairs=score_pairs(pairs, true_pairs, own) if listed else None,
        groups=score_groups(groups if tool.groups and groups.is_file() else pairs, images, own) if listed else None,
    )


def _publish(sets: list[ImageSet], options: argparse.Namespace, load: float) -> None:
    results = _made(options.results)
    page = report.page(
        sets,
        command=_command(options),
        chart=f"{options.name}.svg",
        neighbors=options.neighbors,
        threshold=options.threshold,
        load=load,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    (results / f"{options.name}.svg").write_text(chart.draw(sets), encoding="utf-8")
    (results / f"{options.name}.md").write_text(page, encoding="utf-8")
    print(f"\n{results / options.name}.md and .svg")


def _command(options: argparse.Namespace) -> str:
    """The command that reproduces this, with names in place of the paths of this machine."""
    parts = ["python -m benchmarks.compare"]
    parts += [f"--images {folder.resolve().name}" for folder in options.images] or ["SOURCE_PHOTOS"]
    parts += ["WORK", f"--peers {','.join(options.peers)}", f"--repeat {options.repeat}"]
    if options.source:
        parts.append(f"--protocols {','.join(options.protocols)}")
    if options.photos:
        parts.append(f"--photos {options.photos}")
    return " ".join([*parts, f"--neighbors {options.neighbors}", f"--threshold {options.threshold}"])


if __name__ == "__main__":
    sys.exit(main())
