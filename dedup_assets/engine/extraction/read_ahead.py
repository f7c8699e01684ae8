"""Read manifest rows in small chunks: decoding processes read local files, and objects on a store are read ahead.

A local file is read by the process that decodes it, so that no bytes are handed over. On a store the latency limits the
rate, so a bounded number of threads reads objects ahead. Members of archives are read here too, so that an archive's
directory is read and held once, and not once per process.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import polars as pl

from dedup_assets.engine.core.defaults import IMAGE_SECONDS
from dedup_assets.engine.core.records import Manifest, Source
from dedup_assets.engine.decoders.tasks import Undecoded
from dedup_assets.engine.inputs.kinds import Kind, is_streamed, kind_of
from dedup_assets.engine.inputs.reading import read_sources, video_of
from dedup_assets.engine.stores import is_url

Read = Callable[[Source], Undecoded]

CHUNK_IMAGES = 16  # thread and process take turns per chunk: 8 cost 5 % more processor time, 24 as much
_CHUNK_FRAMES = 64  # of a video, because each chunk decodes from the key frame before its first frame
_CHUNK_BYTES = 32 << 20  # a larger file is a chunk of its own
_READS_AT_ONCE = 32  # with 30 ms of latency, 1000 images per second
_CHUNKS_AHEAD = 8  # four times what is read at once; with `_CHUNK_BYTES` 256 MiB at most
_AHEAD_BYTES = 8 << 20  # larger objects are read when their turn comes


def _never(source: Source) -> bool:
    return False


@contextmanager
def open_chunks(
    manifest: Manifest, seconds: float = IMAGE_SECONDS, is_read_here: Callable[[Source], bool] = _never
) -> Iterator[Iterator[Iterable[Undecoded]]]:
    """Read the images of a manifest in its order, which should be that of `reading_order`.

    Args:
        manifest: the images.
        seconds: time limit for unpacking one image of an archive.
        is_read_here: says of a file that a decoding process could read whether it is read here.

    Yields:
        An iterator over chunks, for one thread. Each chunk gives its images once, in any thread. At the end of the
        block, reads that have not ended are dropped.
    """
    with ThreadPoolExecutor(_READS_AT_ONCE, thread_name_prefix="read-ahead") as pool:
        try:
            yield _start(_cut(manifest), pool, lambda source: next(read_sources([source], seconds)), is_read_here)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def reading_order(manifest: Manifest) -> Manifest:
    """The same images in the order that is fastest to read: for an archive compressed as a whole, its own order."""
    containers = manifest.images["container"].unique().drop_nulls()
    streamed = [container for container in containers if is_streamed(container)]
    if not streamed:
        return manifest
    place = pl.when(pl.col("container").is_in(streamed)).then("place")
    return Manifest(manifest.images.sort("container", place, "index"), manifest.listed, manifest.digest)


def is_read_by_decoder(source: Source) -> bool:
    """Whether a decoding process reads an image itself; images in archives and on stores are read here."""
    if video_of(source):
        return True
    kind = kind_of(source.name)
    return source.container is None and (kind is Kind.VIDEO or (kind is not Kind.ARCHIVE and not is_url(source.name)))


def _cut(manifest: Manifest) -> Iterator[list[Source]]:
    chunk: list[Source] = []
    size = 0
    for row in manifest.images.select("filename", "size_bytes", "version", "container", "place").iter_rows():
        source = Source(*row)
        if chunk and not _fits(source, chunk, size + source.size_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(source)
        size += max(source.size_bytes, 0)
    if chunk:
        yield chunk


def _fits(source: Source, chunk: list[Source], size: int) -> bool:
    video = video_of(chunk[-1])
    if video_of(source) != video:
        return False
    return len(chunk) < (_CHUNK_FRAMES if video else CHUNK_IMAGES) and size <= _CHUNK_BYTES


def _start(
    chunks: Iterator[list[Source]], pool: ThreadPoolExecutor, read: Read, is_read_here: Callable[[Source], bool]
) -> Iterator[Iterable[Undecoded]]:
    """Chunks whose reading has begun; on a store it begins well before a chunk is taken."""
    begun: deque[Iterable[Undecoded]] = deque()
    for chunk in chunks:
        ahead = is_url(chunk[0].name) and not video_of(chunk[0])
        if any(source.container and is_streamed(source.container) for source in chunk):
            begun.append([read(source) for source in chunk])  # at once, in the order of the archive
        elif ahead:
            begun.append(_contents([_begin(source, pool, read) for source in chunk], read))
        else:
            begun.append(_in_turn(chunk, read, is_read_here))
        while len(begun) > (_CHUNKS_AHEAD if ahead else 0):
            yield begun.popleft()
    yield from begun


def _in_turn(chunk: list[Source], read: Read, is_read_here: Callable[[Source], bool]) -> Iterator[Undecoded]:
    for source in chunk:
        yield source if is_read_by_decoder(source) and not is_read_here(source) else read(source)


def _begin(source: Source, pool: ThreadPoolExecutor, read: Read) -> "Future[Undecoded] | Source":
    if is_url(source.name) and 0 <= source.size_bytes <= _AHEAD_BYTES:
        return pool.submit(read, source)
    return source


def _contents(begun: "list[Future[Undecoded] | Source]", read: Read) -> Iterator[Undecoded]:
    for item in begun:
        if isinstance(item, Future):
            yield item.result()
        else:
            yield item if is_read_by_decoder(item) else read(item)
