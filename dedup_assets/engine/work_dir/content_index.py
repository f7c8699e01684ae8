"""Where the result of each content is stored, in some 24 bytes of memory per image."""

from threading import Lock
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

_LEAST_PENDING = 1 << 16


class _Part(NamedTuple):
    """Rows by key, ascending; arrays of their own, because a search in a column of records would copy the column."""

    keys: NDArray[np.uint64]
    shards: NDArray[np.int32]
    rows: NDArray[np.int32]


class ContentIndex:
    """Rows of shards by content and by size. Safe for several threads.

    Contents are told apart by 64 bits; whoever reads the row that was found compares all of its content.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._sizes = np.empty(0, np.int64)  # each once, ascending
        self._places = _Part(np.empty(0, np.uint64), np.empty(0, np.int32), np.empty(0, np.int32))
        self._pending: list[tuple[NDArray[np.int64], _Part]] = []
        self._lock = Lock()

    def add(self, shard: str, rows: pl.DataFrame) -> None:
        """Add rows of a shard.

        Args:
            shard: its name.
            rows: `place` (number of the row in the shard), `size_bytes` and `content`, not null.
        """
        if rows.is_empty():
            return
        keys = _keys(rows["content"])
        order = np.argsort(keys, kind="stable")
        numbers = rows["place"].to_numpy().astype(np.int32)
        sizes = np.unique(rows["size_bytes"].to_numpy())
        with self._lock:
            shards = np.full(len(keys), len(self._names), np.int32)
            self._names.append(shard)
            self._pending.append((sizes, _Part(keys[order], shards, numbers[order])))
            if sum(len(each.keys) for _, each in self._pending) > max(_LEAST_PENDING, len(self._places.keys) // 4):
                self._merge()

    def shares_size(self, size_bytes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which sizes a stored image has."""
        with self._lock:
            parts = [self._sizes, *(sizes for sizes, _ in self._pending)]
        found = np.zeros(len(size_bytes), np.bool_)
        for part in parts:
            at = np.minimum(np.searchsorted(part, size_bytes), max(len(part) - 1, 0))
            found |= part[at] == size_bytes if len(part) else False
        return found

    def find(self, content: str) -> tuple[str, int] | None:
        """The shard and the row with the result of a content, probably; None if there is none."""
        key = _keys(pl.Series([content], dtype=pl.String))[0]
        with self._lock:
            parts = [self._places, *(places for _, places in self._pending)]
        for part in parts:
            at = int(np.searchsorted(part.keys, key))
            if at < len(part.keys) and part.keys[at] == key:
                return self._names[int(part.shards[at])], int(part.rows[at])
        return None

    def _merge(self) -> None:
        sizes, parts = zip(*self._pending, strict=True)
        self._sizes = np.unique(np.concatenate([self._sizes, *sizes]))
        columns = [np.concatenate(column) for column in zip(self._places, *parts, strict=True)]
        _, first = np.unique(columns[0], return_index=True)
        self._places = _Part(*(column[first] for column in columns))
        self._pending = []


def _keys(content: pl.Series) -> NDArray[np.uint64]:
    return content.hash(seed=0).to_numpy()
