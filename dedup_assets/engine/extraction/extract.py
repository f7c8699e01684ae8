"""The streaming pipeline: read, decode and embed, overlapped over all threads, in bounded memory and stable order.

Work is cut into small chunks of images. One thread does a whole chunk: it lets a decoding process read and decode
(`decoders`), then embeds the pictures in the memory that both share. Thread and process take turns, so `threads` is the
number that computes at once, and nothing is copied or queued between them. Objects on a store are read ahead
(`read_ahead`). A fixed number of chunks is in work at a time, whatever the number of images.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import BoundingBox, ErrorCode, Manifest, Shard
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.decoders.asking import decode_all, open_decoders
from dedup_assets.engine.decoders.tasks import Decoded, DecodingTask, Undecoded
from dedup_assets.engine.extraction.decoding_ahead import drop_ahead, take_ahead
from dedup_assets.engine.extraction.embedding import Embedder
from dedup_assets.engine.extraction.read_ahead import CHUNK_IMAGES, open_chunks, reading_order
from dedup_assets.engine.pictures import information
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.pictures.versions import decoding_fingerprint, decoding_versions
from dedup_assets.engine.workers import Lanes, WorkerPool

Progress = Callable[[int, int], None]
"""Called with (images done since the last call, bad ones among them)."""

_BATCH = CHUNK_IMAGES  # pictures of one inference


@dataclass(frozen=True)
class Extraction:
    """All that the vectors depend on besides the files.

    Attributes:
        embedder: the model.
        limits: which pictures are refused.
        box: crop before embedding.
        threads: number of threads that compute at once.
        seconds: time limit for decoding one image, and for unpacking it before.
    """

    embedder: Embedder
    limits: DecodingLimits
    box: BoundingBox | None
    threads: int
    seconds: float = Settings.model_fields["image_seconds"].default

    @property
    def task(self) -> DecodingTask:
        """How each image becomes an input of the model."""
        wanted = (self.embedder.input.height, self.embedder.input.width)
        return DecodingTask(wanted, self.box, self.limits, self.seconds)

    @property
    def fingerprint(self) -> str:
        """Equal where the same file gives the same vector: what a stored vector must match to be used again."""
        box = f"{self.box.row},{self.box.col},{self.box.width},{self.box.height}" if self.box else ""
        limits = f"min_side={self.limits.min_side} max_pixels={self.limits.max_pixels}"
        embedding = f"onnxruntime={self.embedder.runtime_version} compute={self.embedder.compute}"
        flat = f"low_information={information.VERSION}"
        return f"{decoding_fingerprint()} {embedding} model={self.embedder.sha256} box={box} {limits} {flat}"

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the rules and libraries that the vectors depend on, by name."""
        return decoding_versions() | {"onnxruntime": self.embedder.runtime_version}


def decoding_limits(settings: Settings) -> DecodingLimits:
    """Which pictures the settings refuse."""
    return DecodingLimits(max_pixels=settings.max_pixels)


def extract(manifest: Manifest, extraction: Extraction, progress: Progress) -> Shard:
    """Compute the vectors of all images of a manifest.

    Args:
        manifest: what to read; small enough that its vectors fit in memory (an offset range).
        extraction: model, limits, crop and threads.
        progress: called after each chunk.

    Returns:
        A row for each image in the manifest's order, and the vectors of the good ones. An image that cannot be used
        is a row with its error, never an exception; the vectors do not depend on the number of threads.

    Raises:
        ModelError: the model fails on a picture it should accept.
        WorkerError: no decoding process can be started.
    """
    # One array is filled, because thousands of small ones would fragment the memory and be copied when joined.
    vectors = np.empty((len(manifest), extraction.embedder.dimension), np.float32)
    good = 0
    codes: list[str | None] = []
    reasons: list[str | None] = []
    low_information: list[str | None] = []
    ordered = reading_order(manifest)
    with open_chunks(ordered, extraction.seconds) as chunks, open_decoders(extraction.threads) as decoders:
        lanes = Lanes(extraction.threads, abandon=decoders.close)
        for outcome in lanes.in_order(chunks, lambda chunk: _embed_chunk(chunk, extraction, decoders)):
            vectors[good : good + len(outcome.vectors)] = outcome.vectors
            good += len(outcome.vectors)
            codes += [str(problem.code) if problem else None for problem in outcome.problems]
            reasons += [str(problem) if problem else None for problem in outcome.problems]
            low_information += outcome.low_information
            progress(len(outcome.problems), sum(problem is not None for problem in outcome.problems))
    drop_ahead()
    images = ordered.images.select("index", "filename", "size_bytes", "version").with_columns(
        pl.Series("error_code", codes, pl.String),
        pl.Series("error", reasons, pl.String),
        pl.Series("low_information", low_information, pl.String),
    )
    return _in_listing_order(images, vectors[:good])


def _in_listing_order(images: pl.DataFrame, vectors: NDArray[np.float32]) -> Shard:
    index = images["index"]
    if index.is_sorted():
        return Shard(images, vectors)
    good = index.filter(images["error_code"].is_null())
    return Shard(images.sort("index"), vectors[good.arg_sort().to_numpy()])


@dataclass(frozen=True)
class _Outcome:
    vectors: NDArray[np.float32]
    problems: list[ImageError | None]
    low_information: list[str | None]


def _embed_chunk(contents: Iterable[Undecoded], extraction: Extraction, decoders: WorkerPool) -> _Outcome:
    chunk = list(contents)
    if ahead := take_ahead(chunk, extraction.task):
        return _embed(ahead, extraction.embedder)
    with decoders.lend() as lent:
        return _embed(decode_all(chunk, extraction.task, lent), extraction.embedder)


def _embed(decoded: Decoded, embedder: Embedder) -> _Outcome:
    pictures = decoded.pictures
    if not len(pictures):
        return _Outcome(np.empty((0, embedder.dimension), np.float32), decoded.problems, decoded.low_information)
    batches = [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]
    vectors = np.concatenate([embedder.embed(batch) for batch in batches])
    return _without_unusable(_Outcome(vectors, decoded.problems, decoded.low_information))


def _without_unusable(outcome: _Outcome) -> _Outcome:
    """Mark images as bad whose vector has no similarity to anything: it holds NaN or infinity, or only zeros."""
    finite: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(outcome.vectors), axis=1)
    good = finite & outcome.vectors.any(axis=1)
    if good.all():
        return outcome
    reasons = {
        True: "the model gave a vector of zeros, which has no direction to compare",
        False: "the model gave a vector that is not finite",
    }
    verdicts = zip(good, finite, strict=True)

    def problem_of(problem: ImageError | None) -> ImageError | None:
        if problem is not None:
            return problem
        is_good, is_finite = next(verdicts)
        return None if is_good else ImageError(ErrorCode.UNREADABLE, reasons[bool(is_finite)])

    problems = [problem_of(problem) for problem in outcome.problems]
    low_information = [
        None if problem else content for problem, content in zip(problems, outcome.low_information, strict=True)
    ]
    return _Outcome(outcome.vectors[good], problems, low_information)
