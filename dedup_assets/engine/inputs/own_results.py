"""What this package wrote: work_dirs and the pictures of galleries. They hold no image of the user.

A work_dir is left out as a whole, because a later version may put more than thumbnails there. If a run read the folder
that it wrote to, the user's images lie beside the results, and only the folders of results are left out.
"""

import json
import os
import re
from collections.abc import Collection, Iterable

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.own_files import (
    CONFIG,
    GALLERY,
    GALLERY_FILES,
    RANGE_FOLDER,
    SEARCHED,
    SHARDS,
    TEST,
    is_own_config,
)
from dedup_assets.engine.stores import read_file

_FOLDERS = re.compile("|".join((GALLERY, SHARDS, SEARCHED, TEST, RANGE_FOLDER)).encode())
_PICTURES = re.compile(b"%b[0-9a-f]{12}" % GALLERY_FILES.encode())
_PICTURES_ON_THE_WAY = re.compile(b"(?:(.*)/)?%b/" % _PICTURES.pattern, re.DOTALL)
_PAGES = (b"index.html", b"groups.html", b"duplicates.html", b"components.html", b"outliers.html", b"bad_images.html")
_MOST_CONFIG_BYTES = 256 << 20


class OwnResults:
    """Which entries of a local folder this package wrote.

    Args:
        folder: absolute path.
        entries: the names in it.
    """

    def __init__(self, folder: bytes, entries: Collection[bytes]) -> None:
        config = _own_config(folder) if os.fsencode(CONFIG) in entries else b""
        self._has_page = any(page in entries for page in _PAGES)
        self._is_work_dir = bool(config)
        self.is_all = self._is_work_dir and not _holds_its_input(folder, config)
        """Whether everything in the folder is the work of a run."""

    def has(self, folder: bytes) -> bool:
        """Whether a folder in it holds results and nothing else."""
        if self._is_work_dir and _FOLDERS.fullmatch(folder):
            return True
        return self._has_page and bool(_PICTURES.fullmatch(folder))


def folders_with_pages(paths: Iterable[bytes]) -> set[bytes]:
    """The folders, among those of some files, in which a page of a gallery lies."""
    split = (path.rpartition(b"/") for path in paths)
    return {folder for folder, _, name in split if name in _PAGES}


def is_in_gallery(path: bytes, with_pages: Collection[bytes] | None = None) -> bool:
    """Whether a file is a picture of a gallery, by its path.

    Args:
        path: of the file.
        with_pages: as `folders_with_pages` gives them; None if they are not known yet: then a file that may be one
            counts.
    """
    found = _PICTURES_ON_THE_WAY.match(path)
    return found is not None and (with_pages is None or (found[1] or b"") in with_pages)


def _own_config(folder: bytes) -> bytes:
    """The content of the config.json in a folder; empty if another program wrote it, or it cannot be read."""
    path = os.path.join(folder, os.fsencode(CONFIG))  # noqa: PTH118 - a Path of bytes does not exist
    try:
        content = read_file(path, _MOST_CONFIG_BYTES)
    except (OSError, ImageError):
        return b""
    return content if is_own_config(content) else b""


def _holds_its_input(folder: bytes, config: bytes) -> bool:
    """Whether the run that wrote a config.json read the folder in which it lies."""
    settings = json.loads(config).get("settings")
    if not isinstance(settings, dict):
        return False
    given = settings.get("input_dir")
    inputs = [each for each in (given if isinstance(given, list) else [given]) if isinstance(each, str) and each]
    place = os.path.realpath(folder)
    return settings.get("work_dir") in inputs or any(_is_at(each, place) for each in inputs)


def _is_at(path: str, place: bytes) -> bool:
    try:
        return os.path.isabs(path) and os.path.realpath(os.fsencode(path)) == place  # noqa: PTH117 - may be a URL
    except (OSError, ValueError):
        return False
