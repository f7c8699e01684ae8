"""Leaks in a sentence: how many images of which set are in which other."""

import polars as pl

from dedup_assets.engine.core.set_records import Leaks


def leaked_images(leaks: Leaks) -> int:
    """Images of evaluation sets that are in another set too, each once, in however many sets it is."""
    verified = leaks.rows.filter("verified")
    sides = (verified.select(pl.col(f"set_{side}").alias("set"), pl.col(side).alias("name")) for side in "ab")
    return pl.concat(sides).filter(pl.col("set").is_in(list(leaks.evaluation))).unique().height


def say_leaks(leaks: Leaks) -> str:
    """What leaks: "20 of 52 test images are in train; ..."; empty if nothing does."""
    parts = []
    pairs = leaks.matrix.filter((pl.col("a") != pl.col("b")) & (pl.col("images_of_a") > 0))
    for a, b, images in pairs.select("a", "b", "images_of_a").iter_rows():
        if a in leaks.evaluation:
            parts.append(f"{images:,} of {leaks.sizes[a]:,} {a} images are in {b}")
    return "; ".join(parts)
