"""Read one image whole by its name: a file, an object of a store, or an image inside a container."""

import os
from collections.abc import Iterator, Sequence
from itertools import groupby

from dedup_assets.engine.core.defaults import IMAGE_SECONDS
from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode, Source
from dedup_assets.engine.inputs.containers import find_inside, read_frames, read_inside, split_frame
from dedup_assets.engine.inputs.kinds import Kind, kind_of
from dedup_assets.engine.stores import find_problem, is_url, object_info, open_store, read_file, read_object

MAX_FILE_BYTES = 1 << 30  # an image file is held in memory whole


def read(name: bytes, seconds: float = IMAGE_SECONDS) -> bytes:
    """Read an image by its name alone: a file of its own or, where there is none, an image inside a container.

    Args:
        name: of the image.
        seconds: CPU time for unpacking it, where it lies in an archive.

    Raises:
        ImageError: it is missing, no regular file, empty, too large to hold, or cannot be read.
    """
    try:
        return read_source(Source(name, -1, ""), seconds)
    except ImageError:
        if (inside := find_inside(name, seconds)) is None:
            raise
    return read_source(inside, seconds)


def read_names(names: Sequence[bytes], seconds: float) -> Iterator[bytes | ImageError]:
    """Read images by name alone, in order; consecutive frames of a video with ascending moments come from one pass."""
    for is_frame, group in groupby(names, key=_is_frame):
        if is_frame:
            yield from read_sources([found for name in group if (found := find_inside(name))], seconds)
        else:
            yield from (_read_or_say(name, seconds) for name in group)


def _is_frame(name: bytes) -> bool:
    return split_frame(name) is not None and (is_url(name) or not os.path.lexists(name))


def read_source(source: Source, seconds: float = IMAGE_SECONDS) -> bytes:
    """Read one listed image.

    Args:
        source: as it was listed.
        seconds: as for `read`.

    Raises:
        ImageError: as `read`.
    """
    try:
        content = _content(source, seconds)
    except MemoryError:
        raise ImageError(ErrorCode.IMAGE_TOO_LARGE, "does not fit in the memory of a decoding process") from None
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        raise find_problem(error) from None
    if not content:
        raise ImageError(ErrorCode.ZERO_SIZE_FILE, "the file is empty")
    return content


def read_sources(sources: Sequence[Source], seconds: float = IMAGE_SECONDS) -> Iterator[bytes | ImageError]:
    """Read listed images one after the other; for each its bytes, or why there are none.

    Consecutive frames of a video with ascending moments come from one pass over it.
    """
    for video, group in groupby(sources, key=video_of):
        if video is None:
            yield from (_read_or_say(source, seconds) for source in group)
        else:
            yield from read_frames(video, [source.place or 0 for source in group])


def video_of(source: Source) -> bytes | None:
    """The video that an image is a frame of; None where it is none."""
    return source.container if source.container and kind_of(source.container) is Kind.VIDEO else None


def _read_or_say(image: Source | bytes, seconds: float) -> bytes | ImageError:
    try:
        return read_source(image, seconds) if isinstance(image, Source) else read(image, seconds)
    except ImageError as problem:
        return problem


def _content(source: Source, seconds: float) -> bytes:
    if source.container is not None or kind_of(source.name) in {Kind.ARCHIVE, Kind.VIDEO}:
        return read_inside(source, seconds)
    if is_url(source.name):
        return _read_url(os.fsdecode(source.name), source.size_bytes)
    return read_file(source.name, MAX_FILE_BYTES)


def _read_url(url: str, listed_bytes: int) -> bytes:
    filesystem, path = open_store(url)
    size = listed_bytes if listed_bytes >= 0 else object_info(filesystem, path).get("size")
    if size is not None and size > MAX_FILE_BYTES:
        raise ImageError(ErrorCode.IMAGE_TOO_LARGE, f"{size} bytes: more than {MAX_FILE_BYTES}")
    return read_object(filesystem, path, size=size or 0)
