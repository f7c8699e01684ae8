"""What is said of an apply that ends early: what it has done, how it goes on, and how it is put back."""

import errno
import shlex

from dedup_assets.engine.core.errors import CleaningInterrupt, InUseError, PlanError, WorkDirError
from dedup_assets.engine.core.plan_records import Action
from dedup_assets.engine.work_dir.failures import FULL

STOPPING = FULL | {errno.EROFS}
"""What will stop all further files of an apply, too."""

_REMEDIES = {
    **dict.fromkeys(FULL, "Make room there"),
    errno.EROFS: "Let that disk be written to",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "Allow this user to write there"),
}
_AGAIN = "run the same command again"
_DONE = {
    Action.TRASH: "moved to the trash",
    Action.MOVE: "moved",
    Action.HARDLINK: "replaced by hard links",
    Action.REFLINK: "replaced by clones",
    Action.DELETE: "deleted",
}


def interrupted(action: Action, done: int, before: int, place: str) -> CleaningInterrupt:
    """The interrupt that says what Ctrl-C leaves.

    Args:
        action: of the plan.
        done: files that this apply has acted upon.
        before: files that earlier applies of the plan have acted upon.
        place: a folder with a journal of the apply.
    """
    if not done + before:
        return CleaningInterrupt(f"interrupted before any file was touched; {_AGAIN}")
    said = f"interrupted: {_what_was_done(action, done, before)}"
    return CleaningInterrupt(
        f"{said}; the rest is as it was. Run the same command again to go on{_or_undo(action, place)}"
    )


def stopped(why: str, system: OSError | None, action: Action, done: int, before: int, place: str) -> PlanError:
    """The error that ends an apply before its last file.

    Args:
        why: what stopped it: the file and what is wrong.
        system: the system's error behind it, if there is one.
        action: as of `interrupted`, like the following.
        done: as above.
        before: as above.
        place: as above.
    """
    if not done + before:
        return PlanError(f"stopped before any file was touched: {why}. {remedy(system)}")
    said = f"stopped: {_what_was_done(action, done, before)}, then {why}"
    return PlanError(f"{said}; the rest is as it was. {remedy(system)} to go on{_or_undo(action, place)}")


def remedy(system: OSError | None) -> str:
    """What to do about an error of the system, as a sentence without a full stop."""
    first = _REMEDIES.get(system.errno or 0, "Mend that") if system is not None else "Mend that"
    return f"{first}, then {_AGAIN}"


def words_of(error: WorkDirError, name: str) -> str:
    """An error about a file beside the images or the results, in words that fit more than a run.

    Args:
        error: about a folder that an apply or an undo writes to.
        name: path of the file or folder that could not be written.
    """
    if error.system is None:
        return str(error)
    return f"{name!r} cannot be written: {error.system.strerror or error.system}"


def refused(doing: str, error: WorkDirError, place: str) -> PlanError:
    """The error for an apply or an undo that cannot begin.

    Args:
        doing: an apply, or an undo.
        error: why not.
        place: path or URL of the folder that it is about.
    """
    if isinstance(error, InUseError):
        return PlanError(f"{doing} is refused: {place!r} is in use by another run ({error.who}); wait until it ends")
    if error.system is None or error.system.errno not in _REMEDIES:
        return PlanError(f"{doing} is refused: {error}")
    why = f"nothing can be written to {place!r}: {error.system.strerror or error.system}"
    return PlanError(f"{doing} is refused before any file was touched: {why}. {remedy(error.system)}")


def _what_was_done(action: Action, done: int, before: int) -> str:
    said = f"{done:,} {'file was' if done == 1 else 'files were'} {_DONE[action]}"
    return said + (f", {before:,} by an earlier apply of this plan" if before else "")


def _or_undo(action: Action, place: str) -> str:
    """The command that puts back what was done; nothing brings back what was deleted."""
    return "" if action is Action.DELETE else f", or put back what was done: dedup-assets undo {shlex.quote(place)}"
