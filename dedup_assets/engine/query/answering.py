"""Answering: decode and embed the given images, find their nearest rows, and ask the pixels."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.decoders.asking import decode_all
from dedup_assets.engine.extraction.extract import problem_of_vector
from dedup_assets.engine.inputs.containers import split_frame
from dedup_assets.engine.neighbors.similarity import prepared, similarities
from dedup_assets.engine.query.answers import FoundImage, ImageAnswer, PairAnswer, Witness
from dedup_assets.engine.query.given import GivenImage
from dedup_assets.engine.query.nearest import Near, NearestRows
from dedup_assets.engine.query.stored import StoredIndex
from dedup_assets.engine.query.witnesses import Witnesses
from dedup_assets.engine.stores import local_path
from dedup_assets.engine.workers import Lanes, WorkerPool

LEAST_COSINE = 0.45
"""Pictures that are less similar are not compared by a run either: hardly one in a hundred is a copy."""

_TOGETHER = 8  # images that are decoded and embedded together
_NOTHING: Near = (np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True)
class Inquiry:
    """What is asked of each image.

    Attributes:
        k: most images that are found.
        min_similarity: least similarity of these; None for `LEAST_COSINE`, and for all k in other metrics.
        evidence: whether the pixels of found images are compared.
    """

    k: int
    min_similarity: float | None = None
    evidence: bool = True

    def least(self, stored: StoredIndex) -> float:
        """The least similarity, for the metric of the results."""
        if self.min_similarity is not None:
            return self.min_similarity
        return LEAST_COSINE if stored.search.distance == "cosine" else -np.inf


@dataclass(frozen=True)
class _Embedded:
    """A given image with its vector; `problem` says why there is none."""

    image: GivenImage
    problem: ImageError | None
    vector: NDArray[np.float32] | None = None
    low_information: str | None = None
    content: str | None = None


class Answerer:
    """Answers questions about the results of one generation. May be called from several threads.

    Args:
        stored: the results.
        decoders: decoding processes, which callers share.
        max_pixels: of a given image, where fewer are allowed than in a run; None for those of the run.
    """

    def __init__(self, stored: StoredIndex, decoders: WorkerPool, max_pixels: int | None = None) -> None:
        limits = stored.extraction.limits
        most = limits.max_pixels if max_pixels is None else min(max_pixels, limits.max_pixels)
        self._task = replace(stored.extraction.task, limits=replace(limits, max_pixels=most))
        self.stored, self._decoders = stored, decoders
        self._witnesses = Witnesses(stored)
        self._nearest = NearestRows(stored.features.vectors, stored.index, stored.search, stored.shows_nothing)
        self._marked_rows: dict[str, list[int]] = {}
        if stored.shows_nothing is not None:
            marked = pl.DataFrame({"mark": stored.low_information}).with_row_index("row").filter(pl.col("mark") != "")
            for row, mark in marked.iter_rows():
                self._marked_rows.setdefault(mark, []).append(row)

    def answer(self, images: Sequence[GivenImage], inquiry: Inquiry) -> list[ImageAnswer]:
        """Answer for a few images, in order; each is good or bad.

        Raises:
            ModelError: the model fails on a picture it should accept.
            SearchError: the index cannot be searched.
            WorkerError: no decoding process can be started.
        """
        return [self._answer(each, inquiry) for each in self._embed(images)]

    def answer_all(self, images: Sequence[GivenImage], inquiry: Inquiry) -> Iterator[ImageAnswer]:
        """As `answer`, for any number of images, in several threads."""
        if len(images) <= _TOGETHER:
            yield from self.answer(images, inquiry)
            return
        lanes = Lanes(self.stored.extraction.threads, abandon=lambda: None)
        chunks = (images[start : start + _TOGETHER] for start in range(0, len(images), _TOGETHER))
        for answers in lanes.in_order(chunks, lambda chunk: self.answer(chunk, inquiry)):
            yield from answers

    def compare(self, one: GivenImage, other: GivenImage) -> PairAnswer:
        """Compare two images. Raises as `answer`."""
        a, b = self._embed([one, other])
        if a.vector is None or b.vector is None:
            return PairAnswer((a.problem, b.problem))
        distance = self.stored.search.distance
        queries = prepared(np.stack([a.vector, b.vector]), distance)
        alike: float | None = float(similarities(queries[:1], queries[None, 1:], distance)[0, 0])
        if a.low_information is not None or b.low_information is not None:
            alike = 1.0 if a.low_information and a.low_information == b.low_information else None
        if a.content is not None and a.content == b.content:
            return PairAnswer((None, None), alike, Witness(Relation.EXACT))
        with self._decoders.lend() as lent:
            witness = self._witnesses.compare_given(one, other, alike or 0.0, lent)
        return PairAnswer((None, None), alike, witness)

    def _embed(self, images: Sequence[GivenImage]) -> list[_Embedded]:
        extraction = self.stored.extraction
        with self._decoders.lend() as lent:
            decoded = decode_all([image.file for image in images], self._task, lent)
            some = len(decoded.pictures) > 0
            vectors = iter(extraction.embedder.embed(decoded.pictures) if some else np.empty((0, 0), np.float32))
        found = []
        facts = zip(images, decoded.problems, decoded.low_information, decoded.content, strict=True)
        for image, problem, mark, content in facts:
            if problem is not None:
                found.append(_Embedded(image, problem))
                continue
            vector = next(vectors)
            bad = problem_of_vector(vector)
            found.append(_Embedded(image, bad, None if bad else vector, mark, image.content or content))
        return found

    def _answer(self, embedded: _Embedded, inquiry: Inquiry) -> ImageAnswer:
        label = embedded.image.label
        if embedded.vector is None:
            return ImageAnswer(label, embedded.problem)
        rows, alike = self._similar(embedded, embedded.vector, inquiry.k)
        kept = alike >= inquiry.least(self.stored)
        chosen, near = rows[kept].tolist(), alike[kept].tolist()
        witnesses: list[Witness | None] = [None] * len(chosen)
        if inquiry.evidence and chosen:
            with self._decoders.lend() as lent:
                compared = self._witnesses.compare_stored(embedded.image, embedded.content, chosen, near, lent)
            witnesses = list(compared)
        names = self.stored.features.names
        found = [
            FoundImage(
                *(name, similarity, witness),
                *self.stored.group_of(row),
                is_gone=_is_gone(name),
                also=self.stored.links.get(name, ()),
            )
            for row, name, similarity, witness in zip(chosen, names[chosen], near, witnesses, strict=True)
        ]
        return ImageAnswer(label, None, found)

    def _similar(self, embedded: _Embedded, vector: NDArray[np.float32], k: int) -> Near:
        """The nearest rows. A picture that shows nothing resembles its exact copies only."""
        mark = embedded.low_information
        if mark is None:
            return self._nearest.find(vector, k)
        rows = self._marked_rows.get(mark, [])[:k]
        return (np.array(rows, np.int64), np.ones(len(rows))) if rows else _NOTHING


def _is_gone(name: bytes) -> bool:
    """Whether the file of an image is no longer there; of a member or a frame, that of its archive or video."""
    path = local_path(name)
    if path is None:
        return False
    try:
        os.stat(path)  # noqa: PTH116 - a Path of bytes does not exist
    except FileNotFoundError:
        frame = split_frame(name)
        return frame is None or _is_gone(frame[0])
    except OSError:  # a member of an archive is below a file
        return False
    return False
