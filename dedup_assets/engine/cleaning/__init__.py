"""Acting on copies: groups to a plan, a plan to moved files, and all of it back.

planning.py    groups to a plan: what is left out and why
gathering.py   the files of a work_dir to a plan
writing.py     a plan to its file
standing.py    files that a plan leaves out, because they are links, members of archives or out of reach
"""

from dedup_assets.engine.cleaning.gathering import generation_of, plan_from, plan_of
from dedup_assets.engine.cleaning.planning import PlanOptions
from dedup_assets.engine.cleaning.writing import write_plan

__all__ = ["PlanOptions", "generation_of", "plan_from", "plan_of", "write_plan"]
