"""What runs in a decoding process: files nobody has checked meet native code here and nowhere else in a run.

Imports decoders and little more (no polars, no onnxruntime, no store), so that a process starts in a tenth of a second.
`isolation.py` and `containers` ask; see `workers` for how.
"""

import os
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pi_heif
from PIL import AvifImagePlugin

from dedup_assets.engine import stores
from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import BoundingBox, ErrorCode, Source
from dedup_assets.engine.inputs.reading import read_sources
from dedup_assets.engine.pictures.decoding import DecodingLimits, decode_resized, image_size, make_thumbnail
from dedup_assets.engine.workers.serving import Job, serve

_RGB = 3
_HEADER_BYTES = 1 << 16  # nearly every header ends within
_WHOLE_BYTES = 32 << 20  # read for a header that does not


def main(memory: str, lifeline: int) -> None:
    """Answer until the parent ends."""
    # `num_threads` are all threads: libavif would take one a core, libheif four.
    AvifImagePlugin.DEFAULT_MAX_THREADS = pi_heif.options.DECODE_THREADS = 1
    handlers = {"decode": _decode, "look": _look, "describe": _describe, "list_moments": _list_moments}
    serve(handlers, memory, lifeline)


def _decode(job: Job) -> Iterator[list[Any]]:
    """Good pictures one after the other in memory; for each source [], or code and reason where it is bad."""
    request = job.request
    height, width = request["size"]
    box = BoundingBox(*request["box"]) if request["box"] else None
    limits = DecodingLimits(*request["limits"])
    memory, place, step = job.memory.view(request["memory_size"]), 0, height * width * _RGB
    for content in _contents(job):
        with _Answer() as answer:
            picture = decode_resized(_checked(content), (height, width), box=box, limits=limits)
            memory[place : place + step] = picture.data.cast("B")
            place += step
        yield answer.said


def _look(job: Job) -> Iterator[list[Any]]:
    """Thumbnails one after the other in memory; for each source width, height, bytes, and those of its thumbnail."""
    side, limits = job.request["side"], DecodingLimits(*job.request["limits"])
    memory, place = job.memory.view(job.request["memory_size"]), 0
    for content in _contents(job):
        with _Answer() as answer:
            image = _checked(content)
            width, height = image_size(image)
            thumbnail = make_thumbnail(image, (width, height), side, limits)
            memory[place : place + len(thumbnail)] = thumbnail
            place += len(thumbnail)
            answer.said = [width, height, len(image), len(thumbnail)]
        yield answer.said


def _describe(job: Job) -> Iterator[list[Any]]:
    """For each local file width, height and bytes, from its header; null where it does not say."""
    for fields in job.request["sources"]:
        with _Answer() as answer:
            answer.said = [*_facts(_source(*fields).name), 0]
        yield answer.said


def _facts(name: bytes) -> tuple[int | None, int | None, int | None]:
    size_bytes = None
    try:
        with stores.open_file(name) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            head = file.read(_HEADER_BYTES)
            try:
                return *image_size(head), size_bytes
            except ImageError:
                if not len(head) < size_bytes <= _WHOLE_BYTES:
                    raise
                return *image_size(head + file.read()), size_bytes
    except OSError as error:
        raise ImageError(ErrorCode.UNREADABLE, f"cannot be read: {error.strerror or error}") from None
    except ImageError:
        return None, None, size_bytes


class _Answer:
    """What is said of one image: `said`, or code and reason where the block raises what makes an image bad."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def __enter__(self) -> "_Answer":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, ImageError):
            self.said = [error.code.value, str(error)]
        elif isinstance(error, MemoryError):
            self.said = [ErrorCode.IMAGE_TOO_LARGE.value, "needs more memory than a decoding process may have"]
        return isinstance(error, ImageError | MemoryError)


def _checked(content: bytes | ImageError) -> bytes:
    if isinstance(content, ImageError):
        raise content
    return content


def _contents(job: Job) -> Iterator[bytes | ImageError]:
    """What was sent along, and what is read here."""
    stores.open_urls_by(job.open_remote)
    left = iter(job.contents)
    for is_given, group in groupby(job.request["sources"], key=lambda source: source is None):
        if is_given:
            yield from (next(left) for _ in group)
        else:
            yield from read_sources([_source(*fields) for fields in group])


def _source(name: str, size_bytes: int, version: str, container: str | None, place: int | None) -> Source:
    inside = None if container is None else container.encode("latin-1")
    return Source(name.encode("latin-1"), size_bytes, version, inside, place)


def _list_moments(job: Job) -> Iterator[list[int]]:
    """The moments of a video; none where it cannot be listed: reading it says why."""
    from dedup_assets.engine.inputs.containers.videos import list_moments

    stores.open_urls_by(job.open_remote)
    try:
        yield list_moments(job.request["name"].encode("latin-1"), job.request["fps"])
    except Exception:  # noqa: BLE001 - as above
        yield []
