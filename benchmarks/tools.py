"""The tools that are compared: how each is installed and started, and where it leaves its results.

To add a peer, add a `Tool` to `TOOLS` and a script to `peers/` that takes the same arguments as the others. A peer that
stores no vectors or lists no pairs leaves those files out; its row then has no figures for them.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Job:
    """The task that every tool gets.

    Attributes:
        images: the folder to read.
        work_dir: an empty folder for the results.
        neighbors: neighbours for each image.
        threshold: smallest similarity of listed pairs.
    """

    images: Path
    work_dir: Path
    neighbors: int
    threshold: float


@dataclass(frozen=True)
class Tool:
    """A program to compare.

    Attributes:
        name: as on the command line and in the tables.
        package: its distribution.
        version: the version to install; empty for the one that the interpreter has.
        command: makes the program and its arguments from its interpreter and the job.
        arguments: the arguments that it gets, in words, for the report.
        default_threshold: smallest similarity of the pairs that it lists by default.
        environment: environment variables for it.
        features: its file of vectors in work_dir; the names are in a .csv beside it.
        pairs: its list of pairs in work_dir.
    """

    name: str
    package: str
    version: str
    command: Callable[[str, Job], list[str]]
    arguments: str
    default_threshold: float
    environment: dict[str, str] = field(default_factory=dict)
    features: str = "features.dat"
    pairs: str = "similarity.csv"

    def full_environment(self) -> dict[str, str]:
        """The variables of this process and of the tool; no Dagster instance, and for peers no PYTHONPATH of ours."""
        env = dict(os.environ)
        env.pop("DAGSTER_HOME", None)
        if self is not OURS:
            env.pop("PYTHONPATH", None)
        return env | self.environment


def _our_command(python: str, job: Job) -> list[str]:
    options = ["--nearest-neighbors-k", str(job.neighbors), "--threshold", str(job.threshold)]
    start = "from dedup_assets.cli import main; main()"
    return [python, "-c", start, "run", str(job.images), str(job.work_dir), *options]


def _peer_command(script: str) -> Callable[[str, Job], list[str]]:
    def command(python: str, job: Job) -> list[str]:
        asked = [str(job.images), str(job.work_dir), str(job.neighbors), str(job.threshold)]
        return [python, str(_HERE / "peers" / script), *asked]

    return command


OURS = Tool(
    name="dedup-assets",
    package="dedup-assets",
    version="",
    command=_our_command,
    arguments="defaults but for nearest_neighbors_k and threshold; the gallery is part of the run",
    default_threshold=0.85,
)
FASTDUP = Tool(
    name="fastdup",
    package="fastdup",
    version="2.54",
    command=_peer_command("run_fastdup.py"),
    arguments="defaults but for nearest_neighbors_k and threshold; the run makes no gallery",
    default_threshold=0.9,
    environment={"SENTRY_OPT_OUT": "1"},  # no crash reports or usage figures
    features="atrain_features.dat",
)
IMAGEDEDUP = Tool(
    name="imagededup",
    package="imagededup",
    version="0.3.3.post2",
    command=_peer_command("run_imagededup.py"),
    arguments="PHash, all processes, pairs of at most (1 - threshold) * 64 different bits; no vectors",
    default_threshold=0.84,
)
CLEANVISION = Tool(
    name="cleanvision",
    package="cleanvision",
    version="0.3.7",
    command=_peer_command("run_cleanvision.py"),
    arguments="only exact and near duplicates, of its eight checks; sets without a score, no vectors",
    default_threshold=1.0,
)
TOOLS = {tool.name: tool for tool in (OURS, FASTDUP, IMAGEDEDUP, CLEANVISION)}
