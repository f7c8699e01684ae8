"""Applies that were made before: found by their journals, and settled where they were killed."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dedup_assets.engine.cleaning.ending import refused
from dedup_assets.engine.cleaning.local_files import LocalFiles, temporary_beside
from dedup_assets.engine.cleaning.objects import StoredObjects
from dedup_assets.engine.cleaning.touching import Files, Seen
from dedup_assets.engine.core.errors import PlanError, SkippedError, WorkDirError
from dedup_assets.engine.core.plan_records import Action
from dedup_assets.engine.stores import is_url, reason_of
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.apply_journal import Act, JournalFolder, RunRecord, journals_in
from dedup_assets.engine.work_dir.holding import hold
from dedup_assets.engine.work_dir.place import Place
from dedup_assets.engine.work_dir.removed_file import RemovedRow, check_removed, note_removed

_LOCAL, _STORED = LocalFiles(), StoredObjects()


def files_of(name: bytes) -> Files:
    """What acts on a file of this name."""
    return _STORED if is_url(name) else _LOCAL


def list_folder(folder: bytes) -> list[bytes]:
    """The names of what is in a folder or below a prefix. Raises OSError."""
    return files_of(folder).listed(folder)


@dataclass(frozen=True)
class Run:
    """An apply: its journals, one for each input."""

    journals: Sequence[JournalFolder]
    records: Sequence[RunRecord]

    @property
    def acts(self) -> list[Act]:
        """What was begun in all inputs."""
        return [act for record in self.records for act in record.acts]

    @property
    def stayed(self) -> frozenset[bytes]:
        """Files that were begun and never left."""
        return frozenset[bytes]().union(*(record.stayed for record in self.records))

    @property
    def plan_id(self) -> str:
        """The plan that it did."""
        return self.records[0].header.plan

    @property
    def has_ended(self) -> bool:
        """Whether it came to its end everywhere."""
        return all(record.has_ended for record in self.records)

    def settle(self) -> None:
        """Remove what was left half done, and close the journals. The caller holds their folders."""
        for journal, record in zip(self.journals, self.records, strict=True):
            if not record.has_ended:
                made = list(_acts_made(record, journal.url))
                for act in made:
                    with suppress(SkippedError):  # a link is in its place now: nothing of ours
                        files_of(act.filename).settle(act)
                stayed = (
                    set[bytes]() if record.has_undo else {act.filename for act in made if not may_have_happened(act)}
                )
                journal.end(stayed=sorted(stayed))
                journal.close()


def runs_in(trashes: Iterable[str], note: Callable[[str], None]) -> dict[str, Run]:
    """The applies whose journals are in these trash folders, by their ids.

    Args:
        trashes: the folders.
        note: called with a sentence for each journal that is damaged or not of an apply; it is left as it is.
    """
    found: dict[str, tuple[list[JournalFolder], list[RunRecord]]] = {}
    for trash in trashes:
        for journal in journals_in(trash):
            try:
                record = journal.read()
            except (PlanError, WorkDirError) as error:
                note(f"left as it is: {error}")
                continue
            if record is not None:
                journals, records = found.setdefault(record.header.run, ([], []))
                journals.append(journal)
                records.append(record)
    return {run: Run(*both) for run, both in found.items()}


def run_at(places: Iterable[str]) -> Run:
    """The apply whose journals are in these folders. Raises PlanError for a journal that is damaged."""
    read = [(journal, record) for journal in map(JournalFolder, places) if (record := journal.read()) is not None]
    return Run([journal for journal, _ in read], [record for _, record in read])


def _acts_made(record: RunRecord, url: str) -> Iterator[Act]:
    """The acts of a journal whose targets are where an apply puts them: a journal of others may name any file.

    Args:
        record: what the journal says.
        url: its folder in a trash.
    """
    place = os.fsencode(url)
    root = place.rsplit(b"/", 2)[0] + b"/"
    for act in record.acts:
        path = act.filename.removeprefix(root)
        if not Action(act.action).removes:
            is_made = act.to == temporary_beside(act.filename, record.header.run)
        elif act.action == Action.TRASH:
            is_made = act.to.startswith(place + b"/")
        else:
            is_made = act.to.endswith(b"/" + path.lstrip(b"/"))
        if is_made:
            yield act


def has_happened(act: Act) -> bool:
    """Whether what a journal says was about to happen has happened, and still holds. A clone is simply made again."""
    files = files_of(act.filename)
    try:
        here = files.find(act.filename)
        if not Action(act.action).removes:
            kept = files_of(act.keep).find(act.keep)
            return here is not None and kept is not None and here.is_same_file(kept)
        return here is None and (act.action == Action.DELETE or files.find(act.to) is not None)
    except SkippedError:
        return False


def may_have_happened(act: Act) -> bool:
    """As `has_happened`, but a clone, which nothing tells from a file that stayed, may have been made."""
    return act.action == Action.REFLINK or has_happened(act)


@contextmanager
def holding(trashes: Iterable[str], work_dir: WorkDir | None, doing: str) -> Iterator[None]:
    """Hold trash folders and a work_dir: one apply or undo at a time, and no run meanwhile.

    Raises:
        PlanError: another one holds one of them, it cannot be written to, or something else is in its place.
    """
    with ExitStack() as stack:
        at = work_dir.url if work_dir is not None else ""
        try:
            if work_dir is not None:
                stack.enter_context(hold(work_dir, doing))
                check_removed(work_dir)
            for at in sorted(trashes):
                place = Place(at)
                if place.is_local and Path(at).is_symlink():
                    raise PlanError(f"{at!r} is a link, and nothing is moved through it; remove it")
                stack.enter_context(hold(place, doing))
        except WorkDirError as error:
            raise refused(doing, error, at) from None
        except OSError as error:
            raise refused(doing, WorkDirError(reason_of(error), error), at) from None
        yield


def note_in(work_dir: WorkDir, run: str, acts: Iterable[Act]) -> None:
    """Write to removed.csv what an apply has removed; nothing after an undo."""
    removed = [RemovedRow(act.content, act.keep_content, run) for act in acts if Action(act.action).removes]
    note_removed(work_dir, run, sorted(removed))


def is_as_linked(before: Seen, after: Seen) -> bool:
    """Whether a kept file is the same after it got one more name, which changes the time of its metadata alone."""
    facts = ("device", "inode", "size_bytes", "mtime_ns")
    return all(getattr(before, name) == getattr(after, name) for name in facts)
