"""The store of searched query ranges: what one process has searched is found again by a later run, or by who merges.

A range is one Parquet file in `neighbors/FINGERPRINT/`, named for its rows of features.dat. The fingerprint is that of
the published index and features files and of the settings of the search, so that neighbours of other vectors, or by
another index, have another name and are never used.
"""

import hashlib
import json
from collections.abc import Mapping

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import RowRange
from dedup_assets.engine.work_dir import fastdup_files
from dedup_assets.engine.work_dir.index_file import INDEX
from dedup_assets.engine.work_dir.location import FEATURES, SEARCHED, WorkDir


def features_and(work_dir: WorkDir, asked: Mapping[str, object]) -> str:
    """A hash of the published features of a work_dir and of what is asked about them: other ones, another hash."""
    features = work_dir.features_name or work_dir.find(FEATURES, fastdup_files.FEATURES) or FEATURES
    parts = [f"{name}={asked[name]!r}" for name in sorted(asked)]
    return hashlib.sha256("\n".join([f"{features}: {work_dir.version(features)}", *parts]).encode()).hexdigest()


class NeighborRanges:
    """Searched ranges of one index, one feature file and one set of search settings.

    Args:
        work_dir: whose features and index are searched; ranges are kept in its sub-folder `neighbors`.
        asked: what else the result depends on, by name.
    """

    def __init__(self, work_dir: WorkDir, asked: Mapping[str, object]) -> None:
        self._work_dir = work_dir
        index = work_dir.find(INDEX, fastdup_files.INDEX) or INDEX
        self.fingerprint = features_and(work_dir, {**asked, "index": work_dir.version(index)})[:16]

    def name(self, rows: RowRange) -> str:
        """Name of a range's file in the work_dir."""
        return f"{SEARCHED}/{self.fingerprint}/{rows.key}.parquet"

    def has(self, rows: RowRange) -> bool:
        """Whether the range is searched."""
        return self._work_dir.exists(self.name(rows))

    def write(self, rows: RowRange, edges: pl.DataFrame) -> None:
        """Keep the edges of a range."""
        with self._work_dir.publish(self.name(rows)) as (file,):
            edges.write_parquet(file, compression="uncompressed", statistics=False)

    def read(self, rows: RowRange) -> pl.DataFrame:
        """The edges of a range.

        Raises:
            WorkDirError: it was not searched, or its file is damaged.
        """
        name = self.name(rows)
        self._work_dir.require(name, remedy="search this range first")
        try:
            with self._work_dir.open(name) as file:
                return pl.read_parquet(file)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise WorkDirError(
                f"{self._work_dir.path(name)!r} is damaged ({error}); delete it and its range is searched again"
            ) from None

    def has_recall(self) -> bool:
        """Whether the recall of all ranges is known."""
        return self._work_dir.exists(self._recall)

    def write_recall(self, recall: float | None) -> None:
        """Keep the recall of all ranges."""
        with self._work_dir.publish(self._recall) as (file,):
            file.write(json.dumps({"recall_at_k": recall}).encode() + b"\n")

    def read_recall(self) -> float | None:
        """The recall of all ranges; None where it cannot be measured. Raises WorkDirError if the file is damaged."""
        with self._work_dir.open(self._recall) as file:
            try:
                recall: float | None = json.load(file)["recall_at_k"]
            except (ValueError, KeyError, TypeError):
                raise WorkDirError(f"{self._work_dir.path(self._recall)!r} is damaged; delete it") from None
        return recall

    @property
    def _recall(self) -> str:
        return f"{SEARCHED}/{self.fingerprint}/recall.json"

    def prune(self) -> int:
        """Delete ranges of other fingerprints: an index, features or settings that are no more; how many."""
        stale = [folder for folder in self._work_dir.within(SEARCHED).folders() if folder != self.fingerprint]
        for folder in stale:
            self._work_dir.remove_folder(f"{SEARCHED}/{folder}")
        return len(stale)
