"""Exact copies, found before anything is decoded: of equal files only one is looked at.

The content of most images is stored with their vectors. Files of unknown content are hashed here.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine import stores
from dedup_assets.engine.core.records import Source
from dedup_assets.engine.matching.library import Library
from dedup_assets.engine.workers import Lanes

_SAMPLED_VALUES = 16  # values of each vector that distinguish nearly all vectors
_FILES_TOGETHER = 32
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class ExactCopies:
    """Files with the same bytes.

    Attributes:
        first: (n,) int64: for each image the first one with the same bytes; itself if there is none.
        content: SHA-256 in hex of the images that share size and vector with another one.
    """

    first: NDArray[np.int64]
    content: dict[int, str]


def find_exact_copies(library: Library, vectors: NDArray[np.float32], stored: pl.Series, threads: int) -> ExactCopies:
    """Find the files with the same bytes, among those of one size whose vectors are equal.

    Args:
        library: the images.
        vectors: (n, d) float32, of each image.
        stored: (n,) string, the column `content` of `Shard.images`.
        threads: files that are read at a time.
    """
    suspects = _same_size_and_vector(library.size_bytes, vectors)
    lanes = Lanes(threads, abandon=lambda: None)
    known = zip(suspects.tolist(), stored.gather(suspects), strict=True)
    content = {image: each for image, each in known if each and library.is_file(image)}
    unknown = np.setdiff1d(suspects, list(content))
    chunks = (unknown[start : start + _FILES_TOGETHER] for start in range(0, len(unknown), _FILES_TOGETHER))
    for hashes in lanes.in_order(chunks, lambda rows: _hash_files(library, rows.tolist())):
        content.update(hashes)
    first = np.arange(len(library.names), dtype=np.int64)
    seen: dict[str, int] = {}
    for image in sorted(content, key=library.rank_by_name.__getitem__):
        first[image] = seen.setdefault(content[image], image)
    return ExactCopies(first, content)


def _same_size_and_vector(size_bytes: NDArray[np.int64], vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """The images that share size and vector with another one."""
    rows = _repeated(np.flatnonzero(size_bytes >= 0), [size_bytes])
    if not len(rows):
        return rows
    step = max(1, vectors.shape[1] // _SAMPLED_VALUES)
    sample = np.ascontiguousarray(vectors[rows][:, ::step]).view(np.uint32).astype(np.int64)
    columns = [size_bytes[rows], *sample.T]
    return rows[_repeated(np.arange(len(rows)), columns)]


def _repeated(rows: NDArray[np.int64], columns: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The rows whose values in all columns are also those of another row, ascending."""
    values = np.stack([column[rows] for column in columns], axis=1)
    _, inverse, counts = np.unique(values, axis=0, return_inverse=True, return_counts=True)
    return rows[counts[inverse.ravel()] > 1]


def _hash_files(library: Library, rows: Sequence[int]) -> dict[int, str]:
    """SHA-256 of each file that can be read."""
    found = {}
    for row in rows:
        file = library.read(row)
        if isinstance(file, bytes):
            found[row] = hashlib.sha256(file).hexdigest()
        elif isinstance(file, Source) and library.is_file(row):
            try:
                with stores.open_file(file.name) as opened:
                    found[row] = _hash(opened)
            except OSError:
                continue
    return found


def _hash(file: BinaryIO) -> str:
    sha = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        sha.update(block)
    return sha.hexdigest()
