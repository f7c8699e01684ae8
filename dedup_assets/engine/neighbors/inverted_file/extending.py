"""Make the inverted file of now from a former one: rows that went are left out, rows that came are appended.

Projection, centroids, steps of codes and the number of lists that are searched stay. The rows of a list still ascend.
"""

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.search_settings import Distance
from dedup_assets.engine.neighbors.inverted_file.building import add_rows, empty_index
from dedup_assets.engine.neighbors.inverted_file.layout import InvertedFile, inverted_file_of, set_nprobe
from dedup_assets.engine.neighbors.inverted_file.splitting import append


def extend_inverted_file(
    former: Any,  # noqa: ANN401 - faiss is untyped
    vectors: NDArray[np.float32],
    place: NDArray[np.int64],
    added: NDArray[np.int64],
    distance: Distance,
    threads: int,
) -> Any:  # noqa: ANN401
    """A new inverted file over the rows of now; the former one stays as it is.

    Args:
        former: from `building`; may be memory-mapped.
        vectors: (n, d) float32, all rows of now.
        place: (m,) the row of now of each former row, ascending; -1 where it is gone.
        added: (a,) new rows, ascending.
        distance: the metric that it was built for.
        threads: most threads that compute.
    """
    layout = inverted_file_of(former)
    index = empty_index(layout.projection, layout.list_count, distance)
    inner, trained = (faiss.downcast_index(each.index) for each in (index, former))
    inner.quantizer.add(layout.centroids)  # type: ignore[attr-defined]
    faiss.copy_array_to_vector(faiss.vector_to_array(trained.sq.trained), inner.sq.trained)  # type: ignore[attr-defined]
    inner.is_trained = index.is_trained = True
    add_rows(index, vectors, added, distance, threads)
    new = inverted_file_of(index)
    lists: Any = faiss.ArrayInvertedLists(layout.list_count, layout.inverted_lists.code_size)
    for number in range(layout.list_count):
        append(lists, number, *_merged(layout, new, number, place))
    lists.this.disown()
    inner.replace_invlists(lists, True)  # type: ignore[attr-defined]
    inner.ntotal = index.ntotal = len(vectors)
    set_nprobe(index, layout.nprobe)
    return index


def _merged(
    former: InvertedFile, new: InvertedFile, number: int, place: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Rows of now in a list, ascending, with their codes."""
    rows = place[former.rows(number)]
    stay = rows >= 0
    rows = np.concatenate([rows[stay], new.rows(number)])
    codes = np.concatenate([former.codes(number)[stay], new.codes(number)])
    order = np.argsort(rows, kind="stable")
    return rows[order], codes[order]
