"""An apply, undone: every file back where it was, nothing overwritten, and what cannot be put back is named."""

import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from dedup_assets.engine.cleaning.ending import refused, remedy, words_of
from dedup_assets.engine.cleaning.gathering import trashes_of
from dedup_assets.engine.cleaning.runs import Run, files_of, has_happened, holding, note_in, run_at, runs_in
from dedup_assets.engine.cleaning.touching import quoted
from dedup_assets.engine.core.errors import CleaningInterrupt, DedupError, PlanError, WorkDirError
from dedup_assets.engine.core.plan_records import TRASH, Action, PastApply, Undone
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.stores import reason_of
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.apply_journal import JOURNAL, Act, JournalFolder
from dedup_assets.engine.work_dir.failures import FULL
from dedup_assets.engine.work_dir.place import Place
from dedup_assets.engine.work_dir.removed_file import REMOVED

_MOST_NAMED = 5  # applies and folders in an error


def undoable_runs(work_dir: str, note: Callable[[str], None] = lambda said: None) -> tuple[list[PastApply], list[str]]:
    """The applies that can be undone, the latest last, and the folders in which they were looked for.

    Args:
        work_dir: results; the trash folders of the inputs of their run are searched, and that of the work_dir.
        note: called with a sentence for each journal that cannot be read.
    """
    trashes = trashes_of(WorkDir(work_dir))
    found = []
    for run, each in sorted(runs_in(trashes, note).items()):
        header = each.records[0].header
        files = 0 if header.action == Action.DELETE else sum(map(has_happened, _latest(each.acts)))
        found += [PastApply(run, files, each.journals[0].url)] if files else []
    return found, trashes


def undo_apply(run: str, work_dir: str, progress: ProgressReporter) -> Undone:
    """Put back what an apply did. It can be repeated, also after it was killed.

    Args:
        run: id of the apply, or its folder in a trash.
        work_dir: where the plan was made; an id is looked up in the inputs of its run.
        progress: counts files.

    Raises:
        PlanError: there is no such apply, another one is at work, or a journal is damaged.
        CleaningInterrupt: Ctrl-C, after some files are back.
    """
    places, origin = _find(run, work_dir)
    name = places[0].rstrip("/").rpartition("/")[2]
    results = _work_dir_of(origin)
    trashes = {place.rstrip("/").rpartition("/")[0] for place in places}
    missing = [place for place in places if JournalFolder(place).read_header() is None]
    present = [trash for trash in trashes if f"{trash}/{name}" not in missing]
    with holding(present, results, "an undo"):
        found = run_at(f"{trash}/{name}" for trash in present)
        if not found.has_ended:
            found.settle()
            found = run_at(f"{trash}/{name}" for trash in present)
        for journal in found.journals:
            _begin_undo(journal)
        later = _taken_later(trashes, name)
        lost = [f"{place!r} is not there, with the files in it" for place in missing]
        undone = _restore(found, name, progress, lost, later)
        try:
            if results is not None:
                file = results.path(REMOVED)
                note_in(results, name, [act for act in found.acts if undone.failed and has_happened(act)])
            for journal in found.journals:
                file = f"{journal.url}/{JOURNAL}"
                journal.end(undone=True)
                journal.close()
        except WorkDirError as error:
            raise PlanError(f"{_back(undone.restored)}, but {words_of(error, file)}. {remedy(error.system)}") from None
    for place in places:
        _remove_empty(place)
    return undone


def _find(run: str, work_dir: str) -> tuple[Sequence[str], str]:
    """The folders of an apply and the work_dir of its plan."""
    if "/" in run or TRASH in run:
        url = run.rstrip("/") if "://" in run else os.path.abspath(run)  # noqa: PTH100 - text, like all paths of fsspec
        header = JournalFolder(url).read_header()
        if header is None:
            raise PlanError(f"run={run!r}: this folder holds no journal of an apply{_if_empty(url)}{_listing_of(run)}")
        return ([url] if url not in header.places else header.places), header.work_dir
    if listing := _listing_of(run):
        raise PlanError(f"run={run!r} is a folder, and the id of an apply is wanted{listing}")
    results = WorkDir(work_dir)
    for trash in trashes_of(results):
        header = JournalFolder(f"{trash}/{run}").read_header() if "/" not in run else None
        if header is not None:
            return header.places, header.work_dir
    raise PlanError(
        f"run={run!r}: no apply of this id is known to work_dir={work_dir!r}; {_known(work_dir)}. Name the work_dir "
        f"that the plan was made from, or the folder {TRASH}/RUN of an input"
    )


def _if_empty(folder: str) -> str:
    """That nothing was moved to the folder of an apply, as the end of a sentence; empty where something lies in it."""
    is_empty = os.path.isdir(folder) and not set(os.listdir(folder)) - {JOURNAL}  # noqa: PTH112, PTH208 - wild names
    return ", and nothing was moved to it: the apply ended before it touched a file" if is_empty else ""


