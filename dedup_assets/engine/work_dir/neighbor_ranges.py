"""The store of searched row ranges: the merging process and later runs reuse what one process has searched.

A range of rows of features.dat is one Parquet file in `neighbors/FINGERPRINT/`, named for the range. The fingerprint
covers the contents of features and index, and the settings of the search. Neighbours of other vectors, or found with
another index, therefore have another name and are never used as they are; `neighbors.incremental` makes those of now
from them. A file holds a hash of its rows: a damaged one is deleted, with a warning, and its range is searched again.
"""

import json
from collections.abc import Sequence

import polars as pl

from dedup_assets.engine.core.own_files import SEARCHED
from dedup_assets.engine.core.records import RowRange
from dedup_assets.engine.work_dir import fastdup_files
from dedup_assets.engine.work_dir.file_names import FEATURES, RECALL, TRUTH
from dedup_assets.engine.work_dir.hashed_tables import DamagedTableError, read_hashed, write_hashed
from dedup_assets.engine.work_dir.identity import digest_of, sha256_of
from dedup_assets.engine.work_dir.index_file import INDEX
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.searched_rows import rows_name
from dedup_assets.engine.work_dir.tables import EDGES_SCHEMA
from dedup_assets.engine.work_dir.used_sets import UsedSets


def features_sha256(work_dir: WorkDir) -> str:
    """SHA-256 of the feature file of a work_dir; empty if there is none."""
    name = work_dir.features_name or work_dir.find(FEATURES, fastdup_files.FEATURES)
    return sha256_of(work_dir, name) if name else ""


def index_sha256(work_dir: WorkDir) -> str:
    """SHA-256 of the index of a work_dir; empty if there is none."""
    name = work_dir.find(INDEX, fastdup_files.INDEX)
    return sha256_of(work_dir, name) if name else ""


class NeighborRanges:
    """Searched ranges of one index, one feature file and one set of search settings.

    Args:
        work_dir: holds the features and the index that are searched; ranges are kept in its sub-folder `neighbors`.
        fingerprint: of features, index and settings, see `fingerprint_of`.
    """

    def __init__(self, work_dir: WorkDir, fingerprint: str) -> None:
        self._work_dir = work_dir
        self.fingerprint = fingerprint

    def name(self, rows: RowRange) -> str:
        """Name of a range's file in the work_dir."""
        return f"{SEARCHED}/{self.fingerprint}/{rows.key}.parquet"

    def has(self, rows: RowRange) -> bool:
        """Whether the range is searched."""
        return self._work_dir.exists(self.name(rows))

    def write(self, rows: RowRange, edges: pl.DataFrame) -> None:
        """Keep the edges of a range."""
        write_hashed(self._work_dir, self.name(rows), edges)

    def read(self, rows: RowRange) -> pl.DataFrame:
        """The edges of a range.

        Raises:
            WorkDirError: it was not searched.
            DamagedTableError: its file is damaged; it was deleted, so that the range is searched again.
        """
        name = self.name(rows)
        self._work_dir.require(name, remedy="search this range first")
        return read_hashed(self._work_dir, name, EDGES_SCHEMA)

    def write_truth(self, edges: pl.DataFrame) -> None:
        """Keep the true neighbours of a sample of rows, which the recall is measured on."""
        write_hashed(self._work_dir, self._truth, edges)

    def read_truth(self) -> pl.DataFrame | None:
        """The true neighbours of a sample of rows; None if they were not kept, or their file is damaged."""
        if not self._work_dir.exists(self._truth):
            return None
        try:
            return read_hashed(self._work_dir, self._truth, EDGES_SCHEMA)
        except DamagedTableError:
            return None

    def write_recall(self, recall: float | None) -> None:
        """Keep the recall of all ranges."""
        with self._work_dir.publish(self._recall) as (file,):
            file.write(json.dumps({"recall_at_k": recall}).encode() + b"\n")

    def read_recall(self) -> float | None:
        """The recall of all ranges; None if it could not be measured.

        Raises:
            KeyError: it is not known, because it was never measured or its file is damaged.
        """
        content = self._work_dir.read_if_any(self._recall)
        try:
            recall = json.loads(content or b"{}")["recall_at_k"]
        except (ValueError, TypeError):
            raise KeyError(self._recall) from None
        if recall is not None and not (isinstance(recall, float | int) and 0 <= recall <= 1):
            raise KeyError(self._recall)
        return recall

    @property
    def _recall(self) -> str:
        return f"{SEARCHED}/{self.fingerprint}/{RECALL}"

    @property
    def _truth(self) -> str:
        return f"{SEARCHED}/{self.fingerprint}/{TRUTH}"

    def prune(self, features: str, truth: "NeighborRanges") -> int:
        """Delete the ranges that no run needs any more (`used_sets`); returns the number of files.

        Args:
            features: SHA-256 of the feature file, whose table of rows is needed too.
            truth: holds the true neighbours of a sample of these.
        """
        folder = f"{self.fingerprint}/"
        names = [folder + name for name in self._work_dir.names(f"{SEARCHED}/{self.fingerprint}")]
        beside = (rows_name(features), f"{truth.fingerprint}/{TRUTH}")
        noted = [*names, *(name for name in beside if self._work_dir.exists(f"{SEARCHED}/{name}"))]
        return UsedSets(self._work_dir, SEARCHED).note(self.fingerprint, noted)


def fingerprint_of(features: str, index: str, depends_on: Sequence[object]) -> str:
    """Fingerprint of searched ranges.

    Args:
        features: SHA-256 of the feature file.
        index: SHA-256 of the index.
        depends_on: other values that the neighbours depend on; JSON must be able to hold them.
    """
    return digest_of([features, index, *depends_on])[:16]
