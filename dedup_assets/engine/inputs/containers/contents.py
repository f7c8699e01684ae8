"""Containers by name: what images are inside, and the bytes of each."""

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import TypeVar

from dedup_assets.engine.core.defaults import IMAGE_SECONDS
from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode, Source
from dedup_assets.engine.inputs.containers.member import Archive, Member
from dedup_assets.engine.inputs.containers.names import (
    archives_around,
    frame_name,
    member_name,
    say_whole,
    split_frame,
)
from dedup_assets.engine.inputs.containers.tables import NoImagesError, TableArchive
from dedup_assets.engine.inputs.containers.tars import TarArchive
from dedup_assets.engine.inputs.containers.zips import ZipArchive
from dedup_assets.engine.inputs.kinds import TABLES, Kind, extension_of, is_installed, is_table, is_zip, kind_of
from dedup_assets.engine.inputs.own_results import folders_with_pages, is_in_gallery
from dedup_assets.engine.inputs.selection import EMPTY_CELLS, OWN_RESULTS, Selection
from dedup_assets.engine.stores import describe, is_url, open_file
from dedup_assets.engine.workers import Ended, open_pool

_V = TypeVar("_V")

DECODER = "dedup_assets.engine.decoders.answering"  # what decoding processes run
_LISTING_SECONDS = 600.0  # a long video without an index is read from end to end
_LISTING_BYTES = 2 << 30
_MOST_BYTES = (1 << 63) - 1  # the most that a table holds; reading refuses larger members

_NESTED = {
    Kind.ARCHIVE: "an archive inside an archive is not entered; unpack the outer one",
    Kind.VIDEO: "a video inside an archive is not read; unpack the archive",
}


def list_inside(
    container: Source, video_fps: float, seconds: float = IMAGE_SECONDS, selection: Selection | None = None
) -> Iterator[Source]:
    """The images of an archive or a video, in no special order; hidden members and those that are no images left out.

    A container that cannot be listed to its end is itself listed as an image, beside the images that were found.
    Reading it fails with the reason, so that nothing is lost silently. An archive or a video inside an archive is
    listed in the same way.

    Args:
        container: an archive or a video.
        video_fps: frames taken from a second of video; 0 for the key frames.
        seconds: CPU time for unpacking an archive; see `Budget`.
        selection: which members of an archive count; None for all.
    """
    if kind_of(container.name) is Kind.VIDEO:
        return _list_frames(container, video_fps)
    return _list_members(container, seconds, selection or Selection())


def _list_frames(video: Source, fps: float) -> Iterator[Source]:
    moments, is_whole = _moments(video.name, fps)
    if not is_whole:  # reading it says why
        yield video
    for moment in moments:
        yield Source(frame_name(video.name, moment), -1, video.version, video.name, moment)


def _moments(video: bytes, fps: float) -> tuple[list[int], bool]:
    """The moments as a decoding process finds them, because FFmpeg may crash on unchecked files, and if it has all."""
    request = {
        "do": "list_moments",
        "name": video.decode("latin-1"),
        "fps": fps,
        "seconds": _LISTING_SECONDS,
        "memory_bytes": _LISTING_BYTES,
    }
    with open_pool(DECODER, 1) as pool, pool.lend() as lent:
        try:
            ((moments, is_whole),) = lent.ready().ask(request)
        except Ended:
            lent.replace()
            return [], False
    found: list[int] = moments
    return found, bool(is_whole)


def read_frames(video: bytes, moments: Sequence[int]) -> Iterator[bytes | ImageError]:
    """See `videos.read_frames`; FFmpeg is loaded only where there are videos."""
    from dedup_assets.engine.inputs.containers import videos

    return videos.read_frames(video, moments)


def _list_members(container: Source, seconds: float, selection: Selection) -> Iterator[Source]:
    try:
        archive = _opened.renew(container.name, container.version)
        kind = Kind.IMAGE if is_table(container.name) else None
        members = _selected(list(archive.members(seconds)), selection, kind)
    except NoImagesError:
        without = " without a column of images" if is_installed(TABLES) else ""
        selection.left_out[extension_of(container.name).decode() + without] += 1
        return
    except Exception:  # noqa: BLE001 - reading it says why
        yield container
        return
    if archive.damage:
        yield container
    if isinstance(archive, TableArchive) and archive.empty_cells:
        selection.left_out[EMPTY_CELLS] += archive.empty_cells
    names = [member_name(container.name, member.path) for member in members]
    left = Counter(names)
    for name, member in zip(names, members, strict=True):
        left[name] -= 1  # unpacking keeps the last of several; the others get a number
        version = f"{container.version}:{member.version}" if container.version else ""
        numbered = b"%b#%d" % (name, left[name]) if left[name] else name
        yield Source(numbered, min(member.size_bytes, _MOST_BYTES), version, container.name, member.place)


def _selected(members: list[Member], selection: Selection, kind: Kind | None) -> list[Member]:
    """The members of an archive that count: of one `kind`, or as each name says. Pictures of a gallery do not."""
    with_pages = folders_with_pages(member.path for member in members)
    chosen = []
    for member in members:
        path = member.path.removeprefix(b"./")
        if member.path.endswith(b"/"):
            continue
        if with_pages and is_in_gallery(member.path, with_pages):
            selection.left_out[OWN_RESULTS] += 1
        elif selection.admits_path(path, kind or _kind_inside(path)):
            chosen.append(member)
    return chosen


def _kind_inside(path: bytes) -> Kind:
    """What a member of an archive is. A table is of no use there, and is rarely one of images."""
    return Kind.OTHER if is_table(path) else kind_of(path)


def find_inside(name: bytes, seconds: float = IMAGE_SECONDS) -> Source | None:
    """Find an image inside a container by its name; None if there is no such container, or no such image in it.

    Args:
        name: of the image.
        seconds: as for `list_inside`.
    """
    frame = split_frame(name)
    if frame:
        return Source(name, -1, "", *frame)
    for archive in archives_around(name):
        try:
            size_bytes, version = describe(archive)
        except Exception:  # noqa: BLE001, S112 - not there: a folder may be called like an archive
            continue
        found = _opened.index(Source(archive, size_bytes, version), seconds).get(name)
        if found:
            return found
    return None


def read_inside(source: Source, seconds: float = IMAGE_SECONDS) -> bytes:
    """Read an image that lies in a container.

    Args:
        source: as `list_inside` gave it.
        seconds: CPU time for unpacking it; see `Budget`.

    Raises:
        ImageError: the image cannot be read, or it is a container that could not be listed.
        Exception: the container cannot be read; stores have errors of their own.
    """
    if source.container is None or source.place is None:
        raise _damage(source.name, seconds)
    if kind_of(source.container) is Kind.VIDEO:
        (content,) = read_frames(source.container, [source.place])
        if isinstance(content, ImageError):
            raise content
        return content
    if nested := _NESTED.get(kind_of(source.name)):
        raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, nested)
    return _opened.get(source.container).read(source.place, source.size_bytes, seconds)


def _damage(name: bytes, seconds: float) -> ImageError:
    """Why a container could not be listed; where it can be, how its images are named."""
    with open_file(name) as file:  # what cannot be reached is unreadable, not corrupt: it is tried again
        if not file.read(1):
            return ImageError(ErrorCode.ZERO_SIZE_FILE, "the file is empty")
    if kind_of(name) is Kind.VIDEO:
        from dedup_assets.engine.inputs.containers.moments import find_damage

        return find_damage(name)
    what, inside = ("a table", None) if is_table(name) else ("an archive", None)
    try:
        archive = _open(name)
        for member in archive.members(seconds):
            if inside is None and (is_table(name) or _kind_inside(member.path) is Kind.IMAGE):
                inside = member_name(name, member.path)
    except (FileNotFoundError, ImageError):
        raise
    except Exception as error:  # noqa: BLE001 - zipfile has many on hostile input
        return ImageError(ErrorCode.CORRUPT_IMAGE, f"the file cannot be opened: {error!r:.200}")
    return archive.damage or ImageError(ErrorCode.UNREADABLE, say_whole(name, what, inside))


def _open(name: bytes) -> Archive:
    if is_table(name):
        if not is_installed(TABLES):
            raise NoImagesError
        return TableArchive(name)
    return ZipArchive(name) if is_zip(name) else TarArchive(name)


class _OpenArchives:
    """Archives in use: each opened once, the most recent ones kept.

    A local archive is opened again when it has changed. One on a store is used as it was when it was listed, because
    asking for its version costs as much as reading a member.
    """

    _MOST = 16

    def __init__(self) -> None:
        self._lock = Lock()
        self._archives: OrderedDict[bytes, tuple[str, Archive]] = OrderedDict()
        self._indexes: OrderedDict[bytes, tuple[str, dict[bytes, Source]]] = OrderedDict()

    def renew(self, name: bytes, version: str) -> Archive:
        """Open an archive whether or not it is in use already."""
        archive = _open(name)
        with self._lock:
            self._keep(self._archives, name, (version, archive))
        return archive

    def get(self, name: bytes) -> Archive:
        """The archive, opened at most once."""
        version = "" if is_url(name) else describe(name)[1]
        with self._lock:
            known = self._archives.get(name)
            if known is None or (version and known[0] != version):
                known = (version, _open(name))
            self._keep(self._archives, name, known)
            return known[1]

    def index(self, archive: Source, seconds: float) -> dict[bytes, Source]:
        """All images of an archive by name."""
        with self._lock:
            known = self._indexes.get(archive.name)
        if known is None or known[0] != archive.version:
            known = (archive.version, {source.name: source for source in _list_members(archive, seconds, Selection())})
        with self._lock:
            self._keep(self._indexes, archive.name, known)
        return known[1]

    def _keep(self, kept: OrderedDict[bytes, _V], name: bytes, value: _V) -> None:
        kept[name] = value
        kept.move_to_end(name)
        while len(kept) > self._MOST:
            kept.popitem(last=False)


_opened = _OpenArchives()
