"""Names of fastdup 2.x's files, and its component files converted to ours."""

import polars as pl

from dedup_assets.engine.core.records import Components

FEATURES = "atrain_features.dat"
BAD_CSV = "atrain_features.bad.csv"
INDEX = "nnf.index"
COMPONENTS_INFO = "component_info.csv"


def counted_by_image(components: Components, positions: pl.Series) -> Components:
    """Convert the content of fastdup's component files to that of ours.

    fastdup's `__id` is a position in the full listing, bad files included; its `count` is twice the number of edges
    (seen with 2.54).

    Args:
        components: the content of fastdup's files.
        positions: (n,) integers, the column `index` of the feature list: the position of each row.
    """
    rows = pl.DataFrame({"__id": positions.cast(pl.Int64)}).with_row_index("row")
    images = components.images.drop("count", strict=False).join(rows, on="__id", maintain_order="left")
    images = images.with_columns(pl.col("row").cast(pl.Int64).alias("__id")).drop("row")
    counts = images.group_by("component_id").agg(count=pl.len().cast(pl.Int64))
    info = counts.join(components.info.drop("count", strict=False), on="component_id", how="left")
    return Components(
        images.join(counts, on="component_id", how="left", maintain_order="left"),
        info.sort("count", "component_id", descending=[True, False]),
    )
