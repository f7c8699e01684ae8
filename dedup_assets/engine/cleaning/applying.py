"""A plan to deeds, group by group: verified, written into a journal, done. A killed apply goes on where it stopped."""

import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from dedup_assets.engine.cleaning.earlier import done_before, past_applies, trash_for
from dedup_assets.engine.cleaning.ending import STOPPING, interrupted, stopped, words_of
from dedup_assets.engine.cleaning.gathering import generation_of
from dedup_assets.engine.cleaning.heeding import Decisions
from dedup_assets.engine.cleaning.local_files import temporary_beside
from dedup_assets.engine.cleaning.returning import RUN_TIME
from dedup_assets.engine.cleaning.runs import (
    Run,
    files_of,
    has_happened,
    holding,
    is_as_linked,
    note_in,
    runs_in,
)
from dedup_assets.engine.cleaning.touching import Seen, quoted
from dedup_assets.engine.cleaning.verifying import Row, Verified, verifier
from dedup_assets.engine.core.defaults import MAX_REMOVED_SHARE
from dedup_assets.engine.core.errors import DedupError, PlanError, SkippedError, WorkDirError
from dedup_assets.engine.core.plan_records import Action, Applied, Plan, Skipped, too_many_removed
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.decoders.tasks import DecodingTask
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.stores import is_url, reason_of
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.apply_journal import JOURNAL, Act, JournalFolder, RunHeader
from dedup_assets.engine.work_dir.identity import read_config
from dedup_assets.engine.work_dir.removed_file import REMOVED
from dedup_assets.engine.workers import thread_count

_BEFORE_SYNC = 256  # acts that one write of the journal announces
_SIDE = 32  # px; a decoder reads the whole file, whatever the size of the result


@dataclass(frozen=True)
class ApplyOptions:
    """How a plan is applied.

    Attributes:
        max_removed_share: the most images that may be removed, of all and of each input, 0 to 1.
        threads: files that are read and decoded at a time; -1: one per usable core.
        seconds: for decoding one kept file.
    """

    max_removed_share: float = MAX_REMOVED_SHARE
    threads: int = -1
    seconds: float = 60.0


def check_applicable(plan: Plan, work_dir: WorkDir, options: ApplyOptions) -> None:
    """Check that a plan may be applied as a whole.

    Raises:
        PlanError: it is of other groups than those in the work_dir, contradicts itself, or removes too much.
    """
    if sys.platform == "win32":
        raise PlanError("plans are not applied on Windows, where a path cannot be kept from leading elsewhere")
    if not 0 <= options.max_removed_share <= 1:
        raise PlanError(f"max_removed_share={options.max_removed_share!r}: must be from 0 to 1")
    now = generation_of(work_dir)
    if plan.generation != now:
        raise PlanError(
            f"the plan was made from other groups than those now in work_dir={work_dir.url!r}"
            f"{'' if now else ', which holds none'}: make it again with `dedup-assets plan`"
        )
    if both := set(plan.rows["filename"]) & set(plan.rows["keep"]):
        raise PlanError(f"the plan keeps and removes {os.fsdecode(min(both))!r}: make it again")
    if beyond := too_many_removed(plan, options.max_removed_share):
        raise PlanError(
            f"the plan removes {beyond}: more than max_removed_share={options.max_removed_share:g} allows; look at it, "
            "then remove lines from it, or allow a larger share"
        )


def apply_plan(
    plan: Plan,
    work_dir: WorkDir,
    options: ApplyOptions,
    progress: ProgressReporter,
    tell: Callable[[Skipped], None] = lambda skipped: None,
    note: Callable[[str], None] = lambda said: None,
) -> Applied:
    """Do what a plan says, and resume an apply of it that was killed.

    Args:
        plan: the plan.
        work_dir: the results that it was made from.
        options: limits.
        progress: counts files.
        tell: called with each group that is left as it is.
        note: called with a sentence for each journal of earlier applies that cannot be read.

    Raises:
        PlanError: nothing may be done, or nothing more can be done (a full disk); what was done is in the journals.
        CleaningInterrupt: Ctrl-C; likewise.
    """
    check_applicable(plan, work_dir, options)
    trashes = {name: trash_for(plan, work_dir, name) for name in plan.rows["filename"]}
    with holding(set(trashes.values()), work_dir, "an apply"):
        check_applicable(plan, work_dir, options)  # nobody changes the groups from now on
        applying = _Applying(plan, work_dir, trashes, options, progress, tell)
        return applying.run(note)


