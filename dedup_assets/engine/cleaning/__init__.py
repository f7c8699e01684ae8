"""Acting on copies: groups to a plan, a plan to moved files, and all of it back.

planning.py    groups to a plan: what is left out and why
companions.py  what belongs to an image, in a plan; `inputs.stacks` finds it by its name
marking.py     lists of marked files, for a plan
gathering.py   the files of a work_dir to a plan
writing.py     a plan to its file
applying.py    a plan to deeds: verified, noted, done
heeding.py     verdicts that were given since
verifying.py   a group before anything happens to it
returning.py   removed images that are listed again
undoing.py     an apply, undone
ending.py      what is said of an apply that ends early
runs.py        earlier applies: found, and settled where they were killed
earlier.py     what earlier applies of a plan have done
touching.py    what can be done to a file, wherever it is
local_files.py local files, moving.py their moves, copying.py their copies, objects.py objects of S3
standing.py    files that a plan leaves out, because they are links, members of archives or out of reach
"""

from dedup_assets.engine.cleaning.applying import ApplyOptions, apply_plan, check_applicable
from dedup_assets.engine.cleaning.earlier import earlier_applies
from dedup_assets.engine.cleaning.gathering import generation_of, plan_from, plan_of
from dedup_assets.engine.cleaning.heeding import refused_groups
from dedup_assets.engine.cleaning.marking import read_marks
from dedup_assets.engine.cleaning.planning import PlanOptions
from dedup_assets.engine.cleaning.returning import find_returned
from dedup_assets.engine.cleaning.undoing import undo_apply, undoable_runs
from dedup_assets.engine.cleaning.writing import write_plan

__all__ = [
    "ApplyOptions",
    "PlanOptions",
    "apply_plan",
    "check_applicable",
    "earlier_applies",
    "find_returned",
    "generation_of",
    "plan_from",
    "plan_of",
    "read_marks",
    "refused_groups",
    "undo_apply",
    "undoable_runs",
    "write_plan",
]
