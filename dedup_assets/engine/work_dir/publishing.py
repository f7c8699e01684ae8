"""All files of a run appear together: a generation.

A run writes its files into `.staged/<generation>/`, where its own steps find them. When all are complete, the run
writes a journal, `.publishing.json`; from that moment the new files are the result. It then moves them to their places
and removes the journal. A journal is present while a run publishes, or if it was killed while publishing. Readers of
this package then see the new files, staged or in their places, and the next run finishes the moving. A reader
therefore sees the files of one generation, the old or the new, never some of each.

On a store, a run may be taken for dead and still go on (`leases`). It checks the lock before and after it writes its
journal, and changes nothing more if it has lost the lock. The run that took over first finishes a journal that it
finds, then makes all earlier journals invalid, and only then deletes what the other run had staged.

Another program that opens the files itself may see a mixture while they are renamed (milliseconds; on a store, while
they are copied: seconds). If the run was killed at that moment, the mixture lasts until the next run.
"""

import os
import uuid
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path, PurePosixPath

from dedup_assets.engine.core.errors import PublishedInterrupt, WorkDirError
from dedup_assets.engine.core.own_files import CONFIG, GALLERY, is_own_config
from dedup_assets.engine.stores import describe_object
from dedup_assets.engine.work_dir.failures import remedy
from dedup_assets.engine.work_dir.file_names import BAD_CSV, STAGED
from dedup_assets.engine.work_dir.former_galleries import FIRST_PAGE, remove_former_galleries
from dedup_assets.engine.work_dir.holding import hold, published_generation
from dedup_assets.engine.work_dir.identity.config import read_placed
from dedup_assets.engine.work_dir.identity.recording import merge_records
from dedup_assets.engine.work_dir.journal import (
    GENERATION,
    JOURNAL,
    Journal,
    close_former_journals,
    read_journal,
    remove_journal,
    staged_name,
    write_journal,
)
from dedup_assets.engine.work_dir.kept_files import forget_kept_files
from dedup_assets.engine.work_dir.leftovers import MARK, remove_generation, tidy_local
from dedup_assets.engine.work_dir.locks import IsOver, Lock
from dedup_assets.engine.work_dir.ownership import Ownership, PublishedFile, find, find_all, hash_of, is_copy
from dedup_assets.engine.work_dir.place import Facts, Place
from dedup_assets.engine.work_dir.unreported import forget_unreported, keep_unreported
from dedup_assets.engine.work_dir.uploads import abort_abandoned_uploads
from dedup_assets.engine.work_dir.writing import Content, move

_AT_ONCE = 8  # files that are copied on a store at the same time
_contents: dict[tuple[str, str], dict[str, Content]] = {}  # what this process has staged, by place and generation


@contextmanager
def making_generation(
    place: Place,
    doing: str,
    *,
    wait: bool = False,
    will_write: Collection[str] = (),
    withdrawn: Collection[str] = (),
    is_over: IsOver | None = None,
    is_told: bool = True,
) -> Iterator[str]:
    """Hold a work_dir, and publish at the end of the block all that was staged in it; nothing if the block fails.

    Args:
        place: the work_dir.
        doing: the run in words, for the message to a run that is refused.
        wait: whether to wait until another run ends; if not, another run is an error.
        will_write: names of files that the block will write.
        withdrawn: names of former results that are deleted when the new ones are in their places.
        is_over: says whether another run, of which no process is at work, has ended.
        is_told: whether people know what has changed when it is published; if not, the caller calls `note_told`.

    Yields:
        The name of the generation.

    Raises:
        WorkDirError: another run holds the work_dir, it cannot be written to, or it holds something that is not ours
            under one of the names.
    """
    generation = uuid.uuid4().hex
    if read_journal(place) is None:
        Ownership(place).refuse_foreign(will_write)
    with hold(place, doing, run=generation, wait=wait, is_over=is_over) as lock:
        tidy(place, lock, keep=generation)
        Ownership(place).refuse_foreign(will_write)
        try:
            yield generation
            commit(place, generation, lock, withdrawn, is_told=is_told)
        except BaseException:
            with suppress(Exception):  # a run that has lost the lock changes nothing more
                lock.check()
                if read_journal(place) is None:
                    discard(place, generation)
            raise


