"""Similarities of edited copies to the images that they were made of."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.decoders.edited import edit_all
from dedup_assets.engine.extraction.read_by_name import find_content
from dedup_assets.engine.neighbors.similarity import prepared, similarities
from dedup_assets.engine.query import StoredIndex
from dedup_assets.engine.workers import Lanes, WorkerPool

_TOGETHER = 4  # images whose copies are made together


def copy_similarities(stored: StoredIndex, rows: Sequence[int], decoders: WorkerPool) -> NDArray[np.float64]:
    """The similarity of each edited copy to its image.

    Args:
        stored: results with these images.
        rows: the images.
        decoders: decoding processes.

    Returns:
        (m, edits) float64, for the m images that can still be read, in the order of `EDITS`.

    Raises:
        ModelError: the model fails on a copy.
        WorkerError: no decoding process can be started.
    """
    extraction, distance = stored.extraction, stored.search.distance

    def compare(some: Sequence[int]) -> list[NDArray[np.float64]]:
        names = [stored.features.names[row] for row in some]
        with decoders.lend() as lent:
            made = edit_all([find_content(name, extraction.seconds) for name in names], extraction.task, lent)
        found = []
        for row, copies in zip(some, made, strict=True):
            if copies is not None:
                vectors = prepared(extraction.embedder.embed(copies), distance)
                image = prepared(stored.features.vectors[row : row + 1], distance)
                found.append(similarities(image, vectors[None], distance)[0])
        return found

    chunks = [rows[start : start + _TOGETHER] for start in range(0, len(rows), _TOGETHER)]
    lanes = Lanes(extraction.threads, abandon=decoders.close)
    return np.array([alike for some in lanes.in_order(chunks, compare) for alike in some])
