"""Members of named sets and groups of copies to the leaks between the sets, and what to take out."""

from dedup_assets.engine.sets.holding_apart import hold_apart
from dedup_assets.engine.sets.leaking import find_leaks
from dedup_assets.engine.sets.saying import leaked_images, leaks_to_review, say_leaks, say_open, say_review

__all__ = ["find_leaks", "hold_apart", "leaked_images", "leaks_to_review", "say_leaks", "say_open", "say_review"]
