"""Hashes of the pixels of images in full size, by content."""

import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import polars as pl

from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.decoders.asking import open_decoders
from dedup_assets.engine.decoders.comparing import Comparer
from dedup_assets.engine.decoders.tasks import LookTask
from dedup_assets.engine.matching.library import Library
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.work_dir import WorkDir, ledger_file
from dedup_assets.engine.workers import Lanes, thread_count

_TOGETHER = 8
_READS_AT_ONCE = 16


def hash_pixels(images: Mapping[str, bytes], settings: Settings, work_dir: WorkDir) -> dict[str, str | None]:
    """Hashes of the pixels of contents; None for several frames. Without files that cannot be read or have changed.

    Args:
        images: the name of a file of each content.
        settings: limits and threads.
        work_dir: knows the sizes of the files.

    Raises:
        WorkerError: no decoding process can be started.
    """
    if not images:
        return {}
    contents, names = list(images), pl.Series("filename", list(images.values()), pl.Binary)
    library = Library.of(names, ledger_file.read_listed_sizes(work_dir), settings.image_seconds)
    limits = DecodingLimits(max_pixels=settings.max_pixels)
    task = LookTask(None, limits, settings.image_seconds, uuid.uuid4().hex)
    bundles = [range(start, min(start + _TOGETHER, len(names))) for start in range(0, len(names), _TOGETHER)]
    found: dict[str, str | None] = {}
    threads = thread_count(settings.num_threads)
    with (
        ThreadPoolExecutor(_READS_AT_ONCE, thread_name_prefix="read-objects") as reads,
        open_decoders(threads) as decoders,
    ):

        def work(bundle: Sequence[int]) -> list[tuple[str, str | None]]:
            with decoders.lend() as lent:
                comparer = Comparer(task, lent, partial(library.read_all, reads=reads))
                comparer.look(bundle)
                digests = comparer.hash_pixels(bundle)
            looked = [comparer.looked[image] for image in bundle]
            return [
                (contents[image], digest if look.frames == 1 else None)
                for image, look, digest in zip(bundle, looked, digests, strict=True)
                if look.content == contents[image] and digest
            ]

        for some in Lanes(threads, abandon=decoders.close).in_order(bundles, work):
            found.update(some)
    return found
