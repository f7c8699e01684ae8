"""Images at the ends of what is measured: the darkest, the brightest, the blurriest, the flattest ones."""

import polars as pl

_ENDS = {
    "blur": ("low",),
    "mean": ("low", "high"),
    "stdv": ("low",),
    "uniformity": ("high",),
    "pixels": ("low", "high"),
    "aspect": ("low", "high"),
    "file_size": ("low", "high"),
}
"""Which end of each fact tells of an image that is odd."""


def find_fact_outliers(facts: pl.DataFrame, share: float) -> pl.DataFrame:
    """The images within a share of the ends of each fact.

    Args:
        facts: as `work_dir.fact_file.facts_of`.
        share: of the images, for each end; one image at least.

    Returns:
        `filename`, `fact`, `end`, `value` (float64) and `share` (float64: of the images that lie further out or are
        equal). A value that more images than the share have in common is of none of them an outlier.
    """
    known = facts.drop_nulls("width").with_columns(
        pixels=pl.col("width").cast(pl.Int64) * pl.col("height"), aspect=pl.col("width") / pl.col("height")
    )
    tables = [
        known.select(
            "filename",
            fact=pl.lit(fact),
            end=pl.lit(end),
            value=pl.col(fact).cast(pl.Float64),
            share=pl.col(fact).rank("max", descending=end == "high") / pl.len(),
        )
        .filter(pl.col("share") <= pl.max_horizontal(share, 1 / pl.len()))
        .sort("share", "filename")
        for fact, ends in _ENDS.items()
        for end in ends
    ]
    return pl.concat(tables)
