"""Look at an input again and again, to notice that files came, went or changed; no image is opened.

A look lists names, sizes and versions. It is bounded: after a number of files it stops and says where, and the next
look goes on from there, with a digest of what was counted so far.
"""

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dedup_assets.engine.core.errors import InputError
from dedup_assets.engine.inputs.kinds import Kind, kind_of, needs_head
from dedup_assets.engine.inputs.listing import ListingOptions
from dedup_assets.engine.inputs.objects import objects_below
from dedup_assets.engine.inputs.own_results import is_in_gallery
from dedup_assets.engine.inputs.selection import Selection
from dedup_assets.engine.inputs.walking import Walk
from dedup_assets.engine.stores import describe, describe_object, local_path, object_info, open_store, reason_of

MOST_FILES = 100_000
MOST_SECONDS = 20.0  # Dagster ends a sensor after 60

_File = tuple[bytes, int, str]  # name, size in bytes, version


@dataclass(frozen=True)
class Sighting:
    """What was seen of an input.

    Attributes:
        files: number of files counted so far that may be, or hold, images.
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
    options: ListingOptions | None = None,
    *,
    begun: Sighting | None = None,
    most_files: int = MOST_FILES,
    most_seconds: float = MOST_SECONDS,
) -> Sighting:
    """See which files an input has.

    Args:
        input_dir: as `listing.list_images`; of a list file only the file itself is looked at.
        options: as `listing.list_images`; offsets do not matter.
        begun: a look that was not complete, to go on with.
        most_files: the look stops after this number of files.
        most_seconds: the look stops after this time.

    Returns:
        The look; equal digests of complete looks: nothing changed in between.

    Raises:
        InputError: there is no such input, or it cannot be listed.
    """
    inputs = [input_dir] if isinstance(input_dir, str) else list(input_dir)
    if not any(inputs):
        raise InputError("input_dir='': name a folder, an image, a list file or a URL")
    seen = begun or Sighting()
    files, digest, until = seen.files, seen.digest, time.monotonic() + most_seconds
    for number, each in enumerate(inputs[seen.input :], seen.input):
        after = os.fsencode(seen.after) if number == seen.input else b""
        found = _files_of(each, options or ListingOptions(), after, is_required=isinstance(input_dir, str))
        for name, size_bytes, version in found:
            files += 1
            digest = hashlib.sha256(
                b"%b\0%b\0%d\0%b" % (digest.encode(), name, size_bytes, version.encode())
            ).hexdigest()
            if files - seen.files >= most_files or time.monotonic() > until:
                return Sighting(files, digest, os.fsdecode(name), number)
    return Sighting(files, digest)


def _files_of(each: str, options: ListingOptions, after: bytes, *, is_required: bool) -> Iterator[_File]:
    """The files of one input after a name. One of several inputs may be missing: the listing of a run says so."""
    try:
        name = os.fsencode(each)
        path = local_path(name)
        yield from _objects(each, options, os.fsdecode(after)) if path is None else _local(path, options, after)
    except InputError:
        if is_required:
            raise
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        raise InputError(f"cannot look at input_dir={each!r}: {reason_of(error)}") from None


def _local(path: bytes, options: ListingOptions, after: bytes) -> Iterator[_File]:
    if os.path.isdir(path):  # noqa: PTH112 - a Path of bytes does not exist
        walk = Walk(Selection(options.include, options.exclude), options.work_dir, in_place=True)
        return (found[:3] for found in walk.files(path, after))
    try:
        size_bytes, version = describe(path)
    except OSError as error:
        raise InputError(f"input_dir={os.fsdecode(path)!r}: {error.strerror or error}") from None
    return iter([] if after else [(path, size_bytes, version)])


def _objects(url: str, options: ListingOptions, after: str) -> Iterator[_File]:
    filesystem, path = open_store(url)
    if filesystem.isfile(path):
        yield from [] if after else [(os.fsencode(path), *describe_object(object_info(filesystem, path)))]
        return
    selection = Selection(options.include, options.exclude)
    folder = path.rstrip("/") + "/"
    ours = open_store(options.work_dir)[1].rstrip("/") + "/" if "://" in options.work_dir else ""
    is_empty = True
    for key, facts in objects_below(filesystem, path, after):
        is_empty = False
        inside = os.fsencode(key.removeprefix(folder))
        is_ours = key.endswith("/") or is_in_gallery(inside) or (ours and key.startswith(ours))
        # An object counts as an image if its name does not say what it is: reading each object would take too long.
        kind = Kind.IMAGE if needs_head(inside) else kind_of(inside)
        if not is_ours and selection.admits_path(inside, kind):
            yield os.fsencode(key), *describe_object(facts)
    # S3 has no folders: a prefix without objects is an input that nothing was uploaded to yet.
    if is_empty and not after and "s3" not in filesystem.protocol and not filesystem.exists(path):
        raise InputError(f"input_dir={url!r}: no such object or prefix")
