"""Deleting the folders and pages of replaced galleries.

The folder that a gallery's pages load holds a list of its files. Only files that a list or record names are deleted.
But a folder of an earlier version, or of a run that was killed while writing it, has no list and is deleted whole.
"""

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from dedup_assets.engine.work_dir.journal import Journal
from dedup_assets.engine.work_dir.ownership import Ownership
from dedup_assets.engine.work_dir.place import Place

GALLERY = "gallery"
FIRST_PAGE = f"{GALLERY}/index.html"
FOLDER_PREFIX = "files-"  # of the folder that the pages of a gallery load
CONTENTS = ".contents.json"
_FORMAT = "dedup-assets gallery files"


def describe_contents(sizes: Mapping[str, int] | None) -> bytes:
    """The list that a gallery's folder keeps of its files.

    Args:
        sizes: size of each file in bytes, by its path in the folder; None while the files are being written.
    """
    return json.dumps({"format": _FORMAT, "files": sizes}).encode()


def is_complete(place: Place, folder: str) -> bool:
    """Whether a gallery's folder holds each file that its list names, with the listed size."""
    listed = _read_contents(place, folder)
    if listed is None or listed["files"] is None:
        return False
    there = place.sizes(folder)
    return all(there.get(name) == size for name, size in listed["files"].items())


def remove_former_galleries(place: Place, ownership: Ownership, journal: Journal) -> list[str]:
    """Delete folders that the first page does not load, and pages that the published gallery lacks.

    Args:
        place: the work_dir.
        ownership: which of its files are ours; this publication is not noted in it yet.
        journal: the journal of the publication.

    Returns:
        Names of the pages that were deleted.
    """
    page = place.read_placed(FIRST_PAGE) or b""
    folders = place.folders(GALLERY)
    former = [name for name in folders if name.startswith(FOLDER_PREFIX) and name.encode() not in page]
    removed = [
        name
        for name in ownership.files
        if name.startswith(f"{GALLERY}/") and name not in journal.files and ownership.owns(name)
    ]
    if journal.former_gallery in former:
        removed += [name for name in _pages_that_load(place, journal.former_gallery) if name not in journal.files]
    for name in removed:
        place.remove(name)
    for name in former:
        _remove_folder(place, f"{GALLERY}/{name}", is_listed_by_config=name == journal.former_gallery)
    return removed


def _pages_that_load(place: Place, folder: str) -> list[str]:
    pages = [f"{GALLERY}/{name}" for name in place.names(GALLERY) if name.endswith(".html")]
    return [page for page in pages if folder.encode() in (place.read_placed(page) or b"")]


def _remove_folder(place: Place, folder: str, *, is_listed_by_config: bool) -> None:
    """Delete the files that a gallery's folder lists, and the folders that become empty."""
    listed = _read_contents(place, folder)
    if listed is None and not is_listed_by_config:
        return
    if listed is None or listed["files"] is None:  # an earlier version made it, or a run was killed while writing it
        place.remove_folder(folder)
        return
    there = place.sizes(folder)
    names = [f"{folder}/{name}" for name, size in listed["files"].items() if there.get(name) == size]
    place.remove_all([*names, f"{folder}/{CONTENTS}"])
    inner = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    for name in sorted(inner, key=len, reverse=True):
        if name.startswith(folder):
            place.remove_empty_folder(name)


def _read_contents(place: Place, folder: str) -> dict[str, Any] | None:
    try:
        noted: dict[str, Any] = json.loads(place.read_placed(f"{folder}/{CONTENTS}") or b"{}")
        return noted if noted.get("format") == _FORMAT else None
    except (ValueError, AttributeError, RecursionError):
        return None