def _listing_of(folder: str) -> str:
    """How to see what can be undone in a folder of images or results, as the end of a sentence; else empty."""
    if TRASH in folder or not os.path.isdir(folder):  # noqa: PTH112 - wild names
        return ""
    return f"; this lists those that can be undone there: dedup-assets undo --work-dir {shlex.quote(folder)}"


def _known(work_dir: str) -> str:
    """What can be undone, and where it was looked for, in words; the latest applies alone."""
    unread: list[str] = []
    found, trashes = undoable_runs(work_dir, unread.append)
    named = [
        f"{each.run} ({each.began or 'no time'}, {each.files:,} {'file' if each.files == 1 else 'files'})"
        for each in reversed(found[-_MOST_NAMED:])
    ]
    more = len(found) - len(named)
    has_results = WorkDir(work_dir).exists("config.json")
    why = "" if has_results else ", because that folder holds no results of a run"
    known = f"these can be undone: {', '.join(named)}" if named else f"nothing can be undone{why}"
    known += f" and {more:,} before (`dedup-assets undo` without a name lists them)" if more else ""
    further = len(trashes) - _MOST_NAMED
    places = ", ".join(map(repr, trashes[:_MOST_NAMED])) + (f" and {further:,} more folders" if further > 0 else "")
    return "; ".join([known, *unread, f"looked in {places}"])


def _taken_later(trashes: Iterable[str], name: str) -> dict[bytes, PastApply]:
    """The files that applies after one have moved and that are where these put them, each with the latest apply."""
    found: dict[bytes, PastApply] = {}
    for run, each in sorted(runs_in(sorted(trashes), lambda said: None).items()):
        if run > name and Action(each.records[0].header.action).removes:
            acts = [act for act in _latest(each.acts) if has_happened(act)]
            found |= {act.filename: PastApply(run, len(acts), each.journals[0].url) for act in acts}
    return found


def _restore(
    found: Run, name: str, progress: ProgressReporter, failed: list[str], later: Mapping[bytes, PastApply]
) -> Undone:
    restored = in_place = never_left = 0
    acts, stayed = _latest(found.acts), found.stayed
    taken = Counter[PastApply]()
    with progress.counting(len(acts), "files"):
        for act in acts:
            if act.filename in later and not has_happened(act):
                taken[later[act.filename]] += 1
                progress.advance(1, 1)
                continue
            try:
                if files_of(act.filename).restore(act):
                    restored += 1
                elif act.filename in stayed:
                    never_left += 1
                else:
                    in_place += 1
                progress.advance(1, 0)
            except KeyboardInterrupt:
                said = f"interrupted: {_back(restored)}, the rest is where the apply put it"
                raise CleaningInterrupt(f"{said}; run the same command again to go on") from None
            except DedupError as error:
                failed.append(str(error))
                progress.advance(1, 1)
            except OSError as error:
                if error.errno in FULL:
                    why = f"{quoted(act.filename)} cannot be put back: {reason_of(error)}"
                    said = f"stopped: {_back(restored)}, then {why}; the rest is where the apply put it"
                    raise PlanError(f"{said}. {remedy(error)}") from None
                failed.append(f"{quoted(act.filename)}: {reason_of(error)}")
                progress.advance(1, 1)
    since = [replace(each, files=files) for each, files in sorted(taken.items(), key=lambda pair: pair[0].run)]
    return Undone(name, restored, in_place, never_left, failed, since)


def _begin_undo(journal: JournalFolder) -> None:
    try:
        journal.begin_undo()
    except WorkDirError as error:
        raise refused("an undo", error, journal.url) from None


def _back(files: int) -> str:
    return f"{files:,} {'file is' if files == 1 else 'files are'} back"


def _latest(acts: Sequence[Act]) -> list[Act]:
    """The acts in reverse, each file once: a resumed apply announces a file again."""
    seen: dict[bytes, Act] = {}
    for act in reversed(acts):
        seen.setdefault(act.filename, act)
    return list(seen.values())


def _work_dir_of(url: str) -> WorkDir | None:
    """The work_dir of the plan; None if it is gone."""
    try:
        results = WorkDir(url)
        return results if results.exists("config.json") else None
    except WorkDirError:
        return None


def _remove_empty(place: str) -> None:
    """Delete the folders that the undo has emptied; the journal stays."""
    found = Place(place)
    if not found.is_local or not os.path.isdir(found.root):  # noqa: PTH112
        return
    for folder, _, _ in os.walk(found.root, topdown=False):
        if folder != found.root:
            found.remove_empty_folder(os.path.relpath(folder, found.root))
