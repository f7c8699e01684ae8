"""The results of a comparison: runs of tools on sets of images, and the figures that tables and charts show."""

from dataclasses import dataclass
from statistics import median

from benchmarks.measure import Measurement
from benchmarks.score import GroupQuality, PairQuality, VectorQuality
from benchmarks.tools import Tool


@dataclass(frozen=True)
class Result:
    """The runs of one tool on one set of images.

    Attributes:
        tool: the tool.
        version: version of the tool.
        python: version of the interpreter.
        images: files in the set.
        runs: one measurement per repetition.
        vectors: quality of its vectors; None if it stored none.
        pairs: quality of the pairs at the common threshold; None if it lists none.
        default_pairs: quality of the pairs at its own default threshold, if that is higher.
        groups: quality of its groups, or of the components of `default_pairs`.
    """

    tool: Tool
    version: str
    python: str
    images: int
    runs: list[Measurement]
    vectors: VectorQuality | None
    pairs: PairQuality | None
    default_pairs: PairQuality | None
    groups: GroupQuality | None = None

    @property
    def failed(self) -> str:
        """Why there is no result; empty if there is one."""
        return next((f"failed with exit code {run.exit_code}" for run in self.runs if run.exit_code), "")

    @property
    def wall_seconds(self) -> float:
        """Median of the repetitions."""
        return median(run.wall_seconds for run in self.runs)

    @property
    def images_per_second(self) -> float:
        """At the median wall time."""
        return self.images / self.wall_seconds

    @property
    def cpu_ms_per_image(self) -> float:
        """At the median processor time."""
        return 1000 * median(run.cpu_seconds for run in self.runs) / self.images

    @property
    def peak_megabytes(self) -> float:
        """The largest of all repetitions."""
        return max(run.peak_bytes for run in self.runs) / 1e6


@dataclass(frozen=True)
class ImageSet:
    """The results on one set of images.

    Attributes:
        name: name of the protocol or of the folder.
        images: files in it.
        groups: groups of copies.
        results: one per tool, ours first.
    """

    name: str
    images: int
    groups: int
    results: list[Result]
