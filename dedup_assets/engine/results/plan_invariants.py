"""Checks of a plan, because people act on it."""

from dedup_assets.engine.core.plan_records import Plan, too_many_removed
from dedup_assets.engine.results.invariants import Verdict


def check_fresh(plan: Plan, generation: str) -> Verdict:
    """The plan was made from the groups that are there now.

    Args:
        plan: the plan.
        generation: identity of the groups in the work_dir.
    """
    is_fresh = plan.generation == generation
    said = "" if is_fresh else "the plan was made from other groups than those now in the work_dir: make it again"
    return Verdict(said, {"files": len(plan)})


def check_removed_share(plan: Plan, limit: float) -> Verdict:
    """The plan removes at most a share of the images, of all and of each input."""
    beyond = too_many_removed(plan, limit)
    shares = [count / root.images for root, count in plan.removed_shares() if root.images]
    said = f"the plan removes {beyond}: more than max_removed_share={limit:g}" if beyond else ""
    return Verdict(said, {"largest_share": round(max(shares, default=0.0), 6)})
