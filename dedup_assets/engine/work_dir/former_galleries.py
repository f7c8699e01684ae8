"""Deleting the folders and pages of replaced galleries.

The folder that a gallery's pages load holds a list of its files, which is written before them. Only files that a list
or record names, and that still have the listed content, are deleted. A folder of an earlier version may have no list:
of its files, those with the names that this package gives are deleted. What others have put into a folder stays, with
a warning.
"""

import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import PurePosixPath

from dedup_assets.engine.core.own_files import GALLERY, GALLERY_FILES
from dedup_assets.engine.work_dir.journal import Journal
from dedup_assets.engine.work_dir.ownership import Ownership, hash_of
from dedup_assets.engine.work_dir.place import Place
from dedup_assets.engine.work_dir.writing import Content, remove_abandoned

FIRST_PAGE = f"{GALLERY}/index.html"
CONTENTS = ".contents.json"
_FORMAT = "dedup-assets gallery files"
_SCRIPTS = "cards|data|downloads|keyboard|listing|lists|marks|names|page|results|start|theme|viewer|words"
_NAMES = re.compile(rf"style\.css|icon\.svg|({_SCRIPTS})\.js|data/[a-z]+-\d{{4,}}\.js|thumbs/\d{{3,}}/\d+\.jpg")
"""Names of the files of a gallery's folder in all versions that wrote no list."""

_MOST_NAMED = 5  # files in a message
_LOG = logging.getLogger(__name__)


def describe_contents(files: Mapping[str, Content]) -> bytes:
    """The list that a gallery's folder keeps of its files.

    Args:
        files: size and hash of each file, by its path in the folder.
    """
    return json.dumps({"format": _FORMAT, "files": {name: asdict(file) for name, file in files.items()}}).encode()


def is_complete(place: Place, folder: str) -> bool:
    """Whether a gallery's folder holds each file that its list names, with the listed size."""
    listed = _read_contents(place, folder)
    if listed is None:
        return False
    there = place.sizes(folder)
    return all(there.get(name) == file.size_bytes for name, file in listed.items())


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
    former = [name for name in folders if name.startswith(GALLERY_FILES) and name.encode() not in page]
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
    """Delete our files in a gallery's folder, and the folders that become empty. Files of others stay."""
    there = place.sizes(folder)
    listed = _read_contents(place, folder)
    if listed is not None:
        ours = [
            name for name, file in listed.items() if _is_as_listed(place, f"{folder}/{name}", there.get(name), file)
        ]
    elif is_listed_by_config or _is_of_ours(place, folder):
        ours = [name for name in there if _NAMES.fullmatch(name)]
    else:
        return
    place.remove_all([*(f"{folder}/{name}" for name in ours), f"{folder}/{CONTENTS}"])
    inner = {folder, *(f"{folder}/{parent}" for name in there for parent in PurePosixPath(name).parents)}
    for name in sorted((name.removesuffix("/.") for name in inner), key=len, reverse=True):
        if place.is_local:
            with suppress(OSError), place.open_folder(name) as opened:
                remove_abandoned(opened)
        place.remove_empty_folder(name)
    if foreign := sorted(place.sizes(folder)):
        more = f" and {len(foreign) - _MOST_NAMED} more" if len(foreign) > _MOST_NAMED else ""
        _LOG.warning(
            "the former gallery's folder %r is not deleted, because it holds files that are not as this package wrote "
            "them: %s%s",
            place.path(folder),
            ", ".join(map(repr, foreign[:_MOST_NAMED])),
            more,
        )


def _is_as_listed(place: Place, name: str, size: int | None, listed: Content) -> bool:
    """Whether a file has the listed content. On a store its size decides, because each file would be a request."""
    if size != listed.size_bytes:
        return False
    return not (place.is_local and listed.sha256) or hash_of(place.inside(name)) == listed.sha256


def _is_of_ours(place: Place, folder: str) -> bool:
    """Whether a run of an earlier version was killed while it wrote this folder: its list names no files."""
    return b'"format": "%b"' % _FORMAT.encode() in (place.read_placed(f"{folder}/{CONTENTS}") or b"")


def _read_contents(place: Place, folder: str) -> dict[str, Content] | None:
    """The list of a gallery's folder; None if there is none. Earlier versions listed sizes without hashes."""
    try:
        noted = json.loads(place.read_placed(f"{folder}/{CONTENTS}") or b"{}")
        if noted.get("format") != _FORMAT:
            return None
        files = {
            str(name): facts if isinstance(facts, dict) else {"size_bytes": facts, "sha256": ""}
            for name, facts in noted["files"].items()
        }
        return {name: Content(int(facts["size_bytes"]), str(facts["sha256"])) for name, facts in files.items()}
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
        return None