def mark_staged(place: Place, generation: str, contents: dict[str, Content]) -> None:
    """Note what this process has staged, and mark its folder as ours, so that `tidy` may delete it."""
    _contents.setdefault((place.url, generation), {}).update(contents)
    if place.is_local:
        with place.beside(staged_name(generation, MARK), create=True) as (folder, name):
            os.close(folder.open(name, os.O_WRONLY | os.O_CREAT))


def tidy(place: Place, lock: Lock, keep: str = "") -> None:
    """Finish what a killed run was publishing, and delete incomplete files of killed and failed runs.

    The caller holds the work_dir. Files of living writers that do not hold it (shards) stay.

    Args:
        place: the work_dir.
        lock: its lock.
        keep: a generation that continues.
    """
    journal = read_journal(place)
    if journal is not None:
        _finish(place, journal, lock)
    close_former_journals(place, lock.epoch)
    if place.is_local:
        tidy_local(place, keep)
        return
    abort_abandoned_uploads(place)
    with place.answering(STAGED):
        top = place.inside(STAGED).strip("/") + "/"
        found = place.filesystem.find(place.inside(STAGED))
        lock.check()  # what is listed was staged before another run could take over, so that none of it is that run's
        for path in found:
            generation = path.strip("/").removeprefix(top).split("/")[0]
            if GENERATION.fullmatch(generation) and generation != keep:
                with suppress(FileNotFoundError):
                    place.filesystem.rm_file(path)
    lock.forget_former_epochs()


def staged_files(place: Place, generation: str) -> dict[str, PublishedFile]:
    """The files of a generation by name; config.json is last, because it records the others."""
    top = staged_name(generation)
    known = _contents.get((place.url, generation), {})
    found: dict[str, PublishedFile] = {}
    if place.is_local:
        folder = Path(place.inside_folder(top))
        for path in folder.rglob("*"):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not _is_hidden(name):
                content = known.get(name)
                sha256 = content.sha256 if content else hash_of(path)
                found[name] = PublishedFile(path.stat().st_size, sha256)
    else:
        prefix = place.inside(top).strip("/") + "/"
        with place.answering(top):
            listed = place.filesystem.find(place.inside(top), detail=True)
        for path, facts in listed.items():
            name = path.strip("/").removeprefix(prefix)
            if not _is_hidden(name):
                sha256 = known[name].sha256 if name in known else ""
                found[name] = PublishedFile(int(facts["size"]), sha256, describe_object(facts)[1])
    return dict(sorted(found.items(), key=lambda item: (item[0] == CONFIG, item[0])))


def _is_hidden(name: str) -> bool:
    """Whether a staged file is a mark or a note of ours instead of a result."""
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def commit(place: Place, generation: str, lock: Lock, withdrawn: Collection[str] = (), *, is_told: bool = True) -> None:
    """Publish all that is staged in a generation, at once; arguments as of `making_generation`.

    Raises:
        LostLockError: another run has taken over the work_dir.
        WorkDirError: the files cannot be published. Either none is, or the next run publishes all.
        PublishedInterrupt: Ctrl-C came when the new files were the result already.
    """
    lock.check()
    if staged := merge_records(place, generation):
        mark_staged(place, generation, staged)
    journal = Journal(generation, staged_files(place, generation), lock.epoch, _former_gallery(place), tuple(withdrawn))
    if not journal.files:
        discard(place, generation)
        return
    Ownership(place).refuse_foreign(journal.files)
    try:
        if place.is_local:
            with place.open_folder(staged_name(generation)) as staged_folder:
                staged_folder.sync()
        write_journal(place, journal)
    except OSError as error:
        raise place.cannot("write", JOURNAL, error) from None
    lock.check()  # a run that took over meanwhile either finished this journal or ignores it
    try:
        _finish(place, journal, lock)
    except KeyboardInterrupt:
        if place.is_local:  # takes milliseconds
            _finish(place, journal, lock)
        raise PublishedInterrupt from None
    if is_told and BAD_CSV in journal.files:  # written by each run that says what changed
        forget_unreported(place)


def note_told(place: Place, generation: str) -> None:
    """Note that people know what a published generation has changed, so that the next run tells only what it changes.

    Nothing is noted where another run is at work, or has published.

    Args:
        place: the work_dir.
        generation: of a run that says what changed.
    """
    with suppress(WorkDirError), hold(place, "a note") if place.is_local else nullcontext():
        if published_generation(place) == generation:
            forget_unreported(place)


def _former_gallery(place: Place) -> str:
    """The folder that the gallery of an earlier version loads, named in that version's config.json; else ''."""
    former = read_placed(place) if is_own_config(place.read_placed(CONFIG) or b"") else None
    gallery = former.result(GALLERY).gallery if former and former.is_former else None
    return gallery.folder if gallery else ""


