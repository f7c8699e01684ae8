"""The store of searched row ranges: the merging process and later runs reuse what one process has searched.

A range of rows of features.dat is one Parquet file in `neighbors/FINGERPRINT/`, named for the range. The fingerprint
covers the contents of features and index, and the settings of the search. Neighbours of other vectors, or found with
another index, therefore have another name and are never used. A file holds a hash of its rows: a damaged one is
deleted, with a warning, and its range is searched again.
"""

import hashlib
import json
import logging
from collections.abc import Sequence

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.own_files import SEARCHED
from dedup_assets.engine.core.records import RowRange
from dedup_assets.engine.work_dir import fastdup_files
from dedup_assets.engine.work_dir.file_names import FEATURES, RECALL
from dedup_assets.engine.work_dir.identity import digest_of, sha256_of
from dedup_assets.engine.work_dir.index_file import INDEX
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import EDGES_SCHEMA, UNUSABLE, check_columns, first_line
from dedup_assets.engine.work_dir.used_sets import UsedSets

_LOG = logging.getLogger(__name__)
_HASH = "sha256"


class DamagedNeighborsError(WorkDirError):
    """The file of a searched range was damaged; it is deleted, and its range can be searched again."""


def features_sha256(work_dir: WorkDir) -> str:
    """SHA-256 of the feature file of a work_dir; empty if there is none."""
    name = work_dir.features_name or work_dir.find(FEATURES, fastdup_files.FEATURES)
    return sha256_of(work_dir, name) if name else ""


class NeighborRanges:
    """Searched ranges of one index, one feature file and one set of search settings.

    Args:
        work_dir: holds the features and the index that are searched; ranges are kept in its sub-folder `neighbors`.
        depends_on: other values that the neighbours depend on; JSON must be able to hold them.
    """

    def __init__(self, work_dir: WorkDir, depends_on: Sequence[object]) -> None:
        self._work_dir = work_dir
        index = work_dir.find(INDEX, fastdup_files.INDEX)
        index_sha256 = sha256_of(work_dir, index) if index else ""
        self.fingerprint = digest_of([features_sha256(work_dir), index_sha256, *depends_on])[:16]

    def name(self, rows: RowRange) -> str:
        """Name of a range's file in the work_dir."""
        return f"{SEARCHED}/{self.fingerprint}/{rows.key}.parquet"

    def has(self, rows: RowRange) -> bool:
        """Whether the range is searched."""
        return self._work_dir.exists(self.name(rows))

    def write(self, rows: RowRange, edges: pl.DataFrame) -> None:
        """Keep the edges of a range."""
        with self._work_dir.publish(self.name(rows)) as (file,):
            edges.write_parquet(file, compression="uncompressed", statistics=False, metadata={_HASH: _hash_of(edges)})

    def read(self, rows: RowRange) -> pl.DataFrame:
        """The edges of a range.

        Raises:
            WorkDirError: it was not searched.
            DamagedNeighborsError: its file is damaged.
        """
        name = self.name(rows)
        self._work_dir.require(name, remedy="search this range first")
        try:
            with self._work_dir.open(name) as file:
                recorded = pl.read_parquet_metadata(file).get(_HASH)
                file.seek(0)
                edges = pl.read_parquet(file)
                check_columns(edges.schema, EDGES_SCHEMA)
        except UNUSABLE as error:
            raise self._damaged(name, first_line(error)) from None
        if recorded != _hash_of(edges):
            raise self._damaged(name, "its content is not what was written")
        return edges

    def _damaged(self, name: str, reason: str) -> DamagedNeighborsError:
        _LOG.warning("%r is damaged (%s): deleted, its range is searched again", self._work_dir.path(name), reason)
        self._work_dir.remove(name)
        return DamagedNeighborsError(f"{self._work_dir.path(name)!r} was damaged ({reason}); run again")

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

    def prune(self) -> int:
        """Delete the ranges that no run needs any more (`used_sets`); returns the number of files."""
        folder = f"{self.fingerprint}/"
        names = [folder + name for name in self._work_dir.names(f"{SEARCHED}/{self.fingerprint}")]
        return UsedSets(self._work_dir, SEARCHED).note(self.fingerprint, names)


def _hash_of(edges: pl.DataFrame) -> str:
    """SHA-256 of the bytes of all columns, with their names and types."""
    sha = hashlib.sha256(repr(list(edges.schema.items())).encode())
    for column in edges:
        sha.update(column.to_numpy().data)
    return sha.hexdigest()
