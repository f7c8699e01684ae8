"""Leaks in a sentence: how many images of which set are in which other."""

from collections.abc import Collection

import polars as pl

from dedup_assets.engine.core.set_records import LEAKING, LeakRole, Leaks

_OPEN = {LeakRole.REVIEW: "to review", LeakRole.VARIANT: "of variants", LeakRole.UNDECIDED: "not decided"}


def leaked_images(leaks: Leaks) -> int:
    """Images of evaluation sets that are in another set too, each once, in however many sets it is.

    Leaks to review count until a person decides.
    """
    return _evaluation_images(leaks, LEAKING).height


def leaks_to_review(leaks: Leaks) -> int:
    """Those of `leaked_images` of which no leak is certain."""
    certain = _evaluation_images(leaks, [LeakRole.CERTAIN.value])
    return leaked_images(leaks) - certain.height


def _evaluation_images(leaks: Leaks, roles: Collection[str]) -> pl.DataFrame:
    rows = leaks.rows.filter(pl.col("role").is_in(list(roles)))
    sides = (rows.select(pl.col(f"set_{side}").alias("set"), pl.col(side).alias("name")) for side in "ab")
    return pl.concat(sides).filter(pl.col("set").is_in(list(leaks.evaluation))).unique()


def say_leaks(leaks: Leaks, limit: int | None = None) -> str:
    """What leaks: "20 of 52 test images are in train (2 of them to review)"; empty if nothing does.

    Where several sets share images, their numbers do not add up, so that `leaked_images` comes first.

    Args:
        leaks: what the sets share.
        limit: `max_leaks`, to be named beside the number that it bounds.
    """
    parts = []
    pairs = leaks.matrix.filter((pl.col("a") != pl.col("b")) & (pl.col("images_of_a") > 0))
    for a, b, images, review in pairs.select("a", "b", "images_of_a", "review_of_a").iter_rows():
        if a in leaks.evaluation:
            parts.append(f"{images:,} of {leaks.sizes[a]:,} {a} images are in {b}{say_review(review, images)}")
    allowed = "" if limit is None else f" (max_leaks={limit})"
    if len(parts) <= 1:
        return f"{parts[0]}{allowed}" if parts else ""
    count = leaked_images(leaks)
    images = "image of evaluation sets is" if count == 1 else "images of evaluation sets are"
    return f"{count:,} {images} in another set, too{allowed}: {'; '.join(parts)}"


def say_open(leaks: Leaks) -> str:
    """The pairs across sets that a person should look at: "1 pair to review, 2 pairs of variants"; empty if none.

    Pairs that nothing decides are named where there would be no leak else: each may be one.
    """
    counts = {role: int((leaks.rows["role"] == role).sum()) for role in _OPEN}
    if leaked_images(leaks):
        del counts[LeakRole.UNDECIDED]
    said = ((count, "pair" if count == 1 else "pairs", _OPEN[role]) for role, count in counts.items() if count)
    return ", ".join(f"{count:,} {pairs} {what}" for count, pairs, what in said)


def say_review(review: int, images: int) -> str:
    """How many of some images a person decides about, to be added to their number; empty if there is none."""
    if not review:
        return ""
    return " (to review)" if review == images else f" ({review:,} of them to review)"
