"""Cut inverted lists that are many times as long as the others.

The vectors of a crowd of near copies may lie so close together that k-means gives most of them to few centroids. Each
of them would be compared with nearly all others, which takes time that grows with the square of the crowd.
"""

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dedup_assets.engine.neighbors.inverted_file.layout import MOST_LISTS, InvertedFile, inverted_file_of
from dedup_assets.engine.neighbors.recall import evenly_spread

_LONG = 16  # times the mean length; lists of different photographs are at most five times as long
_FEWEST_ROWS = 512  # a list of fewer rows is never cut
_SAMPLE_ROWS = 1024  # rows that decide across which direction a list is cut
_BLOCK_ROWS = 8192
_DECIMALS = 6  # equal codes are equal in so many decimals, whatever rows are computed with them


def split_long_lists(index: Any) -> None:  # noqa: ANN401 - faiss is untyped
    """Cut each long list of an inverted file into parts of about equal length, each with a centroid of its own.

    A list is halved across the direction in which its codes vary most, then each half in the same way. The rows of a
    part still ascend. Equal codes cannot be cut; their vectors are mostly equal too and searched once (`crowds`).

    Args:
        index: from `building`, with all vectors. The codes exist twice while lists are cut.
    """
    layout = inverted_file_of(index)
    sizes = [layout.inverted_lists.list_size(number) for number in range(layout.list_count)]
    most = max(_LONG * sum(sizes) // len(sizes), _FEWEST_ROWS)
    parts = {number: _halved(layout.codes(number), np.arange(size), most) for number, size in enumerate(sizes)}
    count = sum(map(len, parts.values()))
    if count == len(sizes) or count > MOST_LISTS:
        return
    centroids = np.concatenate(
        [layout.centroids, np.empty((count - len(sizes), layout.centroids.shape[1]), np.float32)]
    )
    lists: Any = faiss.ArrayInvertedLists(count, layout.inverted_lists.code_size)
    free = len(sizes)
    for number, some in parts.items():
        rows, codes = layout.rows(number), layout.codes(number)
        for target, part in zip([number, *range(free, free + len(some) - 1)], some, strict=True):
            if len(some) > 1:
                centroids[target] = _middle(layout, codes[part])
            append(lists, target, rows[part], codes[part])
        free += len(some) - 1
    inner: Any = faiss.downcast_index(index.index)
    inner.quantizer.reset()
    inner.quantizer.add(centroids)
    inner.nlist = count
    lists.this.disown()
    inner.replace_invlists(lists, True)


def append(lists: Any, number: int, rows: NDArray[np.int64], codes: NDArray[np.uint8]) -> None:  # noqa: ANN401
    """Append rows and their codes to an inverted list."""
    if len(rows):
        rows, codes = np.ascontiguousarray(rows), np.ascontiguousarray(codes)
        lists.add_entries(number, len(rows), faiss.swig_ptr(rows), faiss.swig_ptr(codes))


def _middle(layout: InvertedFile, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The centroid of a part: of length 1 for inner products, because a longer one would attract more queries."""
    middle = layout.values(codes.mean(axis=0, dtype=np.float64))
    length = np.linalg.norm(middle) if layout.is_inner_product else np.float32(1)
    return middle / length if length > 0 else middle


def _halved(codes: NDArray[np.uint8], places: NDArray[np.int64], most: int) -> list[NDArray[np.int64]]:
    """Parts of at most `most` places of a list, each ascending; equal codes stay together."""
    if len(places) <= most:
        return [places]
    sample = codes[places[evenly_spread(len(places), _SAMPLE_ROWS)]].astype(np.float64)
    sample -= sample.mean(axis=0)
    blocks = [places[start : start + _BLOCK_ROWS] for start in range(0, len(places), _BLOCK_ROWS)]
    with threadpool_limits(1, user_api="blas"):  # the last bits would depend on the number of threads
        axis = np.linalg.eigh(sample.T @ sample)[1][:, -1]
        along = np.round(np.concatenate([codes[block] @ axis for block in blocks]), _DECIMALS)
    middle = np.partition(along, len(along) // 2)[len(along) // 2]
    low = along < middle if (along < middle).any() else along <= middle
    if low.all():
        return [places]
    return [part for half in (places[low], places[~low]) for part in _halved(codes, half, most)]
