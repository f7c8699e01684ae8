"""The program of a decoding process: the only place in a run where unchecked files meet native code.

It imports decoders and little more (no polars, no onnxruntime, no store), so that a process starts in a tenth of a
second. `asking` and `inputs.containers` send the requests; `workers` describes how they travel.
"""

import hashlib
import os
from collections.abc import Iterator
from typing import Any

import pi_heif
from PIL import AvifImagePlugin, Image

from dedup_assets.engine import stores
from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode, Source
from dedup_assets.engine.decoders import editing, looking
from dedup_assets.engine.decoders.messages import answer_of_picture, box_of, limits_of, sources_of
from dedup_assets.engine.decoders.received import Answer, checked, files_of
from dedup_assets.engine.inputs.reading import video_of
from dedup_assets.engine.pictures.decoding import decode_measured, image_size, make_thumbnail
from dedup_assets.engine.pictures.information import is_varied, shows_nothing
from dedup_assets.engine.workers.serving import Handler, Job, serve

_HEADER_BYTES = 1 << 16  # nearly every header ends within these
_VIDEO = "VIDEO"  # format of a frame
_WHOLE_BYTES = 32 << 20  # largest file that is read whole for a header that ends later


def main(memory: str, lifeline: int) -> None:
    """Answer requests until the parent ends."""
    # Each process has one core: by default libavif takes a thread per core, and libheif four.
    AvifImagePlugin.DEFAULT_MAX_THREADS = pi_heif.options.DECODE_THREADS = 1
    Image.MAX_IMAGE_PIXELS = None  # `max_pixels` is the limit
    handlers: dict[str, Handler] = {
        **{"decode": _decode, "preview": _preview, "describe": _describe, "list_moments": _list_moments},
        "edit": editing.edit,
        **{"look": looking.look, "compare": looking.compare, "pixels": looking.pixels},
        "fineness": looking.fineness,
    }
    serve(handlers, memory, lifeline)


def _decode(job: Job) -> Iterator[list[Any]]:
    """See `messages.decoding_request`."""
    request = job.request
    height, width = request["size"]
    box, limits = box_of(request), limits_of(request)
    memory, place = job.memory.view(request["memory_size"]), 0
    for file, source in zip(files_of(job, sources_of(request)), sources_of(request), strict=True):
        content = _content(file, source)
        with Answer() as answer:
            sides = request["thumbnails"] if _is_local_file(source) else ()
            picture, facts, thumbnails = decode_measured(
                checked(file), (height, width), box=box, limits=limits, thumbnails=sides
            )
            memory[place : place + picture.nbytes] = picture.data.cast("B")
            place += picture.nbytes
            is_flat = not is_varied(facts.stdv) and shows_nothing(picture)
            mark = _low_information_mark(checked(file), source) if is_flat else None
            is_frame = source is not None and video_of(source) is not None
            answer.fields = answer_of_picture(mark, facts._replace(format=_VIDEO) if is_frame else facts, thumbnails)
        yield [*answer.fields, content]


def _is_local_file(source: Source | None) -> bool:
    return source is not None and source.container is None and not stores.is_url(source.name)


def _content(file: bytes | ImageError, source: Source | None) -> str | None:
    """SHA-256 of a file that is read here; the pipeline knows that of bytes which came with the request."""
    is_file = isinstance(file, bytes) and source is not None and video_of(source) is None
    return hashlib.sha256(file).hexdigest() if is_file else None  # type: ignore[arg-type]  # bytes


def _low_information_mark(file: bytes, source: Source | None) -> str:
    """The first 32 hex digits of a file's SHA-256; empty for a frame of a video, because a frame is no file."""
    is_frame = source is not None and video_of(source) is not None
    return "" if is_frame else hashlib.sha256(file).hexdigest()[:32]


def _preview(job: Job) -> Iterator[list[Any]]:
    """See `messages.preview_request`. Pages are made when all is compared, so that no look is needed any more."""
    looking.forget()
    side, limits = job.request["side"], limits_of(job.request)
    memory, place = job.memory.view(job.request["memory_size"]), 0
    for file in files_of(job, sources_of(job.request)):
        with Answer() as answer:
            image = checked(file)
            width, height = image_size(image)
            thumbnail = make_thumbnail(image, (width, height), side, limits)
            memory[place : place + len(thumbnail)] = thumbnail
            place += len(thumbnail)
            answer.fields = [width, height, len(image), len(thumbnail)]
        yield answer.fields


def _describe(job: Job) -> Iterator[list[Any]]:
    """As `_preview`, but for local files and without thumbnails; null for what the header does not give."""
    for source in sources_of(job.request):
        with Answer() as answer:
            if source is not None:
                answer.fields = [*_facts(source.name), 0]
        yield answer.fields


def _facts(name: bytes) -> tuple[int | None, int | None, int | None]:
    """Width, height and size in bytes of a file."""
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


def _list_moments(job: Job) -> Iterator[tuple[list[int], bool]]:
    """The moments of a video, in milliseconds, and whether none is missing; if one is, reading the video says why."""
    from dedup_assets.engine.inputs.containers.moments import list_moments

    stores.open_urls_by(job.open_remote)
    try:
        listed = list_moments(job.request["name"].encode("latin-1"), job.request["fps"])
        yield listed.moments, listed.damage is None
    except Exception:  # noqa: BLE001 - as above
        yield [], False
