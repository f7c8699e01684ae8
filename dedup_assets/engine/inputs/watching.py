"""Looking at an input again and again, to notice that files came, went or changed; no image is opened.

A look lists names, sizes and versions. It is bounded: after so many files it stops and says where, and the next look
goes on from there; what was counted so far is carried along as a digest. The order of a look is its own (folder by
folder), because it must be possible to go on in the middle of it.
"""

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dedup_assets.engine.core.errors import InputError
from dedup_assets.engine.inputs.containers import Kind, kind_of
from dedup_assets.engine.stores import describe, describe_object, is_url, local_version, open_store

MOST_FILES = 100_000
MOST_SECONDS = 20.0  # Dagster ends a sensor after 60

_File = tuple[bytes, int, str]  # name, size in bytes, version


@dataclass(frozen=True)
class Look:
    """What was seen of an input.

    Attributes:
        files: counted so far, that may be or hold images.
        digest: hex, over their names, sizes and versions.
        after: the last name that was counted, where the look is not complete; empty where it is.
        input: which of several inputs that name belongs to.
    """

    files: int = 0
    digest: str = ""
    after: str = ""
    input: int = 0


def look(
    input_dir: str | Sequence[str],
    work_dir: str = "",
    *,
    begun: Look | None = None,
    most_files: int = MOST_FILES,
    most_seconds: float = MOST_SECONDS,
) -> Look:
    """See which files an input has.

    Args:
        input_dir: as `listing.list_images`; of a list file only the file itself is looked at.
        work_dir: our own output, left out.
        begun: a look that was not complete, to go on with.
        most_files: after so many files the look stops.
        most_seconds: after so long likewise.

    Returns:
        The look; equal digests of complete looks: nothing changed in between.

    Raises:
        InputError: there is no such input, or it cannot be listed.
    """
    inputs = [input_dir] if isinstance(input_dir, str) else list(input_dir)
    if not any(inputs):
        raise InputError("input_dir='': name a folder, an image, a list file or a URL")
    seen = begun or Look()
    files, digest, until = seen.files, seen.digest, time.monotonic() + most_seconds
    for number, each in enumerate(inputs[seen.input :], seen.input):
        after = os.fsencode(seen.after) if number == seen.input else b""
        for name, size_bytes, version in _named(each, work_dir, after, required=isinstance(input_dir, str)):
            files += 1
            digest = hashlib.sha256(
                b"%b\0%b\0%d\0%b" % (digest.encode(), name, size_bytes, version.encode())
            ).hexdigest()
            if files - seen.files >= most_files or time.monotonic() > until:
                return Look(files, digest, os.fsdecode(name), number)
    return Look(files, digest)


def _named(each: str, work_dir: str, after: bytes, *, required: bool) -> Iterator[_File]:
    """The files of one input, with errors that name it. One of several inputs may be missing: the listing says so."""
    try:
        yield from _files(each, work_dir, after)
    except InputError:
        if required:
            raise
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        raise InputError(f"cannot look at input_dir={each!r}: {type(error).__name__}: {error}") from None


def _files(input_dir: str, work_dir: str, after: bytes) -> Iterator[_File]:
    """The files of an input that come after a name, in an order that stays."""
    name = os.fsencode(input_dir)
    if not is_url(name):
        top = os.path.abspath(name)  # noqa: PTH100 - bytes
        ours = os.path.realpath(os.fsencode(work_dir)) if work_dir and "://" not in work_dir else b""
        return _below(top, after, ours, ()) if os.path.isdir(top) else _one(name, top, after)  # noqa: PTH112
    filesystem, path = open_store(input_dir)
    if filesystem.isfile(path):
        return _one(name, os.fsencode(path), after)
    folder = path.rstrip("/") + "/"
    ours_there = open_store(work_dir)[1].rstrip("/") + "/" if "://" in work_dir else ""
    objects = _s3_objects if "s3" in filesystem.protocol else _objects
    return (
        (os.fsencode(key), *describe_object(facts))
        for key, facts in objects(filesystem, folder, os.fsdecode(after))
        if _counts(key.removeprefix(folder)) and not (ours_there and key.startswith(ours_there))
    )


def _one(name: bytes, path: bytes, after: bytes) -> Iterator[_File]:
    try:
        size_bytes, version = describe(name)
    except OSError as error:
        raise InputError(f"input_dir={os.fsdecode(name)!r}: {error.strerror or error}") from None
    return iter([] if after else [(path, size_bytes, version)])


def _counts(path: str) -> bool:
    hidden = any(piece.startswith(".") for piece in path.split("/"))
    return not hidden and kind_of(os.fsencode(path)) is not Kind.OTHER


def _below(folder: bytes, after: bytes, ours: bytes, around: tuple[tuple[int, int], ...]) -> Iterator[_File]:
    """Files below a folder, each folder's entries in the order of names; links are followed unless they lead back."""
    try:
        facts = os.stat(folder)  # noqa: PTH116 - bytes
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return  # gone, or not to be entered: the listing of a run says so
    identity = (facts.st_dev, facts.st_ino)
    if identity in around or (around and os.path.realpath(folder) == ours):
        return
    done = _name_in(folder, after)
    for entry in entries:
        if entry.name.startswith(b".") or entry.name < done:
            continue
        if _is_folder(entry):
            yield from _below(entry.path, after if entry.name == done else b"", ours, (*around, identity))
        elif entry.name != done and kind_of(entry.name) is not Kind.OTHER:
            yield entry.path, *_facts(entry)


def _name_in(folder: bytes, after: bytes) -> bytes:
    """Which entry of a folder a look has come to; empty where it has not been there."""
    prefix = os.path.join(folder, b"")  # noqa: PTH118 - bytes
    return after.removeprefix(prefix).split(b"/")[0] if after.startswith(prefix) else b""


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _facts(entry: os.DirEntry[bytes]) -> tuple[int, str]:
    try:
        facts = entry.stat()
    except OSError:  # a link to nothing, or gone since the folder was read
        return -1, ""
    return facts.st_size, local_version(facts)


def _s3_objects(filesystem: Any, folder: str, after: str) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401
    """Objects under a prefix, a page at a time, in the order of S3, which can begin after any key."""
    bucket, prefix, _ = filesystem.split_path(folder)
    place: dict[str, str] = {"StartAfter": filesystem.split_path(after)[1]} if after else {}
    while True:
        page = filesystem.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, **place)
        for entry in page.get("Contents", ()):
            yield f"{bucket}/{entry['Key']}", {"size": entry["Size"], "ETag": entry.get("ETag")}
        if not page.get("IsTruncated"):
            return
        place = {"ContinuationToken": page["NextContinuationToken"]}


def _objects(filesystem: Any, folder: str, after: str) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401
    """Objects of a store that cannot begin in the middle: all are listed, those that were counted are left out."""
    found: dict[str, dict[str, Any]] = filesystem.find(folder, detail=True)
    if not found and not filesystem.exists(folder):
        raise InputError(f"input_dir={folder!r}: no such object or prefix")
    return ((name, found[name]) for name in sorted(found) if name > after)
