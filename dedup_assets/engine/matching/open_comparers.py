"""Decoding processes that compare the images of a library, one for each thread that asks."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from dedup_assets.engine.core.records import BoundingBox
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.decoders.asking import open_decoders
from dedup_assets.engine.decoders.comparing import Comparer
from dedup_assets.engine.decoders.tasks import LookTask
from dedup_assets.engine.matching.library import Library
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.workers import Lanes, thread_count

_READS_AT_ONCE = 32  # of a store

OpenComparer = Callable[[], AbstractContextManager[Comparer]]
"""Gives a decoding process to one thread, for a while."""


@contextmanager
def open_comparers(
    settings: Settings, library: Library, box: BoundingBox | None
) -> Iterator[tuple[Lanes, OpenComparer]]:
    """Threads, and what gives each of them a decoding process; for the block.

    Args:
        settings: limits and threads.
        library: the images.
        box: what is cut out of each; None: all of it is seen.

    Raises:
        WorkerError: no decoding process can be started.
    """
    limits = DecodingLimits(max_pixels=settings.max_pixels)
    task = LookTask(box, limits, settings.image_seconds, uuid.uuid4().hex)
    threads = thread_count(settings.num_threads)
    with (
        ThreadPoolExecutor(_READS_AT_ONCE, thread_name_prefix="read-objects") as reads,
        open_decoders(threads) as decoders,
        decoders.one_more(),
    ):

        @contextmanager
        def open_comparer() -> Iterator[Comparer]:
            with decoders.lend() as lent:
                yield Comparer(task, lent, partial(library.read_all, reads=reads))

        # One process more than cores, because a process waits between its requests. One thread stays one.
        yield Lanes(threads + 1 if threads > 1 else 1, abandon=decoders.close), open_comparer
