"""The names of images inside a container.

A member of an archive is `ARCHIVE/MEMBER`, an image of a table `TABLE/ROW/COLUMN/FILE`, a frame of a video
`VIDEO#t=HH:MM:SS.mmm` (a media fragment: browsers and players open the video at that moment).
"""

import re
from collections.abc import Iterator

from dedup_assets.engine.inputs.kinds import ENTERED_ENDINGS, Kind, kind_of

_ARCHIVE_INSIDE = re.compile(b"(?:%b)(?=/)" % b"|".join(map(re.escape, ENTERED_ENDINGS)), re.IGNORECASE)
_FRAME = re.compile(rb"(.+)#t=(\d{2,}):(\d{2}):(\d{2})\.(\d{3})", re.DOTALL)


def member_name(archive: bytes, member: bytes) -> bytes:
    """The name of a member. Its path stays inside the archive: no root, no empty steps, `..` as `(..)`."""
    steps = (step for step in member.replace(b"\0", b"").split(b"/") if step not in {b"", b"."})
    return archive + b"/" + b"/".join(b"(..)" if step == b".." else step for step in steps)


def say_whole(container: bytes, what: str, inside: bytes | None) -> str:
    """Why a container that can be read is none of the images that are asked for, and how these are named.

    Args:
        container: its name.
        what: `an archive`, `a table` or `a video`.
        inside: the name of an image in it; None if it holds none.
    """
    if inside is None:
        return f"{what} is no image, and there is none in it that can be read"
    shown = inside[container.rfind(b"/") + 1 :].decode("utf-8", "backslashreplace")
    return f"{what} is no image: name one in it, such as {shown!r:.300}, or run on it for all of them"


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
