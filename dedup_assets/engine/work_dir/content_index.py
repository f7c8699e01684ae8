"""Where the result of each content is stored, in 24 bytes of memory per image."""

from threading import Lock

import numpy as np
import polars as pl
from numpy.typing import NDArray

_LEAST_PENDING = 1 << 16
_PLACE = np.dtype([("key", np.uint64), ("shard", np.int32), ("row", np.int32)])


class ContentIndex:
    """Rows of shards by content and by size. Safe for several threads.

    Contents are told apart by 64 bits; whoever reads the row that was found compares all of its content.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._sizes = np.empty(0, np.int64)  # each once, ascending
        self._places = np.empty(0, _PLACE)  # by key, ascending
        self._pending: list[tuple[NDArray[np.int64], NDArray[np.void]]] = []
        self._lock = Lock()

    def add(self, shard: str, rows: pl.DataFrame) -> None:
        """Add rows of a shard.

        Args:
            shard: its name.
            rows: `place` (number of the row in the shard), `size_bytes` and `content`, not null.
        """
        if rows.is_empty():
            return
        places = np.empty(rows.height, _PLACE)
        places["key"] = _keys(rows["content"])
        places["shard"], places["row"] = len(self._names), rows["place"].to_numpy()
        places.sort(order="key")
        with self._lock:
            self._names.append(shard)
            self._pending.append((np.unique(rows["size_bytes"].to_numpy()), places))
            if sum(len(each) for _, each in self._pending) > max(_LEAST_PENDING, len(self._places) // 4):
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
            at = int(np.searchsorted(part["key"], key))
            if at < len(part) and part["key"][at] == key:
                return self._names[int(part["shard"][at])], int(part["row"][at])
        return None

    def _merge(self) -> None:
        sizes, places = zip(*self._pending, strict=True)
        self._sizes = np.unique(np.concatenate([self._sizes, *sizes]))
        merged = np.concatenate([self._places, *places])
        order = np.argsort(merged["key"], kind="stable")
        keys = merged["key"][order]
        first = np.concatenate([[True], keys[1:] != keys[:-1]]) if len(keys) else np.empty(0, np.bool_)
        self._places = merged[order[first]]
        self._pending = []


def _keys(content: pl.Series) -> NDArray[np.uint64]:
    return content.hash(seed=0).to_numpy()
