"""Names to thumbnails and facts: images read and decoded for the report, several at once."""

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby

from PIL import Image

from dedup_assets.engine.containers import split_frame
from dedup_assets.engine.containers.names import archives_around
from dedup_assets.engine.decoding import DecodingLimits, decode, image_size
from dedup_assets.engine.errors import ImageError
from dedup_assets.engine.reading import read_names
from dedup_assets.engine.report import Illustrate, Picture
from dedup_assets.engine.stores import is_url, open_file

THUMBNAIL_SIDE = 320  # px, the longer one
_JPEG_QUALITY = 80
_HEADER_BYTES = 1 << 16  # nearly every header ends within
_WHOLE_BYTES = 32 << 20  # read for a header that does not
_CHUNK = 64


def illustrator(expected: Iterable[bytes], *, limits: DecodingLimits, threads: int) -> Illustrate:
    """A function that gives the picture of a name; those expected are read at once, in parallel, others when asked for.

    Args:
        expected: names that will be asked for.
        limits: which pictures are not decoded.
        threads: how many decode at once.
    """
    known = dict(make_pictures(expected, limits=limits, threads=threads))

    def illustrate(name: str) -> Picture:
        key = os.fsencode(name)
        if key not in known:
            known[key] = make_picture(key, limits)
        return known[key]

    return illustrate


def make_pictures(names: Iterable[bytes], *, limits: DecodingLimits, threads: int) -> Iterator[tuple[bytes, Picture]]:
    """Read each image once, in parallel; sorted by name, at most a few at a time in memory.

    Args:
        names: may repeat.
        limits: which pictures are not decoded.
        threads: how many decode at once.
    """
    # Frames of a video lie together and in order when sorted, and are read in one pass.
    groups = [list(group) for _, group in groupby(sorted(set(names)), key=_pass_of)]
    with ThreadPoolExecutor(threads, thread_name_prefix="gallery") as pool:
        made = pool.map(lambda group: _make_pictures(group, limits, THUMBNAIL_SIDE), groups)
        for group, pictures in zip(groups, made, strict=True):
            yield from zip(group, pictures, strict=True)


def make_picture(name: bytes, limits: DecodingLimits, side: int = THUMBNAIL_SIDE) -> Picture:
    """Read one image for a page; whatever is wrong with it is said on the page, never an error."""
    return _make_pictures([name], limits, side)[0]


def describe_files(names: Sequence[bytes], *, threads: int) -> Iterator[Picture]:
    """Size, dimensions and date of each image, without a thumbnail: of a local file from its header, in parallel.

    What lies on a store or in a container is not read: its size and dimensions are unknown.
    """
    chunks = [names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK)]
    with ThreadPoolExecutor(threads, thread_name_prefix="gallery") as pool:
        for pictures in pool.map(lambda chunk: [_describe(name) for name in chunk], chunks):
            yield from pictures


def find_container(name: bytes) -> bytes | None:
    """The archive or video that holds an image, by its name; a folder may be called like an archive."""
    if frame := split_frame(name):
        return frame[0]
    around = archives_around(name)
    return next((archive for archive in around if is_url(archive) or os.path.isfile(archive)), None)  # noqa: PTH113


def _make_pictures(names: Sequence[bytes], limits: DecodingLimits, side: int) -> list[Picture]:
    contents = zip(names, read_names(names), strict=True)  # one at a time: frames are not compressed
    return [_make_picture(name, content, limits, side) for name, content in contents]


def _make_picture(name: bytes, content: bytes | ImageError, limits: DecodingLimits, side: int) -> Picture:
    blank = _blank(name)
    try:
        if isinstance(content, ImageError):
            raise content
        width, height = image_size(content)
        scale = min(side / max(width, height, 1), 1)  # the decoder needs no more than the thumbnail shows
        needed = (max(round(height * scale), 1), max(round(width * scale), 1))
        thumbnail = _thumbnail(Image.fromarray(decode(content, at_least=needed, limits=limits)), side)
    except ImageError as problem:
        return replace(blank, problem=str(problem))
    size_bytes = None if split_frame(name) else len(content)  # a frame has no size of its own
    return replace(blank, thumbnail=thumbnail, width=width, height=height, size_bytes=size_bytes)


def _describe(name: bytes) -> Picture:
    picture = _blank(name)
    if picture.container is not None or is_url(name):
        return picture
    try:
        with open_file(name) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            picture = replace(picture, size_bytes=size_bytes)
            head = file.read(_HEADER_BYTES)
            try:
                width, height = image_size(head)
            except ImageError:
                if not len(head) < size_bytes <= _WHOLE_BYTES:
                    raise
                width, height = image_size(head + file.read())
    except ImageError:
        return picture
    except OSError as error:
        return replace(picture, problem=f"cannot be read: {error.strerror or error}")
    return replace(picture, width=width, height=height)


def _blank(name: bytes) -> Picture:
    container = find_container(name)
    shown = os.fsdecode(name)
    held_by = None if container is None else os.fsdecode(container)
    return Picture(shown, None, None, None, None, _modified(container or name), container=held_by)


def _pass_of(name: bytes) -> bytes:
    frame = split_frame(name)
    return frame[0] if frame else name


def _thumbnail(picture: Image.Image, side: int) -> bytes:
    picture.thumbnail((side, side), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _modified(name: bytes) -> datetime | None:
    if is_url(name):
        return None
    try:
        return datetime.fromtimestamp(int(os.stat(name).st_mtime), UTC)  # noqa: PTH116 - a Path of bytes does not exist
    except (OSError, ValueError, OverflowError):
        return None
