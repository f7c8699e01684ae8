"""The tools that are compared: how each is installed, started, and where it leaves its answer.

Add a peer: a `Tool` in `TOOLS`, and a script in `peers/` that runs it with the arguments that all scripts take. A peer
that stores no vectors or lists no pairs leaves those files out, and its row has no figures for them.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Job:
    """What every tool is asked.

    Attributes:
        images: the folder to read.
        work_dir: an empty folder for the answer.
        neighbors: neighbours for each image.
        threshold: similarity from which pairs are listed.
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
        version: of the peer that is installed; empty: what the given interpreter has.
        command: the program and its arguments, from the interpreter of its environment and the job.
        arguments: which arguments it gets, in words, for the report.
        default_threshold: from which similarity it lists pairs when nobody says so.
        environment: variables that it is given.
        features: its file of vectors, under the work_dir; a .csv of names stands beside it.
        pairs: its list of pairs, under the work_dir.
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
        """The variables of this process and the tool's; peers do not see our PYTHONPATH, no run a Dagster instance."""
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
    arguments="defaults, but nearest_neighbors_k and threshold as below; the gallery is part of the run",
    default_threshold=0.85,
)
FASTDUP = Tool(
    name="fastdup",
    package="fastdup",
    version="2.54",
    command=_peer_command("run_fastdup.py"),
    arguments="defaults, but nearest_neighbors_k and threshold as below; the run makes no gallery",
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
    arguments="exact and near duplicates alone, of its eight checks; sets without a score, no vectors",
    default_threshold=1.0,
)
TOOLS = {tool.name: tool for tool in (OURS, FASTDUP, IMAGEDEDUP, CLEANVISION)}
