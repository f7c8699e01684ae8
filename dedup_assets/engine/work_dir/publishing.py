"""All files of a run appear together: a generation.

A run writes its files into `.staged/<generation>/`, where its own steps find them. When all are there, a journal is put
beside them, `.publishing.json`: from that moment the new files are the result. Then they are moved to their places, and
the journal is removed. Readers of this package who meet a journal (a run publishes, or was killed at it) see the new
files wherever they are at that moment; the next run finishes the moving. So a reader meets the files of one generation,
the old one or the new one, never some of each.

A program that opens the files itself sees the same, except during the milliseconds in which they are renamed (on a
store: the seconds in which they are copied), or, where the run was killed just then, until the next run.
"""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.own_files import CONFIG
from dedup_assets.engine.work_dir.holding import hold
from dedup_assets.engine.work_dir.journal import (
    JOURNAL,
    STAGED,
    Journal,
    read_journal,
    staged_name,
    write_journal,
)
from dedup_assets.engine.work_dir.place import Place
from dedup_assets.engine.work_dir.writing import move, remove_abandoned, sync_folder

GALLERY = "gallery"
FOLDER_PREFIX = "files-"  # of what the pages of a gallery load
_FIRST_PAGE = f"{GALLERY}/index.html"


@contextmanager
def making_generation(place: Place, doing: str, *, wait: bool = False) -> Iterator[str]:
    """Hold a work_dir and publish all that is staged in the block at its end; nothing where the block fails.

    Args:
        place: where the files will appear.
        doing: the run in words, for the message to a run that is refused.
        wait: for another run to end; else that is an error.

    Yields:
        The name of the generation.

    Raises:
        WorkDirError: another run holds the work_dir, or it cannot be written to.
    """
    generation = uuid.uuid4().hex
    with hold(place, doing, run=generation, wait=wait) as lock:
        tidy(place, keep=generation)
        try:
            yield generation
            lock.check()
            commit(place, generation)
        finally:
            if read_journal(place) is None:
                discard(place, generation)


def tidy(place: Place, keep: str = "") -> None:
    """Finish what a killed run was publishing, and delete what killed and failed runs left half written.

    The caller holds the work_dir. Files of living writers that do not hold it (shards) stay.

    Args:
        place: which work_dir.
        keep: a generation that is to be continued.
    """
    journal = read_journal(place)
    if journal is not None:
        _finish(place, journal)
    if place.is_local:
        _tidy_local(Path(place.root), keep)
        return
    with place.answering(STAGED):
        for path in place.filesystem.find(place.inside(STAGED)):
            if not keep or f"/{staged_name(keep)}/" not in path:
                with suppress(FileNotFoundError):
                    place.filesystem.rm_file(path)


def _tidy_local(root: Path, keep: str) -> None:
    for folder in (root, root / "shards", root / GALLERY):
        remove_abandoned(folder)
    staged = root / STAGED
    for folder in staged.iterdir() if staged.is_dir() else ():
        if folder.name != keep:
            shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        staged.rmdir()


def staged_files(place: Place, generation: str) -> list[str]:
    """Names of the files of a generation, config.json last: it says that the others are there."""
    top = place.inside(staged_name(generation))
    if place.is_local:
        folder = Path(top)
        found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    else:
        with place.answering(staged_name(generation)):
            prefix = top.strip("/") + "/"
            found = [path.strip("/").removeprefix(prefix) for path in place.filesystem.find(top)]
    files = [name for name in found if not PurePosixPath(name).name.startswith(".")]
    return sorted(files, key=lambda name: (name == CONFIG, name))


def commit(place: Place, generation: str) -> None:
    """Publish all that is staged in a generation, at once.

    Raises:
        WorkDirError: the files cannot be published; either none is then, or the next run finishes it.
    """
    journal = Journal(generation, staged_files(place, generation))
    if not journal.files:
        return
    try:
        if place.is_local:
            for folder in {Path(place.inside(name)).parent for name in journal.files}:
                folder.mkdir(parents=True, exist_ok=True)
            sync_folder(Path(place.inside(staged_name(generation))))
        write_journal(place, journal)
    except OSError as error:
        raise WorkDirError(f"cannot write to work_dir={place.url!r}: {error.strerror or error}") from None
    _finish(place, journal)


def _finish(place: Place, journal: Journal) -> None:
    """Move the files of a journal to their places; those that are there already are passed over."""
    try:
        for name in journal.files:
            put_in_place(place, journal.generation, name)
        if place.is_local:
            for folder in {Path(place.inside(name)).parent for name in journal.files}:
                sync_folder(folder)
    except OSError as error:
        raise WorkDirError(
            f"cannot put {error.filename or 'a file'!r} in its place in work_dir={place.url!r}: "
            f"{error.strerror or error}; the next run on it finishes that"
        ) from None
    place.remove(JOURNAL)
    discard(place, journal.generation)
    if _FIRST_PAGE in journal.files:
        _remove_former_galleries(place)


def put_in_place(place: Place, generation: str, name: str) -> None:
    """Move one file of a generation to its place; nothing happens where it was moved already."""
    source, target = place.inside(staged_name(generation, name)), place.inside(name)
    if place.is_local:
        with suppress(FileNotFoundError):
            move(Path(source), Path(target))
        return
    with place.answering(name):
        if place.filesystem.exists(source):
            place.filesystem.cp_file(source, target)


def _remove_former_galleries(place: Place) -> None:
    """Delete folders that only pages of former galleries load, with those pages."""
    page = place.read_placed(_FIRST_PAGE) or b""
    gallery = Place(place.path(GALLERY))
    former = [name for name in gallery.folders() if name.startswith(FOLDER_PREFIX) and name.encode() not in page]
    for name in gallery.names("") if former else ():
        if name.endswith(".html"):
            content = gallery.read_placed(name) or b""
            if any(folder.encode() in content for folder in former):
                gallery.remove(name)
    for name in former:
        gallery.remove_folder(name)


def discard(place: Place, generation: str) -> None:
    """Delete what is staged in a generation."""
    folder = place.inside(staged_name(generation))
    if place.is_local:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            Path(folder).parent.rmdir()
        return
    with suppress(FileNotFoundError), place.answering(STAGED):
        place.filesystem.rm(folder, recursive=True)