class _Applying:
    """One apply, while it holds all that it needs."""

    def __init__(
        self,
        plan: Plan,
        work_dir: WorkDir,
        trashes: dict[bytes, str],
        options: ApplyOptions,
        progress: ProgressReporter,
        tell: Callable[[Skipped], None],
    ) -> None:
        self._plan, self._work_dir, self._options = plan, work_dir, options
        self._trashes, self._progress, self._tell = trashes, progress, tell
        self._skipped: list[Skipped] = []
        self._done: list[Act] = []
        self._announced: dict[str, set[bytes]] = {}
        self._run, self._before = "", 0
        self._decisions = Decisions(work_dir)
        self._journals: dict[str, JournalFolder] = {}

    def run(self, note: Callable[[str], None]) -> Applied:
        """Settle what was killed, then do what is left."""
        found, resumed = self._settle(note)
        by_run = done_before(found, self._plan)
        before = {name for acts in by_run.values() for name in acts}
        rows = [row for row in self._plan.rows.iter_rows(named=True) if row["filename"] not in before]
        self._run, self._before = resumed or _new_id(), len(before)
        earlier = by_run.get(resumed, {}).values()
        try:
            if rows:
                self._begin(found.get(resumed))
                self._do_rows(rows)
        except BaseException as error:
            with suppress(DedupError):  # the apply that goes on writes it
                self._note_removed(earlier)
            if isinstance(error, KeyboardInterrupt):
                raise interrupted(self._plan.action, len(self._done), len(before), self._undone_from) from None
            raise
        self._note_removed(earlier)
        done = {act.filename for act in self._done}
        for trash, journal in self._journals.items():
            with self._writing(journal):
                journal.end(stayed=sorted(self._announced.get(trash, set()) - done))
            journal.close()
        places = [journal.url for journal in self._journals.values()]
        done_bytes = sum(act.size_bytes for act in self._done)
        past = past_applies(found, by_run)
        return Applied(self._run, len(self._done), done_bytes, past, self._skipped, places)

    def _note_removed(self, earlier: Collection[Act]) -> None:
        if not earlier and not self._done:
            return
        try:
            note_in(self._work_dir, self._run, [*earlier, *self._done])
        except WorkDirError as error:
            raise self._stopped(words_of(error, self._work_dir.path(REMOVED)), error.system) from None

    @contextmanager
    def _writing(self, journal: JournalFolder) -> Iterator[None]:
        """Say in words of an apply that a journal cannot be written in the block."""
        try:
            yield
        except WorkDirError as error:
            raise self._stopped(words_of(error, f"{journal.url}/{JOURNAL}"), error.system) from None

    def _do_rows(self, rows: Sequence[Row]) -> None:
        most = read_config(self._work_dir).result("evidence").settings.get("max_pixels")
        limits = DecodingLimits(max_pixels=most) if isinstance(most, int) else DecodingLimits()
        task = DecodingTask((_SIDE, _SIDE), None, limits, self._options.seconds)
        threads = thread_count(self._options.threads)
        with self._progress.counting(len(rows), "files"), verifier(threads, task) as verify:
            self._do_all(verify.verified(_groups(rows)))

    def _settle(self, note: Callable[[str], None]) -> tuple[Mapping[str, Run], str]:
        """Clean up after applies that were killed; gives all earlier applies, and the id of the one to resume."""
        found, resumed = runs_in(sorted(set(self._trashes.values())), note), ""
        same = {run for run, each in found.items() if each.plan_id == self._plan.plan_id}
        for run, each in found.items():
            if not each.has_ended:
                each.settle()
                resumed = run if run in same else resumed
                if run not in same and each.records[0].header.work_dir == self._origin():
                    note_in(self._work_dir, run, [act for act in each.acts if has_happened(act)])
        return found, resumed

    def _begin(self, resumed: Run | None) -> None:
        urls = {trash: f"{trash}/{self._run}" for trash in sorted(set(self._trashes.values()))}
        known = {journal.url for journal in resumed.journals} if resumed else set()
        header = RunHeader(self._run, self._plan.plan_id, self._plan.action, tuple(urls.values()), self._origin())
        self._journals = {trash: JournalFolder(url) for trash, url in urls.items()}
        new = [journal for journal in self._journals.values() if journal.url not in known]
        try:
            for journal in new:
                with self._writing(journal):
                    journal.begin(header)
        except PlanError:
            for journal in new:
                journal.discard()
            raise

    def _origin(self) -> str:
        """The work_dir, as journals name it."""
        local = self._work_dir.is_local
        return os.path.abspath(self._work_dir.root) if local else self._work_dir.url  # noqa: PTH100 - text of fsspec

    def _do_all(self, groups: Iterator[Verified | Skipped]) -> None:
        ready, acts = list[Verified](), 0
        for group in groups:
            if isinstance(group, Skipped):
                self._skip(group, 0)
                continue
            ready.append(group)
            acts += len(group.rows)
            if acts >= _BEFORE_SYNC:
                self._do(ready)
                ready, acts = [], 0
        self._do(ready)

    def _do(self, groups: Sequence[Verified]) -> None:
        """Announce the acts of some groups in the journals, then do them, if no verdict is against it."""
        self._decisions.read_again()
        groups = [each for each in groups if self._is_allowed(each)]
        acts = [[self._act(row, seen) for row, seen in zip(each.rows, each.seen, strict=True)] for each in groups]
        for trash, journal in self._journals.items():
            mine = [act for some in acts for act in some if self._trashes[act.filename] == trash]
            if mine:
                with self._writing(journal):
                    journal.append_acts(mine)
                self._announced.setdefault(trash, set()).update(act.filename for act in mine)
        for group, some in zip(groups, acts, strict=True):
            self._do_group(group, some)

    def _is_allowed(self, group: Verified) -> bool:
        reason = next(filter(None, map(self._decisions.why_not, group.rows)), "")
        if reason:
            self._skip(Skipped(group.group_id, reason), len(group.rows))
        return not reason

    def _do_group(self, group: Verified, acts: Sequence[Act]) -> None:
        kept = dict(group.kept)
        for place, (act, seen) in enumerate(zip(acts, group.seen, strict=True)):
            try:
                kept[act.keep] = self._do_one(act, seen, kept[act.keep])
            except KeyboardInterrupt:
                self._done += [act] if has_happened(act) else []
                raise
            except (SkippedError, OSError) as error:
                first = group.first[place]
                said = str(error)
                if isinstance(error, OSError):
                    where = f" cannot go to {quoted(act.to)}" if act.action in (Action.TRASH, Action.MOVE) else ""
                    said = f"{quoted(act.filename)}{where}: {reason_of(error)}"
                said += self._take_back(acts[first:place])
                if isinstance(error, OSError) and error.errno in STOPPING:
                    raise self._stopped(f"group {group.group_id}: {said}", error) from None
                self._skip(Skipped(group.group_id, said), len(acts) - place, first)
                return
            self._done.append(act)
            self._progress.advance(1, 0)

    def _take_back(self, acts: Sequence[Act]) -> str:
        """Put back files that went with an image which stays; gives what cannot be put back, in words."""
        failed = ""
        for act in reversed(acts):
            try:
                files_of(act.filename).restore(act)
                self._done.remove(act)
            except DedupError as error:
                failed += f"; {error}"
            except OSError as error:
                failed += f"; {quoted(act.filename)} is not put back: {reason_of(error)}"
        return failed

    def _stopped(self, why: str, system: OSError | None) -> PlanError:
        return stopped(why, system, self._plan.action, len(self._done), self._before, self._undone_from)

    @property
    def _undone_from(self) -> str:
        """A folder with a journal of this apply, from which it can be undone."""
        return f"{min(self._trashes.values())}/{self._run}"

    def _do_one(self, act: Act, seen: Seen, kept: Seen) -> Seen:
        """Do one act while nobody else touches the file or the kept one; gives the kept one as it is now."""
        keepers, files = files_of(act.keep), files_of(act.filename)
        with keepers.unchanged(act.keep, kept, exclusive=False), files.unchanged(act.filename, seen, exclusive=True):
            files.act(act, seen)
        if act.action != Action.HARDLINK:
            return kept
        now = keepers.find(act.keep)
        return now if now is not None and is_as_linked(kept, now) else kept

    def _act(self, row: Row, seen: Seen) -> Act:
        name = row["filename"]
        return Act(
            **{each: row[each] for each in ("group_id", "action", "filename", "content", "keep", "keep_content")},
            size_bytes=row["bytes"],
            to=self._target(name),
            mode=seen.mode,
            uid=seen.uid,
            gid=seen.gid,
            atime_ns=seen.atime_ns,
            mtime_ns=seen.mtime_ns,
            device=seen.device,
            inode=seen.inode,
            version=seen.version,
        )

    def _target(self, name: bytes) -> bytes:
        if not self._plan.action.removes:
            return temporary_beside(name, self._run)
        root = self._plan.root_of(name).name
        path = name[len(root) :] if root or not is_url(name) else b"/".join(name.split(b"/")[3:])
        place = self._plan.to or f"{self._trashes[name]}/{self._run}"
        return os.fsencode(place) + b"/" + path.lstrip(b"/")

    def _skip(self, skipped: Skipped, files: int, done: int = 0) -> None:
        if done:
            skipped = Skipped(skipped.group_id, f"{skipped.reason} (after {done:,} files of the group)")
        self._skipped.append(skipped)
        self._progress.advance(files, files)
        self._tell(skipped)


def _groups(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    by_id: dict[str, list[Row]] = {}
    for row in rows:
        by_id.setdefault(row["group_id"], []).append(row)
    return iter(by_id.values())


def _new_id() -> str:
    """An id that sorts by time."""
    return datetime.now(UTC).strftime(RUN_TIME)
