"""The streaming pipeline: read, decode and embed, overlapped over all threads, in bounded memory and stable order.

Work is cut into small chunks of images. One thread does a whole chunk: it lets a decoding process read and decode
(`decoders`), then embeds the pictures in the memory that both share. Thread and process take turns, so `threads` is the
number that computes at once, and nothing is copied or queued between them. Objects on a store are read ahead
(`read_ahead`). A fixed number of chunks is in work at a time, whatever the number of images. Of exact copies one is
decoded (`contents`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.image_facts import ImageFacts
from dedup_assets.engine.core.records import BoundingBox, ErrorCode, Manifest, Shard
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.decoders.asking import decode_all, open_decoders
from dedup_assets.engine.decoders.tasks import SMALL_SIDE, THUMBNAIL_SIDE, Decoded, DecodingTask, Undecoded
from dedup_assets.engine.extraction.contents import Claim, Contents, KnownContents
from dedup_assets.engine.extraction.decoding_ahead import drop_ahead, is_asked_ahead, take_ahead
from dedup_assets.engine.extraction.embedding import Embedder
from dedup_assets.engine.extraction.part_rows import ChunkOutcome, PartRows
from dedup_assets.engine.extraction.read_ahead import open_chunks, reading_order
from dedup_assets.engine.pictures import information, measuring
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.pictures.versions import decoding_fingerprint, decoding_versions
from dedup_assets.engine.workers import Lanes, WorkerPool

Progress = Callable[[int, int], None]
"""Called with (images done since the last call, bad ones among them)."""

_BATCH = 8  # pictures of one inference; bit-identical to single calls


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
        return DecodingTask(wanted, self.box, self.limits, self.seconds, (THUMBNAIL_SIDE, SMALL_SIDE))

    @property
    def fingerprint(self) -> str:
        """Equal where the same file gives the same vector: what a stored vector must match to be used again."""
        box = f"{self.box.row},{self.box.col},{self.box.width},{self.box.height}" if self.box else ""
        limits = f"min_side={self.limits.min_side} max_pixels={self.limits.max_pixels}"
        embedding = f"onnxruntime={self.embedder.runtime_version} compute={self.embedder.compute}"
        flat = f"low_information={information.VERSION} facts={measuring.VERSION}"
        return f"{decoding_fingerprint()} {embedding} model={self.embedder.sha256} box={box} {limits} {flat}"

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the rules and libraries that the vectors depend on, by name."""
        return decoding_versions() | {"onnxruntime": self.embedder.runtime_version}


def decoding_limits(settings: Settings) -> DecodingLimits:
    """Which pictures the settings refuse."""
    return DecodingLimits(max_pixels=settings.max_pixels)


@dataclass(frozen=True)
class Extracted:
    """The result of `extract`.

    Attributes:
        shard: a row for each image, and the vectors of the good ones.
        decoded: number of images that were decoded; the others have the bytes of one of these, or of a known one.
    """

    shard: Shard
    decoded: int


def extract(
    manifest: Manifest, extraction: Extraction, progress: Progress, known: KnownContents | None = None
) -> Extracted:
    """Find the vectors of all images of a manifest.

    Args:
        manifest: what to read; small enough that its vectors fit in memory (an offset range).
        extraction: model, limits, crop and threads.
        progress: called after each chunk.
        known: contents whose results are used again.

    Returns:
        A row for each image in the manifest's order, and the vectors of the good ones. An image that cannot be used
        is a row with its error, never an exception; the vectors do not depend on the number of threads.

    Raises:
        ModelError: the model fails on a picture it should accept.
        WorkerError: no decoding process can be started.
    """
    ordered = reading_order(manifest)
    contents = Contents(ordered, known)
    rows = PartRows(len(manifest), extraction.embedder.dimension)
    with (
        open_chunks(ordered, extraction.seconds, contents.is_read_here) as chunks,
        open_decoders(extraction.threads) as decoders,
    ):
        lanes = Lanes(extraction.threads, abandon=decoders.close)
        for outcome in lanes.in_order(chunks, lambda chunk: _embed_chunk(chunk, extraction, decoders, contents)):
            progress(*rows.add(outcome))
    drop_ahead()
    filled, left = rows.copy_results(known)
    progress(len(filled), rows.count_bad(filled))
    decoded = rows.own
    if left:
        left.sort(key=ordered.images["index"].gather(left).__getitem__)
        alone = extract(replace(ordered, images=ordered.images[left]), extraction, progress)
        rows.set_rows(left, alone.shard)
        decoded += alone.decoded
    return Extracted(rows.shard(ordered.images), decoded)


def _embed_chunk(
    chunk: Iterable[Undecoded], extraction: Extraction, decoders: WorkerPool, contents: Contents
) -> ChunkOutcome:
    images = list(chunk)
    content = [contents.before_decoding(image) for image in images]
    claims = [Claim.OWN if each is None else contents.claim(each) for each in content]
    wanted = [place for place, claim in enumerate(claims) if claim is Claim.OWN]
    vectors = np.empty((len(images), extraction.embedder.dimension), np.float32)
    problems: list[ImageError | None] = [None] * len(images)
    low_information: list[str | None] = [None] * len(images)
    facts: list[ImageFacts | None] = [None] * len(images)

    def embed(places: Sequence[int], decoded: Decoded) -> None:
        good = [place for place, problem in zip(places, decoded.problems, strict=True) if problem is None]
        vectors[good] = _embed(decoded, extraction.embedder)
        for place, problem, mark, measured, read in zip(
            places, decoded.problems, decoded.low_information, decoded.facts, decoded.content, strict=True
        ):
            problems[place], low_information[place], facts[place] = problem, mark, measured
            if read is not None and read != content[place]:
                content[place] = read
                claims[place] = Claim.OWN if contents.claim(read) is Claim.OWN else Claim.AGAIN
        for place in good:
            if problem := problem_of_vector(vectors[place]):
                problems[place], low_information[place] = problem, None

    asked = [place for place in wanted if is_asked_ahead(images[place])]
    if ahead := take_ahead([images[place] for place in asked], extraction.task):
        embed(asked, ahead)
        wanted = [place for place in wanted if place not in asked]
    if wanted:
        with decoders.lend() as lent:
            embed(wanted, decode_all([images[place] for place in wanted], extraction.task, lent))
    decoded = [place for place, claim in enumerate(claims) if claim in {Claim.OWN, Claim.AGAIN}]
    usable = [place for place in decoded if problems[place] is None]
    return ChunkOutcome(claims, content, problems, low_information, facts, vectors[usable])


def _embed(decoded: Decoded, embedder: Embedder) -> NDArray[np.float32]:
    pictures = decoded.pictures
    if not len(pictures):
        return np.empty((0, embedder.dimension), np.float32)
    batches = [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]
    return np.concatenate([embedder.embed(batch) for batch in batches])


def problem_of_vector(vector: NDArray[np.float32]) -> ImageError | None:
    """Why a vector has no similarity to anything; None where it has."""
    if not np.isfinite(vector).all():
        return ImageError(ErrorCode.UNREADABLE, "the model gave a vector that is not finite")
    if not vector.any():
        return ImageError(ErrorCode.UNREADABLE, "the model gave a vector of zeros, which has no direction to compare")
    return None
