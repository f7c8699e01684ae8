"""The gallery in a work_dir: its pages, and the folder that they load, replaced as a whole.

The folder's name changes with its content. The folder is complete before a page that names it appears, and a former
folder is deleted after the last page that names it (`former_galleries`). A page therefore always finds what it loads.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import Gallery
from dedup_assets.engine.work_dir.files import GALLERY
from dedup_assets.engine.work_dir.former_galleries import CONTENTS, FOLDER_PREFIX, describe_contents, is_complete
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.writing import TEMPORARY, Content, make_folder, remove_abandoned, temporary_beside

_AT_ONCE = 8  # parallel writes, because a disk or store takes long to confirm each file
_BATCH = 64  # files in memory


def write_gallery(work_dir: WorkDir, gallery: Gallery) -> None:
    """Write the pages of the gallery, in UTF-8, and the folder that they load; they replace the former gallery at once.

    Raises:
        WorkDirError: the work_dir cannot be written to; the former gallery stays.
    """
    if gallery.is_stored:
        return
    folder = work_dir.within(GALLERY).in_generation("")
    if gallery.folder:
        with _naming_work_dir(work_dir):
            (_write_local if work_dir.is_local else _write_each)(folder, gallery)
    first, *others = gallery.pages
    with work_dir.publish(*(f"{GALLERY}/{name}" for name in (*others, first))) as files:
        for file, name in zip(files, (*others, first), strict=True):
            file.write(gallery.pages[name].encode("utf-8"))


def _write_local(folder: WorkDir, gallery: Gallery) -> None:
    target = Path(folder.inside_folder(gallery.folder))
    for unfinished in target.parent.glob(f".{FOLDER_PREFIX}*"):  # left by a killed run
        if TEMPORARY.fullmatch(unfinished.name) and not unfinished.is_symlink():
            shutil.rmtree(unfinished, ignore_errors=True)
    if target.is_dir():  # it was complete when it got its name, but files may have been lost since
        _remove_unfinished(target)
        if not is_complete(folder, gallery.folder):
            _write_each(folder, gallery)
        return
    temporary, written = temporary_beside(target), dict[str, Content]()

    def write(entry: tuple[str, bytes]) -> None:
        path = temporary / entry[0]
        make_folder(path.parent)
        with path.open("wb") as file:
            file.write(entry[1])
            file.flush()
            os.fsync(file.fileno())
        written[entry[0]] = _content(entry[1])

    try:
        _each(write, gallery.files)
        write((CONTENTS, describe_contents(written)))
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_unfinished(folder: Path) -> None:
    """Delete what a killed run has left half written in a folder that `_write_each` completes."""
    for inner, _, _ in os.walk(folder):  # follows no links
        remove_abandoned(Path(inner))


def _write_each(folder: WorkDir, gallery: Gallery) -> None:
    """Write the files one by one, each whole or not at all; their list is first, so that it names all that is there."""

    def write(entry: tuple[str, bytes]) -> None:
        with folder.publish(f"{gallery.folder}/{entry[0]}") as (file,):
            file.write(entry[1])

    write((CONTENTS, describe_contents({name: _content(content) for name, content in gallery.files})))
    _each(write, gallery.files)


def _content(content: bytes) -> Content:
    return Content(len(content), hashlib.sha256(content).hexdigest())


def _each(write: Callable[[tuple[str, bytes]], None], entries: Iterable[tuple[str, bytes]]) -> None:
    left = iter(entries)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="publish") as pool:
        while batch := list(islice(left, _BATCH)):
            for _ in pool.map(write, batch):
                pass


@contextmanager
def _naming_work_dir(work_dir: WorkDir) -> Iterator[None]:
    """Turn errors of the system into errors that name the work_dir."""
    try:
        yield
    except OSError as error:
        message = f"cannot write to work_dir={work_dir.url!r}: {error.strerror or error}"
        raise WorkDirError(message) from error
