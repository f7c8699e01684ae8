"""Turn offset ranges into features: each range is computed once, and later runs and other processes find it.

`RangeExtractor.complete` alone decides what must be computed, for partitions, for the whole chain in one run, for a
re-run and for a run after a crash.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from dedup_assets.engine.core.errors import ModelError, WorkDirError, WorkerError
from dedup_assets.engine.core.records import FeatureStream, Manifest, OffsetRange, Shard, StoredManifest
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.decoders.asking import keep_decoders
from dedup_assets.engine.decoders.tasks import DecodingTask
from dedup_assets.engine.extraction.decoding_ahead import decode_ahead
from dedup_assets.engine.extraction.embedding import open_embedder
from dedup_assets.engine.extraction.extract import Extraction, Progress, decoding_limits, extract
from dedup_assets.engine.inputs.listing import ListingOptions, first_files
from dedup_assets.engine.inputs.manifest import count_inside, part, ranges
from dedup_assets.engine.stores import is_url
from dedup_assets.engine.work_dir import ShardStore, WorkDir
from dedup_assets.engine.work_dir.identity import digest_of
from dedup_assets.engine.work_dir.shards import DamagedShardError
from dedup_assets.engine.workers import thread_count

_HEAD_START_IMAGES = 1024  # as many as one process decodes while Dagster is imported; their pictures take 79 MB


@dataclass(frozen=True)
class RangeOutcome:
    """What one range needed.

    Attributes:
        images: in the range.
        computed: number of them that were computed now.
        copied: number of them that have the bytes of another image, and its vector; the others were stored already.
        seconds: how long that took.
    """

    images: int
    computed: int
    copied: int = 0
    seconds: float = field(default=0.0, compare=False)

    @property
    def rate(self) -> float:
        """Images computed per second."""
        return self.computed / max(self.seconds, 1e-9)


class RangeExtractor:
    """Computes and finds the vectors of offset ranges, as the settings say.

    Args:
        settings: model, crop, limits, threads, range width, and the work_dir.
        work_dir: whose shards are used; None: that of the settings.

    Raises:
        ModelError: the model cannot be used.
    """

    def __init__(self, settings: Settings, work_dir: WorkDir | None = None) -> None:
        self._shard_size = settings.shard_size
        self._input = digest_of([settings.input_dir, settings.video_fps])
        self._is_part = bool(settings.range_folder)
        self._extraction = Extraction(
            embedder=open_embedder(settings.model_path, settings.compute),
            limits=decoding_limits(settings),
            box=settings.box,
            threads=thread_count(settings.num_threads),
            seconds=settings.image_seconds,
        )
        self._store = ShardStore(work_dir or WorkDir(settings.work_dir), self._extraction.fingerprint)
        self._digests: dict[tuple[str, OffsetRange], str] = {}  # each is computed once

    @property
    def model_sha256(self) -> str:
        """SHA-256 of the ONNX file."""
        return self._extraction.embedder.sha256

    @property
    def fingerprint(self) -> str:
        """Equal where the same file gives the same vector."""
        return self._extraction.fingerprint

    @property
    def dimension(self) -> int:
        """Values in one vector."""
        return self._extraction.embedder.dimension

    @property
    def task(self) -> DecodingTask:
        """How each image becomes an input of the model."""
        return self._extraction.task

    def decoders(self) -> AbstractContextManager[None]:
        """Within the block, all ranges are decoded by the same processes."""
        return keep_decoders(self._extraction.threads)

    def cut(self, manifest: Manifest | StoredManifest) -> list[OffsetRange]:
        """The offset ranges of a manifest."""
        return ranges(manifest, self._shard_size)

    def complete(self, manifest: Manifest | StoredManifest, offsets: OffsetRange, progress: Progress) -> RangeOutcome:
        """See that the shard of a range exists; compute the images that no shard has yet.

        Args:
            manifest: the listing.
            offsets: the range; it may lie beyond a listing that has shrunk, and is empty then.
            progress: called for all images, found or computed.

        Raises:
            WorkDirError: the shard cannot be written.
            ModelError: the model fails on a picture.
        """
        begun = time.monotonic()
        images = count_inside(manifest, offsets)
        if not images or self._store.has(self._digest_of(manifest, offsets), offsets):
            progress(images, 0)
            return RangeOutcome(images, 0)
        wanted = part(manifest, offsets)
        known = self._store.known(wanted)
        progress(len(known.rows), 0)
        missing = np.setdiff1d(np.arange(len(wanted)), known.rows)
        fresh = extract(Manifest(wanted.images[missing], wanted.listed, ""), self._extraction, progress, self._store)
        shard = _merge(Shard(known.images, known.vectors), fresh.shard) if len(known.rows) else fresh.shard
        self._store.write(wanted.digest, offsets, shard)
        taken = time.monotonic() - begun
        return RangeOutcome(len(wanted), fresh.decoded, len(missing) - fresh.decoded, taken)

    def stream(self, manifest: Manifest | StoredManifest) -> FeatureStream:
        """All ranges of a manifest, in order; each must be complete.

        Raises:
            WorkDirError: while it is iterated, where a range is missing.
        """
        return FeatureStream(
            self._stored(manifest),
            self.model_sha256,
            self.dimension,
            self._is_part,
            self._digest(manifest),
            self._extraction.versions,
            manifest.listing,
        )

    def _digest(self, manifest: Manifest | StoredManifest) -> str:
        """Digest of what is in the shards; equal digests give the same features."""
        sha = hashlib.sha256()
        for offsets in self.cut(manifest):
            try:
                content = self._store.content_name(self._digest_of(manifest, offsets), offsets)
            except WorkDirError:  # missing or damaged: reading it reports or repairs that
                return ""
            sha.update(content.encode() + b"\n")
        return sha.hexdigest()

    def prune(self, manifest: Manifest | StoredManifest) -> int:
        """Delete shards that no run needs any more (`work_dir.used_sets`), and return their number.

        Nothing is deleted while the manifest is only part of a listing.
        """
        if len(manifest) < manifest.listed:
            return 0
        keep = set()
        for offsets in self.cut(manifest):
            content = self._digest_of(manifest, offsets)
            done, still_open = self._store.names(content, offsets)
            keep.add(done if self._store.has(content, offsets) else still_open)
        return self._store.prune(self._input, keep, manifest.listed)

    def _stored(self, manifest: Manifest | StoredManifest) -> Iterator[Shard]:
        for offsets in self.cut(manifest):
            try:
                yield self._store.read(self._digest_of(manifest, offsets), offsets)
            except DamagedShardError:
                self.complete(manifest, offsets, _ignore_progress)
                yield self._store.read(self._digest_of(manifest, offsets), offsets)

    def _digest_of(self, manifest: Manifest | StoredManifest, offsets: OffsetRange) -> str:
        """Digest of the files in a range."""
        if not manifest.digest:
            return part(manifest, offsets).digest
        key = (manifest.digest, offsets)
        if key not in self._digests:
            self._digests[key] = part(manifest, offsets).digest
        return self._digests[key]


@contextmanager
def head_start(settings: Settings) -> Iterator[None]:
    """Within the block, a process beside this one decodes the first images of a new run.

    It is skipped when

    - the run makes no features of a train set,
    - the run has a single thread,
    - the run does not read a folder from its start, or
    - work_dir is not empty, because an earlier run may have extracted the images already.
    """
    with ExitStack() as held:
        from_start = settings.mode.makes_features and settings.min_offset <= 0
        if from_start and thread_count(settings.num_threads) > 1 and _is_new(settings.work_dir):
            ends = [end for end in (settings.max_offset, settings.num_images, _HEAD_START_IMAGES) if end >= 0]
            with suppress(ModelError, WorkerError):  # the run reports it
                task = RangeExtractor(settings).task
                sources = first_files(settings.input_dir, ListingOptions.of(settings), min(ends))
                by_size = {source.size_bytes: source for source in reversed(sources)}  # others may be exact copies
                if first_of_size := [source for source in sources if by_size[source.size_bytes] is source]:
                    held.enter_context(decode_ahead(first_of_size, task))
        yield


def _is_new(work_dir: str) -> bool:
    try:
        return not is_url(os.fsencode(work_dir)) and not os.listdir(work_dir)  # noqa: PTH208 - wild names
    except FileNotFoundError:
        return True
    except (OSError, ValueError):  # the run reports it
        return False


def _ignore_progress(done: int, bad: int) -> None:
    """Progress of a range whose images were counted before."""


def _merge(known: Shard, fresh: Shard) -> Shard:
    """Two disjoint sets of rows as one, ordered by index."""
    images = pl.concat([known.images, fresh.images]).with_row_index("place").sort("index")
    order = images["place"].to_numpy()
    good = np.concatenate([shard.images["error_code"].is_null().to_numpy() for shard in (known, fresh)])
    vectors = [shard.vectors for shard in (known, fresh) if len(shard.vectors)]
    if not vectors:
        return Shard(images.drop("place"), fresh.vectors)
    row_of = np.cumsum(good) - 1
    return Shard(images.drop("place"), np.concatenate(vectors)[row_of[order[good[order]]]])