def _finish(place: Place, journal: Journal, lock: Lock) -> None:
    """Move the files of a journal to their places, except those that are there already."""
    ownership, names = Ownership(place), list(journal.files)
    staged = find_all(place, [staged_name(journal.generation, name) for name in names])
    placed = find_all(place, names)
    removed: list[str] = []

    def put(name: str) -> None:
        is_staged = staged_name(journal.generation, name) in staged
        put_in_place(place, journal, name, ownership, is_staged=is_staged, placed=placed.get(name))

    try:
        keep_unreported(place, {name for name in placed if staged_name(journal.generation, name) in staged})
        with ThreadPoolExecutor(1 if place.is_local else _AT_ONCE, thread_name_prefix="publish") as pool:
            list(pool.map(put, names[:-1]))
        put(names[-1])
        if place.is_local:
            for parent in {name.rpartition("/")[0] for name in names}:
                with place.open_folder(parent) as folder:
                    folder.sync()
        if FIRST_PAGE in journal.files:
            removed = remove_former_galleries(place, ownership, journal)
        removed += _withdraw(place, ownership, journal)
    except OSError as error:
        raise WorkDirError(
            f"cannot put {error.filename or 'a file'!r} in its place in work_dir={place.url!r}: "
            f"{error.strerror or error}; {remedy(error, 'the next run on it finishes that')}"
        ) from None
    found = {} if place.is_local else find_all(place, names)
    noted = {name: _as_placed(place, name, file, found.get(name)) for name, file in journal.files.items()}
    lock.check()
    ownership.note(noted, removed, journal.generation)
    remove_journal(place, journal)
    discard(place, journal.generation)


def _withdraw(place: Place, ownership: Ownership, journal: Journal) -> list[str]:
    """Delete the former results that a journal withdraws, unless they were changed since; return their names."""
    ours = [name for name in journal.withdrawn if name not in journal.files and ownership.owns(name)]
    for name in ours:
        place.remove(name)
    return ours


def _as_placed(place: Place, name: str, noted: PublishedFile, found: Facts | None) -> PublishedFile:
    """The facts of a published file. On a store, the copy in its place may have another version than its source."""
    if found is not None:
        return PublishedFile(int(found["size"]), noted.sha256, describe_object(found)[1])
    if noted.sha256 or not place.is_local:
        return noted
    path = Path(place.inside(name))
    return PublishedFile(path.stat().st_size, hash_of(path))


def put_in_place(
    place: Place, journal: Journal, name: str, ownership: Ownership, *, is_staged: bool, placed: Facts | None
) -> None:
    """Move one file of a generation to its place, unless it was moved already.

    Args:
        place: the work_dir.
        journal: the journal of the generation.
        name: the file.
        ownership: says whether a file in its place is ours.
        is_staged: whether it was staged a moment ago.
        placed: facts, a moment old, of the file in its place; None if there was none.

    Raises:
        WorkDirError: it is neither staged nor in its place, so another run must have deleted it.
    """
    staged = staged_name(journal.generation, name)
    noted = journal.files[name]
    with suppress(FileNotFoundError):
        if is_staged:
            # On a store, a copied file stays staged as well, so it may be in its place already.
            if placed is not None and (place.is_local or not is_copy(place, name, placed, noted)):
                ownership.make_room(name, placed)
            if place.is_local:
                with place.beside(staged) as (source, leaf), place.beside(name, create=True) as (target, new_leaf):
                    move(source, leaf, target, new_leaf)
            else:
                with place.answering(name):
                    place.filesystem.cp_file(place.inside(staged), place.inside(name))
            return
    facts = find(place, name)
    if facts is None or not (noted.size_bytes < 0 or is_copy(place, name, facts, noted)):
        raise WorkDirError(
            f"{place.path(staged)!r} is gone: another run has deleted what this one made, and the results in "
            f"work_dir={place.url!r} may be of another run; run again"
        )


def discard(place: Place, generation: str) -> None:
    """Delete what is staged in a generation."""
    _contents.pop((place.url, generation), None)
    forget_kept_files(place, generation)
    if place.is_local:
        remove_generation(place, generation)
        place.remove_empty_folder(STAGED)
        return
    with suppress(FileNotFoundError), place.answering(STAGED):
        place.filesystem.rm(place.inside(staged_name(generation)), recursive=True)
