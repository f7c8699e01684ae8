"""What the comparison finds: runs of tools on sets of images, and the figures that tables and charts show."""

from dataclasses import dataclass
from statistics import median

from benchmarks.measure import Measurement
from benchmarks.score import PairQuality, VectorQuality
from benchmarks.tools import Tool


@dataclass(frozen=True)
class Result:
    """A tool on a set of images.

    Attributes:
        tool: which.
        version: of the tool.
        python: version of the interpreter.
        images: files in the set.
        runs: one measurement a repetition.
        vectors: None where it stored none.
        pairs: its list from the common threshold on; None where it has none.
        default_pairs: the part of that list from its own default threshold on.
    """

    tool: Tool
    version: str
    python: str
    images: int
    runs: list[Measurement]
    vectors: VectorQuality | None
    pairs: PairQuality | None
    default_pairs: PairQuality | None

    @property
    def failed(self) -> str:
        """Why there is no answer; empty where there is one."""
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
        name: of the protocol, or of the folder.
        images: files in it.
        groups: groups of copies.
        results: one a tool, ours first.
    """

    name: str
    images: int
    groups: int
    results: list[Result]
