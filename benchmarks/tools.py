"""The tools that are compared: how each is installed and started, and where it leaves its results.

To add a peer, add a `Tool` to `TOOLS` and a script to `peers/` that takes the same arguments as the others. A peer that
stores no vectors or lists no pairs leaves those files out; its row then has no figures for them.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_HERE = Path(__file__).parent
_OUR_PACKAGE = "dedup-assets"


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
        groups: its list of groups in work_dir, if it makes one; else the connected components of its pairs count.
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
    groups: str = "groups.csv"

    @property
    def is_ours(self) -> bool:
        """Whether it is this package, in some configuration."""
        return self.package == _OUR_PACKAGE

    def full_environment(self) -> dict[str, str]:
        """The variables of this process and of the tool; no Dagster instance, and for peers no PYTHONPATH of ours."""
        env = dict(os.environ)
        env.pop("DAGSTER_HOME", None)
        if not self.is_ours:
            env.pop("PYTHONPATH", None)
        return env | self.environment


def _our_command(*more: str) -> Callable[[str, Job], list[str]]:
    def command(python: str, job: Job) -> list[str]:
        options = ["--nearest-neighbors-k", str(job.neighbors), "--threshold", str(job.threshold), *more]
        start = "from dedup_assets.cli import main; main()"
        return [python, "-c", start, "run", str(job.images), str(job.work_dir), *options]

    return command


def _peer_command(script: str) -> Callable[[str, Job], list[str]]:
    def command(python: str, job: Job) -> list[str]:
        asked = [str(job.images), str(job.work_dir), str(job.neighbors), str(job.threshold)]
        return [python, str(_HERE / "peers" / script), *asked]

    return command


OURS = Tool(
    name="dedup-assets",
    package=_OUR_PACKAGE,
    version="",
    command=_our_command(),
    arguments="defaults but for nearest_neighbors_k and threshold; evidence, groups and gallery are part of the run",
    default_threshold=0.85,
)
COSINE_ALONE = Tool(
    name="evidence-off",
    package=_OUR_PACKAGE,
    version="",
    command=_our_command("--evidence", "off"),
    arguments="dedup-assets with evidence=off; its groups are the components of its pairs",
    default_threshold=0.85,
    groups="",
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
CZKAWKA = Tool(
    name="czkawka",
    package="czkawka",
    version="0.1.2",
    command=_peer_command("run_czkawka.py"),
    arguments="its similar-image search with its default hash and distance; sets without a score, no vectors",
    default_threshold=1.0,
)
TOOLS = {tool.name: tool for tool in (OURS, COSINE_ALONE, FASTDUP, IMAGEDEDUP, CLEANVISION, CZKAWKA)}
