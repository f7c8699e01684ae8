"""All files of a run appear together: a generation.

A run writes its files into `.staged/<generation>/`, where its own steps find them. When all of them stand, a journal is
put beside them, `.publishing.json`: from that moment the new files are the result. Then they are moved to their places,
and the journal is removed. Whoever reads through this package while a journal stands (a run that publishes, or one that
was killed at it) sees the new files wherever they are at that moment; the next run finishes the moving. So a reader
meets the files of one generation, the old one or the new one, never some of each.

A program that opens the files itself sees the same, but for the milliseconds in which they are renamed (on a store: the
seconds in which they are copied), or, where the run was killed just then, until the next run.
"""

import json
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.leases import hold_remote
from dedup_assets.engine.work_dir.locks import Holder, Lock, hold_local
from dedup_assets.engine.work_dir.writing import move, remove_abandoned, sync_folder

if TYPE_CHECKING:
    from dedup_assets.engine.work_dir.location import WorkDir

STAGED = ".staged"
JOURNAL = ".publishing.json"
CONFIG = "config.json"
FOLDER_PREFIX = "files-"  # of what the pages of a gallery load
_FIRST_PAGE = "gallery/index.html"


@dataclass(frozen=True)
class Journal:
    """A generation that is the result already, and is being moved to its place."""

    generation: str
    files: list[str]


_open: dict[str, str] = {}  # generations that this process is making, by the URL of their folder
_guard = threading.Lock()


@contextmanager
def generation(work_dir: "WorkDir", doing: str, *, wait: bool = False) -> Iterator["WorkDir"]:
    """Hold a work_dir and publish all that is written in the block at its end; nothing of it where the block fails.

    Args:
        work_dir: where the files will appear.
        doing: the run in words, for whoever is refused meanwhile.
        wait: for another run to end; else that is an error.

    Yields:
        The work_dir as this run sees it: with the files that it has written already.

    Raises:
        WorkDirError: another run holds the work_dir, or it cannot be written to.
    """
    name = uuid.uuid4().hex
    with hold(work_dir, doing, run=name, wait=wait) as lock:
        tidy(work_dir, keep=name)
        view = work_dir.in_generation(name)
        with registered(work_dir.url, name):
            try:
                yield view
                lock.check()
                commit(view)
            finally:
                if read_journal(view) is None:
                    discard(view)


@contextmanager
def registered(url: str, name: str) -> Iterator[None]:
    """Let this process know which generation it is making in a work_dir."""
    with _guard:
        _open[url] = name
    try:
        yield
    finally:
        with _guard:
            del _open[url]


def open_here(work_dir: "WorkDir") -> str:
    """The generation that this process is making in a work_dir; empty where it is making none."""
    with _guard:
        return _open.get(work_dir.url, "")


@contextmanager
def hold(work_dir: "WorkDir", doing: str, *, run: str = "", wait: bool = False, shared: bool = False) -> Iterator[Lock]:
    """Hold the lock of a work_dir.

    Args:
        work_dir: which.
        doing: the run in words.
        run: its identity; processes of the same run do not exclude one another.
        wait: for another run to end; else that is an error.
        shared: for reading while no run writes; on local disks.

    Raises:
        WorkDirError: another run holds it, or the work_dir cannot be written to.
    """
    holder = Holder.here(doing, run or uuid.uuid4().hex)
    if work_dir.is_local:
        with hold_local(Path(work_dir.root), work_dir.url, holder, wait=wait, shared=shared) as lock:
            yield lock
    elif shared:
        yield Lock()
    else:
        with ExitStack() as held:
            with work_dir.answering(".lock", "lock"):
                lock = held.enter_context(
                    hold_remote(work_dir.filesystem, work_dir.root, work_dir.url, holder, wait=wait)
                )
            yield lock


def tidy(work_dir: "WorkDir", keep: str = "") -> None:
    """Finish what a killed run was publishing, and delete what killed and failed runs left half written.

    Whoever calls it holds the work_dir; what living writers are at without holding it (shards) stays.

    Args:
        work_dir: which.
        keep: a generation that is to be continued.
    """
    journal = read_journal(work_dir)
    if journal is not None:
        _finish(work_dir.in_generation(journal.generation), journal.files)
    if work_dir.is_local:
        _tidy_local(Path(work_dir.root), keep)
        return
    with work_dir.answering(STAGED):
        for path in work_dir.filesystem.find(work_dir.inside(STAGED)):
            if f"/{STAGED}/{keep}/" not in path or not keep:
                with suppress(FileNotFoundError):
                    work_dir.filesystem.rm_file(path)


