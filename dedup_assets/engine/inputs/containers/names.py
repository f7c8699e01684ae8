"""What a file is by its name, and how the images inside a container are called.

A member of an archive is `ARCHIVE/MEMBER`, a frame of a video `VIDEO#t=HH:MM:SS.mmm` (a media fragment: browsers and
players open the video at that moment).
"""

import os
import re
from collections.abc import Iterator
from enum import Enum

IMAGE_EXTENSIONS = frozenset(
    b".avif .avifs .bmp .dib .gif .heic .heics .heif .heifs .hif .j2c .j2k .jfif .jp2 .jpe .jpeg .jpf .jpg .jpx .png "
    b".apng .tif .tiff .webp".split()
)
VIDEO_EXTENSIONS = frozenset(b".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg".split())
_STREAMED_ENDINGS = (b".tar.gz", b".tgz", b".tar.bz2", b".tbz2", b".tar.xz", b".txz")
ARCHIVE_ENDINGS = (b".zip", b".tar", *_STREAMED_ENDINGS)
_ARCHIVE_INSIDE = re.compile(rb"(?:\.zip|\.tar|\.tar\.gz|\.tgz|\.tar\.bz2|\.tbz2|\.tar\.xz|\.txz)(?=/)", re.IGNORECASE)
_FRAME = re.compile(rb"(.+)#t=(\d{2,}):(\d{2}):(\d{2})\.(\d{3})", re.DOTALL)


class Kind(Enum):
    """What a file is, by its name alone."""

    IMAGE = "image"
    ARCHIVE = "archive"
    VIDEO = "video"
    OTHER = "other"


def kind_of(name: bytes) -> Kind:
    """What a name promises."""
    suffix = name[name.rfind(b".") :]
    if suffix in IMAGE_EXTENSIONS and len(name) > len(suffix):  # nearly every name, and listings have millions
        before = name[-len(suffix) - 1 : -len(suffix)]
        if before not in {b".", b"/"}:
            return Kind.IMAGE
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a Path of bytes does not exist
    if suffix in IMAGE_EXTENSIONS:
        return Kind.IMAGE
    if suffix in VIDEO_EXTENSIONS:
        return Kind.VIDEO
    return Kind.ARCHIVE if name.lower().endswith(ARCHIVE_ENDINGS) else Kind.OTHER


def is_streamed(container: bytes) -> bool:
    """Whether a container gives its members in one order only: compressed as a whole."""
    return container.lower().endswith(_STREAMED_ENDINGS)


def member_name(archive: bytes, member: bytes) -> bytes:
    """The name of a member. Its path is made one that leads nowhere else: no root, no empty steps, `..` as `(..)`."""
    steps = (step for step in member.replace(b"\0", b"").split(b"/") if step not in {b"", b"."})
    return archive + b"/" + b"/".join(b"(..)" if step == b".." else step for step in steps)


def is_hidden(member: bytes) -> bool:
    """Whether a member, or a folder around it, has a name with a dot in front."""
    return any(step.startswith(b".") and step not in {b".", b".."} for step in member.split(b"/"))


def archives_around(name: bytes) -> Iterator[bytes]:
    """The archives that a name may lie in, outermost first."""
    return (name[: found.end()] for found in _ARCHIVE_INSIDE.finditer(name))


def frame_name(video: bytes, milliseconds: int) -> bytes:
    """The name of the frame that is shown at a moment."""
    seconds, thousandths = divmod(milliseconds, 1000)
    return b"%b#t=%02d:%02d:%02d.%03d" % (video, seconds // 3600, seconds // 60 % 60, seconds % 60, thousandths)


def split_frame(name: bytes) -> tuple[bytes, int] | None:
    """Video and milliseconds, where a name is that of a frame."""
    found = _FRAME.fullmatch(name)
    if not found or kind_of(found[1]) is not Kind.VIDEO:
        return None
    hours, minutes, seconds, thousandths = (int(found[group]) for group in range(2, 6))
    return found[1], ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths
