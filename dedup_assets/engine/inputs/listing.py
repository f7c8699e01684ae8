"""Inputs to manifest: which images there are, in one stable order.

A name is the bytes of a path (or a URL), sorted as bytes: the order depends on no locale, and names that are not UTF-8
survive. docs/reference.md, "Inputs", says which inputs there are.
"""

import codecs
import hashlib
import logging
import os
import re
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import polars as pl

from dedup_assets.engine.core.errors import InputError
from dedup_assets.engine.core.records import Manifest, OffsetRange, Source, StoredManifest
from dedup_assets.engine.core.redaction import holds_secrets
from dedup_assets.engine.core.setting_values import short_inputs
from dedup_assets.engine.inputs.containers import (
    DECODER,
    IMAGE_EXTENSIONS,
    IMAGE_SECONDS,
    Kind,
    find_inside,
    kind_of,
    list_inside,
)
from dedup_assets.engine.inputs.digests import names_digest
from dedup_assets.engine.stores import describe_object, is_url, local_version, open_store, read_object
from dedup_assets.engine.workers import keep_workers

_IDENTITY = {"index": pl.Int64, "filename": pl.Binary, "size_bytes": pl.Int64, "version": pl.String}
_MANIFEST_SCHEMA = {**_IDENTITY, "container": pl.Binary, "place": pl.Int64}
_LOG = logging.getLogger(__name__)
_MISSING = -1
_ROWS_AT_ONCE = 1 << 16
_FIRST_FOLDERS = 16
_CONTROL = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f]")  # no text file of paths holds these
_MAGIC = (b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"\x1f\x8b", b"\xff\xfe")  # the last: UTF-16


def list_images(
    input_dir: str | Sequence[str],
    *,
    work_dir: str = "",
    min_offset: int = -1,
    max_offset: int = -1,
    num_images: int = -1,
    video_fps: float = 1.0,
    image_seconds: float = IMAGE_SECONDS,
) -> Manifest:
    """List every image of an input, sorted by name, each once.

    Args:
        input_dir: a folder or fsspec URL prefix (recursive; image, archive and video extensions in any case; hidden
            files and `work_dir` excluded), one such file, or a list: a text file with a path or URL a row (rows that
            are folders are listed like folders; rows that are files are taken whatever their extension, missing ones
            too). A list file that holds NUL bytes is split at these, as `find -print0` writes it, so that names with
            newlines can be listed. Wherever an archive or a video stands, the images inside it are meant.
        work_dir: our own output, left out where it lies inside a folder that is listed.
        min_offset: first position of the full listing to keep; -1 for the start.
        max_offset: position after the last one to keep; -1 for the end.
        num_images: keep only so many, after the offsets; -1 for all.
        video_fps: frames taken from a second of video; 0 for the key frames.
        image_seconds: that unpacking an archive may take, besides a second for each MiB of it.

    Returns:
        The manifest; relative local paths are made absolute.

    Raises:
        InputError: the input is missing, holds no image, or the offsets lie beyond its end.
    """
    if not input_dir:
        raise InputError("input_dir='': name a folder, an image, a list file or a URL")
    if isinstance(input_dir, str):
        name = os.fsencode(input_dir)
        files = _read_list(name) if _is_list(name) else _expand(name, work_dir, row=False)
    else:
        files = chain.from_iterable(_expand(os.fsencode(row), work_dir, row=True) for row in input_dir if row)
    with keep_workers(DECODER, 1):  # one for all videos, where there are any
        found = _in_order(image for file in files for image in _enter(file, video_fps, image_seconds))
    if found.is_empty():
        known = " ".join(sorted(os.fsdecode(suffix) for suffix in IMAGE_EXTENSIONS))
        raise InputError(
            f"input_dir={_short(input_dir)}: holds no image (names ending in {known}, in any case), archive or video "
            "with one"
        )
    urls = found["filename"].filter(found["filename"].bin.contains(b"://"))
    if secret := sum(map(holds_secrets, urls)):
        _LOG.warning(
            "%d names are URLs with credentials in them; the tables of results hold names as they were given: keep "
            "these files to yourself, or give plain URLs and the credentials in environment variables",
            secret,
        )
    low, high = _selection(found.height, min_offset, max_offset, num_images)
    index = pl.int_range(low, high, dtype=pl.Int64, eager=True).alias("index")
    images = found.slice(low, high - low).select(index, pl.all())
    return Manifest(images, found.height, digest(images), names_digest(found["filename"]))


def _short(input_dir: str | Sequence[str]) -> str:
    return short_inputs(input_dir if isinstance(input_dir, str) else list(input_dir))


def first_files(input_dir: str | Sequence[str], work_dir: str, most: int) -> list[Source]:
    """Image files of a local folder that its listing will start with, as a rule; none of any other input.

    Args:
        input_dir: as for `list_images`; a folder that cannot be listed has none.
        work_dir: as for `list_images`.
        most: how many at most; only a few folders are looked into, whatever they hold.
    """
    name = os.fsencode(input_dir if isinstance(input_dir, str) else min(input_dir))
    if is_url(name) or not os.path.isdir(name):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
        return []
    found = _walk(os.path.abspath(name), work_dir, most_folders=_FIRST_FOLDERS)  # noqa: PTH100
    files = (file for file in found if file.size_bytes > 0 and kind_of(file.name) is Kind.IMAGE)
    try:
        return list(islice(files, most))
    except InputError:  # for the listing to say
        return []


def ranges(manifest: Manifest | StoredManifest, shard_size: int) -> list[OffsetRange]:
    """The offset ranges that cover a manifest, aligned to multiples of `shard_size`.

    Keys never change when images are added: the last range has its full width even where the listing ends before it.
    """
    covered = positions(manifest)
    starts = range(covered.min_offset - covered.min_offset % shard_size, covered.max_offset, shard_size)
    return [OffsetRange(start, start + shard_size) for start in starts] if len(manifest) else []


def positions(manifest: Manifest | StoredManifest) -> OffsetRange:
    """From the first position of a manifest to the one after its last."""
    if isinstance(manifest, StoredManifest):
        return manifest.positions
    index = manifest.images["index"]
    return OffsetRange(int(index[0]), int(index[-1]) + 1) if len(index) else OffsetRange(0, 0)


def count_inside(manifest: Manifest | StoredManifest, offsets: OffsetRange) -> int:
    """How many rows of a manifest lie in an offset range."""
    covered = positions(manifest)
    return max(min(covered.max_offset, offsets.max_offset) - max(covered.min_offset, offsets.min_offset), 0)


def part(manifest: Manifest | StoredManifest, offsets: OffsetRange) -> Manifest:
    """The rows of a manifest that lie in an offset range; empty where the listing ends before it."""
    if isinstance(manifest, StoredManifest):
        inside = manifest.read(offsets)
    else:
        wanted = pl.col("index").is_between(offsets.min_offset, offsets.max_offset, closed="left")
        inside = manifest.images.filter(wanted)
    return Manifest(inside, manifest.listed, digest(inside), manifest.listing)


def digest(images: pl.DataFrame) -> str:
    """SHA-256 over positions, names, sizes and versions: the identity of a manifest or a part of it."""
    sha = hashlib.sha256()
    for index, name, size_bytes, version in images.select(*_IDENTITY).iter_rows():
        sha.update(b"%d\0%b\0%d\0%b\0" % (index, name, size_bytes, version.encode()))
    return sha.hexdigest()


def _in_order(images: Iterator[Source]) -> pl.DataFrame:
    """Images by name, each once: columns, for as Python objects millions of them would fill the memory."""
    schema = {name: kind for name, kind in _MANIFEST_SCHEMA.items() if name != "index"}
    parts = [pl.DataFrame(schema=schema)]
    while some := list(islice(images, _ROWS_AT_ONCE)):
        parts.append(pl.DataFrame(some, schema=schema, orient="row"))
    # Two images may share a name: an object `a.zip/b.jpg` beside an archive `a.zip`. Both count.
    keyed = pl.concat(parts, rechunk=True).with_columns(holder=pl.col("container").fill_null(b""))
    ordered = keyed.sort("filename", "holder", maintain_order=True)
    return ordered.filter(_differs_from_next("filename") | _differs_from_next("holder")).drop("holder")


def _differs_from_next(name: str) -> pl.Expr:
    return pl.col(name).ne_missing(pl.col(name).shift(-1))


def _selection(listed: int, min_offset: int, max_offset: int, num_images: int) -> tuple[int, int]:
    if min_offset >= listed or max_offset > listed:
        raise InputError(
            f"offsets [{max(min_offset, 0)}, {max_offset if max_offset >= 0 else listed}) lie beyond the end: "
            f"the listing has {listed} images, so min_offset may be at most {listed - 1} and max_offset {listed}"
        )
    low = max(min_offset, 0)
    high = max_offset if max_offset >= 0 else listed
    return low, min(high, low + num_images) if num_images >= 0 else high


def _is_list(name: bytes) -> bool:
    """A file that by its name is neither an image nor holds any is a list of images."""
    if _may_hold_images(name):
        return False
    if is_url(name):
        filesystem, path = _open_store(os.fsdecode(name))
        return bool(filesystem.isfile(path))
    return os.path.isfile(name)  # noqa: PTH113 - Path.is_file raises for a name that is too long


def _may_hold_images(name: bytes) -> bool:
    return kind_of(name) is not Kind.OTHER


def _enter(file: Source, video_fps: float, seconds: float) -> Iterable[Source]:
    """The images that a file holds: itself, or those inside an archive or a video."""
    if file.size_bytes == _MISSING:
        return [find_inside(file.name, seconds) or file]  # a row may name a member of an archive
    return list_inside(file, video_fps, seconds) if kind_of(file.name) in {Kind.ARCHIVE, Kind.VIDEO} else [file]


def _read_list(name: bytes) -> Iterator[Source]:
    content = _content(name)
    split_by_nul = b"\0" in content
    # Binary files hold runs of NUL bytes, which would be names without a character.
    if b"\0\0\0" in content or content.startswith(_MAGIC) or (not split_by_nul and _CONTROL.search(content[:4096])):
        raise InputError(
            f"input_dir={os.fsdecode(name)!r}: is neither an image by its extension nor a text file with a path a row"
        )
    for row in content.split(b"\0") if split_by_nul else content.splitlines():
        if row if split_by_nul else row.strip():
            yield from _expand(row, "", row=True)


def _content(name: bytes) -> bytes:
    try:
        if not is_url(name):
            return Path(os.fsdecode(name)).read_bytes().removeprefix(codecs.BOM_UTF8)
        filesystem, path = _open_store(os.fsdecode(name))
        content = read_object(filesystem, path)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        raise InputError(f"cannot read the list {os.fsdecode(name)!r}: {_reason(error)}") from None
    return content.removeprefix(codecs.BOM_UTF8)


def _open_store(url: str) -> tuple[Any, str]:
    """The filesystem of a URL, and the path in it."""
    try:
        filesystem, path = open_store(url)
    except Exception as error:  # noqa: BLE001 - an unknown protocol, a package or credentials that are not there
        raise InputError(f"cannot open {url!r}: {_reason(error)}") from None
    return filesystem, path


def _expand(name: bytes, work_dir: str, *, row: bool) -> Iterable[Source]:
    """The images behind one name. A missing name is an error, or a missing image where it is a row of a list."""
    if is_url(name):
        return _expand_url(os.fsdecode(name), work_dir, row=row)
    path = os.path.abspath(name)  # noqa: PTH100 - a Path of bytes does not exist
    try:
        facts = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError) as error:
        if row:
            return [Source(path, _MISSING, "")]
        raise InputError(f"input_dir={os.fsdecode(name)!r}: {_reason(error)}") from None
    if stat.S_ISDIR(facts.st_mode):
        return _walk(path, work_dir)
    return [Source(path, facts.st_size, local_version(facts))]


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"


def _walk(top: bytes, work_dir: str, most_folders: int | None = None) -> Iterator[Source]:
    """All images under a folder. Links to folders are followed, each real folder once, so that loops end.

    Links come last and everything else in the order of names: which name a folder has depends on nothing else.
    """
    ours = os.path.realpath(os.fsencode(work_dir)) if work_dir and "://" not in work_dir else b""
    seen: set[tuple[int, int]] = set()
    pending = deque([top])
    while pending and len(seen) != most_folders:
        folder = pending.pop()
        try:
            facts = os.stat(folder)  # noqa: PTH116
            identity = (facts.st_dev, facts.st_ino)
            if identity in seen or (ours and folder != top and os.path.realpath(folder) == ours):
                continue
            seen.add(identity)
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if folder == top:
                raise InputError(f"cannot list {os.fsdecode(folder)!r}: {_reason(error)}") from None
            yield Source(folder, _MISSING, "")  # reading it will name the reason in features.bad.csv
            continue
        folders: list[bytes] = []
        for entry in entries:
            if entry.name.startswith(b"."):
                continue
            if _is_folder(entry):
                (pending.appendleft if entry.is_symlink() else folders.append)(entry.path)
            elif _may_hold_images(entry.name):
                yield _stat(entry)
        pending.extend(reversed(folders))


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or into a folder that may not be entered
        return False


def _stat(entry: os.DirEntry[bytes]) -> Source:
    try:
        facts = entry.stat()
    except OSError:  # a link to nothing, or gone since the folder was read
        return Source(entry.path, _MISSING, "")
    return Source(entry.path, facts.st_size, local_version(facts))


def _expand_url(url: str, work_dir: str, *, row: bool) -> Iterator[Source]:
    filesystem, path = _open_store(url)
    try:
        if _may_hold_images(os.fsencode(path)) or row:
            facts = filesystem.info(path)
            if facts["type"] != "directory":
                yield _remote(filesystem, facts)
                return
        found: dict[str, dict[str, Any]] = filesystem.find(path, detail=True)
        if not found:
            filesystem.info(path)  # raises where there is nothing at all
    except FileNotFoundError:
        if row:
            yield Source(os.fsencode(url), _MISSING, "")
            return
        raise InputError(f"input_dir={url!r}: no such object or prefix") from None
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        raise InputError(f"cannot list {url!r}: {type(error).__name__}: {error}") from None
    ours = open_store(work_dir)[1].rstrip("/") + "/" if "://" in work_dir else ""
    for name, facts in found.items():
        hidden = any(piece.startswith(".") for piece in name.removeprefix(path).split("/"))
        if not hidden and not (ours and name.startswith(ours)) and _may_hold_images(os.fsencode(name)):
            yield _remote(filesystem, facts)


def _remote(filesystem: Any, facts: dict[str, Any]) -> Source:  # noqa: ANN401 - fsspec is untyped
    return Source(os.fsencode(filesystem.unstrip_protocol(facts["name"])), *describe_object(facts))
