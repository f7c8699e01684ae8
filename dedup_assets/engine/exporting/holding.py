"""A folder that appears whole or not at all, and the bytes of images, which are those that the run has seen."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from uuid import uuid4

from dedup_assets.engine.core.errors import ExportError, ImageError
from dedup_assets.engine.core.records import Source
from dedup_assets.engine.inputs.containers import split_frame
from dedup_assets.engine.inputs.reading import read_source
from dedup_assets.engine.inputs.stacks import Stacks
from dedup_assets.engine.stores import is_url

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PARTIAL = ".dedup-assets.tmp"
_DIGITS = 12  # hexadecimal, in the name of a partial folder
_BEGINNINGS = tuple(
    (re.compile(start, re.DOTALL), ending)
    for start, ending in (
        (rb"\xff\xd8\xff", ".jpg"),
        (rb"\x89PNG", ".png"),
        (rb"GIF8", ".gif"),
        (rb"RIFF....WEBP", ".webp"),
        (rb"BM", ".bmp"),
        (rb"II\*\0|MM\0\*", ".tif"),
        (rb"....ftypavif", ".avif"),
    )
)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\%\udc80-\udcff]")


@contextmanager
def whole_folder(out: str) -> Iterator[Path]:
    """Give a new folder beside `out`, which gets its name when the block has ended well, and goes if it has not.

    Raises:
        ExportError: `out` is there and not an empty folder, or cannot be written.
    """
    if "://" in out or not out:
        raise ExportError(f"out={out!r}: must be a local folder")
    path = Path(os.path.abspath(out))  # noqa: PTH100 - links stay as given
    if os.path.lexists(path) and not (path.is_dir() and not path.is_symlink() and not any(path.iterdir())):
        raise ExportError(f"out={out!r} is there already; nothing is written over it: name a new folder")
    partial = path.parent / f".{path.name[:100]}.{uuid4().hex[:_DIGITS]}{_PARTIAL}"
    try:
        partial.mkdir(parents=True)
        with _marked(partial):
            _remove_abandoned(partial)
            yield partial
            partial.replace(path)
    except OSError as error:
        raise ExportError(f"out={out!r} cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _marked(folder: Path) -> Iterator[bool]:
    """Mark a folder as one that is written, until the block or the process ends; false if another process does."""
    opened = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0))
    try:
        is_ours = True
        if fcntl is not None:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                is_ours = False
        yield is_ours
    finally:
        os.close(opened)


def _remove_abandoned(partial: Path) -> None:
    """Remove what exports to the same place have left that were killed."""
    if fcntl is None:
        return
    name = re.compile(
        re.escape(partial.name[: -len(_PARTIAL) - _DIGITS]) + rf"[0-9a-f]{{{_DIGITS}}}" + re.escape(_PARTIAL)
    )
    for each in partial.parent.iterdir():
        if each != partial and name.fullmatch(each.name) and each.is_dir() and not each.is_symlink():
            with suppress(OSError), _marked(each) as is_abandoned:
                if is_abandoned:
                    shutil.rmtree(each, ignore_errors=True)


def is_frame(source: Source) -> bool:
    """Whether an image is a frame of a video, which has no bytes of its own."""
    return source.container is not None and split_frame(source.name) is not None


def is_plain(source: Source) -> bool:
    """Whether an image is a local file of its own."""
    return source.container is None and not is_url(source.name) and os.path.lexists(source.name)


def companions(sources: Sequence[Source]) -> list[bytes]:
    """What belongs to local images and is none of them: sidecars, raw files, films, notes of their folders; sorted.

    Raises:
        ExportError: a folder cannot be listed.
    """
    stacks, found = Stacks(os.listdir), set[bytes]()
    for source in sources:
        if is_plain(source):
            try:
                found.update(stacks.beside(source.name).names, stacks.notes_of_folder(source.name))
            except OSError as error:
                shown = repr(source.name.decode("utf-8", "backslashreplace"))
                raise ExportError(f"the folder of {shown} cannot be listed: {error.strerror or error}") from None
    return sorted(found.difference(source.name for source in sources))


def bytes_of(source: Source, content: str | None) -> bytes:
    """The bytes of an image.

    Args:
        source: where it is.
        content: SHA-256 that they must have, in hex; None if it is not known.

    Raises:
        ExportError: it cannot be read, or has changed since the run.
    """
    shown = repr(source.name.decode("utf-8", "backslashreplace"))
    try:
        data = read_source(source)
    except ImageError as error:
        raise ExportError(f"{shown} cannot be read: {error}; run again, then export") from None
    if content and hashlib.sha256(data).hexdigest() != content:
        raise ExportError(f"{shown} has changed since the run: run again, then export")
    return data


def ending_of(name: bytes, data: bytes = b"") -> str:
    """The extension of a name as other tools expect it: a dot and lower-case letters or digits.

    Args:
        name: of an image.
        data: its bytes, which say it where the name does not, as in many tables; otherwise it is empty then.
    """
    ending = os.path.splitext(name.rpartition(b"/")[2])[1].lower()  # noqa: PTH122 - bytes
    if re.fullmatch(rb"\.[a-z0-9]{1,8}", ending):
        return ending.decode("ascii")
    return next((found for start, found in _BEGINNINGS if start.match(data)), "")


def relative_paths(names: list[bytes]) -> list[str]:
    """A path below an export for each name: what all names share is left out, what no file system takes is escaped."""
    parts = [_parts(name) for name in names]
    together = zip(*(each[:-1] for each in parts), strict=False)
    shared = sum(1 for _ in takewhile(lambda folders: len(set(folders)) == 1, together))
    seen: dict[str, int] = {}
    return [_free("/".join(each[shared:]), seen) for each in parts]


def _parts(name: bytes) -> list[str]:
    text = name.decode("utf-8", "surrogateescape").replace("://", "/")
    parts = [part for part in text.split("/") if part]
    return ["_" * len(part) if part in (".", "..") else _UNSAFE.sub(_escaped, part) for part in parts]


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found.group().encode("utf-8", "surrogateescape"))


def _free(path: str, seen: dict[str, int]) -> str:
    """The path, numbered if another one differs in the case of letters only, because some disks take them for one."""
    number = seen.get(path.lower(), 0)
    seen[path.lower()] = number + 1
    if not number:
        return path
    stem, ending = os.path.splitext(path)  # noqa: PTH122 - text
    return _free(f"{stem} ({number + 1}){ending}", seen)
