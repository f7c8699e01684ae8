"""What runs in a decoding process: files nobody has checked meet native code here and nowhere else in a run.

Imports decoders and little more (no polars, no onnxruntime, no store), so that a process starts in a tenth of a second.
`isolation.py` and `containers` ask; see `workers` for how.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from PIL import AvifImagePlugin

from dedup_assets.engine import stores
from dedup_assets.engine.decoding import DecodingLimits, decode_resized
from dedup_assets.engine.errors import ImageError
from dedup_assets.engine.reading import read_sources
from dedup_assets.engine.records import BoundingBox, ErrorCode, Source
from dedup_assets.engine.workers.serving import Job, serve

_RGB = 3


def main(memory: str, lifeline: int) -> None:
    """Answer until the parent ends."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # `num_threads` are all threads; libavif would take one a core
    serve({"decode": _decode, "list_moments": _list_moments}, memory, lifeline)


def _decode(job: Job) -> Iterator[list[str]]:
    """Good pictures one after the other in memory; for each source [], or code and reason where it is bad."""
    stores.open_urls_by(job.open_remote)
    request = job.request
    height, width = request["size"]
    box = BoundingBox(*request["box"]) if request["box"] else None
    limits = DecodingLimits(*request["limits"])
    memory, place, step = job.memory.view(request["memory_size"]), 0, height * width * _RGB
    for content in _contents(request["sources"], job.contents):
        try:
            if isinstance(content, ImageError):
                raise content
            picture = decode_resized(content, (height, width), box=box, limits=limits)
            memory[place : place + step] = picture.data.cast("B")
            place += step
            yield []
        except ImageError as problem:
            yield [problem.code.value, str(problem)]
        except MemoryError:
            yield [ErrorCode.IMAGE_TOO_LARGE.value, "needs more memory than a decoding process may have"]


def _contents(sources: list[Any], given: Sequence[bytes]) -> Iterator[bytes | ImageError]:
    """What was sent along, and what is read here."""
    left = iter(given)
    for is_given, group in groupby(sources, key=lambda source: source is None):
        if is_given:
            yield from (next(left) for _ in group)
        else:
            yield from read_sources([_source(*fields) for fields in group])


def _source(name: str, size_bytes: int, version: str, container: str | None, place: int | None) -> Source:
    inside = None if container is None else container.encode("latin-1")
    return Source(name.encode("latin-1"), size_bytes, version, inside, place)


def _list_moments(job: Job) -> Iterator[list[int]]:
    """The moments of a video; none where it cannot be listed: reading it says why."""
    from dedup_assets.engine.containers.videos import list_moments

    stores.open_urls_by(job.open_remote)
    try:
        yield list_moments(job.request["name"].encode("latin-1"), job.request["fps"])
    except Exception:  # noqa: BLE001 - as above
        yield []
