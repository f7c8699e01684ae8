"""Manifest rows to contents, in small chunks: what is local is read by whoever decodes, what lies on a store ahead.

A composer over `reading`. On a local disk the process that decodes reads: nothing is handed over, nothing waits. On a
store latency sets the pace, so objects are read ahead by threads that do nothing but wait, a bounded number at once.
Members of archives are read here too: an archive's directory is then read and held once, not once a process.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import polars as pl

from dedup_assets.engine.core.records import Manifest, Source
from dedup_assets.engine.decoders.tasks import Undecoded
from dedup_assets.engine.inputs.containers import IMAGE_SECONDS
from dedup_assets.engine.inputs.kinds import Kind, is_streamed, kind_of
from dedup_assets.engine.inputs.reading import read_sources, video_of
from dedup_assets.engine.stores import is_url

Read = Callable[[Source], Undecoded]

CHUNK_IMAGES = 8  # also the batch of one inference: measured fastest, and bit-identical to single calls
_CHUNK_FRAMES = 64  # of a video: each chunk starts to decode at a key frame before its first
_CHUNK_BYTES = 32 << 20  # large files travel alone
_READS_AT_ONCE = 32  # with 30 ms of latency, 1000 images a second
_CHUNKS_AHEAD = 16  # twice what is read at once; by the limits on bytes 512 MiB at the very most
_AHEAD_BYTES = 8 << 20  # larger objects are read when their turn comes


@contextmanager
def open_chunks(manifest: Manifest, seconds: float = IMAGE_SECONDS) -> Iterator[Iterator[Iterable[Undecoded]]]:
    """Read the images of a manifest, in its order; give it in `reading_order`.

    Args:
        manifest: which images.
        seconds: that unpacking one may take, of those in archives.

    Yields:
        An iterator over chunks; each gives the contents of a few images, once, in any thread. The iterator itself
        belongs to one thread. At the end of the block whatever is still being read is dropped.
    """
    with ThreadPoolExecutor(_READS_AT_ONCE, thread_name_prefix="read-ahead") as pool:
        try:
            yield _start(_cut(manifest), pool, lambda source: next(read_sources([source], seconds)))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def reading_order(manifest: Manifest) -> Manifest:
    """The same images in the order in which they are read fastest: that of an archive compressed as a whole."""
    containers = manifest.images["container"].unique().drop_nulls()
    streamed = [container for container in containers if is_streamed(container)]
    if not streamed:
        return manifest
    place = pl.when(pl.col("container").is_in(streamed)).then("place")
    return Manifest(manifest.images.sort("container", place, "index"), manifest.listed, manifest.digest)


def is_read_by_decoder(source: Source) -> bool:
    """Whether a decoding process reads an image by itself; what is in archives or on stores is read here."""
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


def _start(chunks: Iterator[list[Source]], pool: ThreadPoolExecutor, read: Read) -> Iterator[Iterable[Undecoded]]:
    """Chunks whose reading has begun where it pays; those on stores are begun well before they are taken."""
    begun: deque[Iterable[Undecoded]] = deque()
    for chunk in chunks:
        ahead = is_url(chunk[0].name) and not video_of(chunk[0])
        if any(source.container and is_streamed(source.container) for source in chunk):
            begun.append([read(source) for source in chunk])  # now and in this order, as their archive gives them
        elif ahead:
            begun.append(_contents([_begin(source, pool, read) for source in chunk], read))
        else:
            begun.append(_in_turn(chunk, read))
        while len(begun) > (_CHUNKS_AHEAD if ahead else 0):
            yield begun.popleft()
    yield from begun


def _in_turn(chunk: list[Source], read: Read) -> Iterator[Undecoded]:
    for source in chunk:
        yield source if is_read_by_decoder(source) else read(source)


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
