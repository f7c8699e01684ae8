"""The gallery in a work_dir: its pages, and the folder that they load, replaced as a whole.

The folder's name changes with its content. The folder is complete before a page that names it appears, and a former
folder is deleted after the last page that names it (`former_galleries`). A page therefore always finds what it loads.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

from dedup_assets.engine.core.own_files import GALLERY, GALLERY_FILES
from dedup_assets.engine.core.records import Gallery
from dedup_assets.engine.work_dir.former_galleries import CONTENTS, describe_contents, is_complete
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.writing import TEMPORARY, Content, remove_abandoned, temporary_name

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


def _write_local(view: WorkDir, gallery: Gallery) -> None:
    with view.open_folder("", create=True) as folder:
        for unfinished in folder.names():  # left by a killed run
            if unfinished.startswith(f".{GALLERY_FILES}") and TEMPORARY.fullmatch(unfinished):
                folder.remove_tree(unfinished)
        if gallery.folder in folder.names():  # it was complete when it got its name, but files may have been lost since
            _remove_unfinished(view, gallery.folder)
            if not is_complete(view, gallery.folder):
                _write_each(view, gallery)
            return
        temporary, written = temporary_name(gallery.folder), dict[str, Content]()

        def write(entry: tuple[str, bytes]) -> None:
            with view.beside(f"{temporary}/{entry[0]}", create=True) as (inner, name):
                descriptor = inner.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(entry[1])
                    file.flush()
                    os.fsync(descriptor)
            written[entry[0]] = _content(entry[1])

        try:
            _each(write, gallery.files)
            write((CONTENTS, describe_contents(written)))
            folder.rename(temporary, folder, gallery.folder)
        finally:
            folder.remove_tree(temporary)


def _remove_unfinished(view: WorkDir, folder: str) -> None:
    """Delete what a killed run has left half written in a folder that `_write_each` completes."""
    top = view.inside_folder(folder)
    for inner, _, _ in os.walk(top):  # follows no links
        with view.open_folder(f"{folder}{inner.removeprefix(top)}") as opened:
            remove_abandoned(opened)


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
        raise work_dir.cannot("write", str(error.filename or GALLERY), error) from error
