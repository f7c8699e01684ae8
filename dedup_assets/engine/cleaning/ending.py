"""What is said of an apply that ends early: what it has done, how it goes on, and how it is put back."""

import shlex

from dedup_assets.engine.core.errors import CleaningInterrupt
from dedup_assets.engine.core.plan_records import Action

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
        return CleaningInterrupt("interrupted before any file was touched; run the same command again")
    said = f"interrupted: {done:,} {'file was' if done == 1 else 'files were'} {_DONE[action]}"
    said += f", {before:,} by an earlier apply of this plan" if before else ""
    return CleaningInterrupt(f"{said}; the rest is as it was. {how_to_go_on(action, place)}")


def how_to_go_on(action: Action, place: str) -> str:
    """The commands after an early end; nothing brings back what was deleted."""
    undo = f", or put back what was done: dedup-assets undo {shlex.quote(place)}"
    return f"Run the same command again to go on{'' if action is Action.DELETE else undo}"