def _tidy_local(root: Path, keep: str) -> None:
    for folder in (root, root / "shards", root / "gallery"):
        remove_abandoned(folder)
    staged = root / STAGED
    for folder in staged.iterdir() if staged.is_dir() else ():
        if folder.name != keep:
            shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        staged.rmdir()


def staged_files(view: "WorkDir") -> list[str]:
    """Names of the files that stand in a generation, config.json last: it tells that the others are there."""
    top = f"{STAGED}/{view.generation}"
    if view.is_local:
        folder = Path(view.inside(top))
        found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    else:
        with view.answering(top):
            prefix = view.inside(top).strip("/") + "/"
            found = [path.strip("/").removeprefix(prefix) for path in view.filesystem.find(view.inside(top))]
    files = [name for name in found if not PurePosixPath(name).name.startswith(".")]
    return sorted(files, key=lambda name: (name == CONFIG, name))


def commit(view: "WorkDir") -> None:
    """Publish all that stands in a generation, at once.

    Raises:
        WorkDirError: the files cannot be published; either none is then, or the next run finishes it.
    """
    names = staged_files(view)
    if not names:
        return
    try:
        if view.is_local:
            for folder in {Path(view.inside(name)).parent for name in names}:
                folder.mkdir(parents=True, exist_ok=True)
            sync_folder(Path(view.inside(f"{STAGED}/{view.generation}")))
        journal = json.dumps({"generation": view.generation, "files": names}).encode()
        with view.in_generation("").publish(JOURNAL) as (file,):
            file.write(journal)
    except OSError as error:
        raise WorkDirError(f"cannot write to work_dir={view.url!r}: {error.strerror or error}") from None
    _finish(view, names)


def _finish(view: "WorkDir", names: list[str]) -> None:
    """Move the files of a journal to their places; those that stand there already are passed over."""
    try:
        for name in names:
            _place(view, name)
        if view.is_local:
            for folder in {Path(view.inside(name)).parent for name in names}:
                sync_folder(folder)
    except OSError as error:
        raise WorkDirError(
            f"cannot put {error.filename or 'a file'!r} in its place in work_dir={view.url!r}: "
            f"{error.strerror or error}; the next run on it finishes that"
        ) from None
    view.in_generation("").remove(JOURNAL)
    discard(view)
    if _FIRST_PAGE in names:
        _remove_former_galleries(view.in_generation(""))


def _remove_former_galleries(work_dir: "WorkDir") -> None:
    """Delete what only pages loaded that are no more, and pages of former runs that load it."""
    with work_dir.open(_FIRST_PAGE) as file:
        page = file.read()
    gallery = work_dir.within("gallery")
    former = [name for name in gallery.folders() if name.startswith(FOLDER_PREFIX) and name.encode() not in page]
    for name in gallery.names("") if former else ():
        if name.endswith(".html"):
            with gallery.open(name) as file:
                content = file.read()
            if any(folder.encode() in content for folder in former):
                gallery.remove(name)
    for name in former:
        gallery.remove_folder(name)


def _place(view: "WorkDir", name: str) -> None:
    source, target = view.staged(name), view.inside(name)
    if view.is_local:
        with suppress(FileNotFoundError):
            move(Path(source), Path(target))
        return
    with view.answering(name):
        if view.filesystem.exists(source):
            view.filesystem.cp_file(source, target)


def discard(view: "WorkDir") -> None:
    """Delete what is staged in a generation."""
    folder = view.inside(f"{STAGED}/{view.generation}")
    if view.is_local:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            Path(folder).parent.rmdir()
        return
    with suppress(FileNotFoundError), view.answering(STAGED):
        view.filesystem.rm(folder, recursive=True)


def read_journal(work_dir: "WorkDir") -> Journal | None:
    """What is being published right now, or was when its run was killed."""
    try:
        with work_dir.answering(JOURNAL):
            content: bytes = work_dir.filesystem.cat_file(work_dir.inside(JOURNAL))
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        journal = json.loads(content)
        return Journal(str(journal["generation"]), [str(name) for name in journal["files"]])
    except (ValueError, KeyError, TypeError):
        raise WorkDirError(f"{work_dir.path(JOURNAL)!r} is damaged; delete it and run again") from None
