"""What fastdup 2.x means by its files, in our terms, where that is not what their names say."""

import polars as pl

from dedup_assets.engine.core.records import Components

FEATURES = "atrain_features.dat"
BAD_CSV = "atrain_features.bad.csv"
INDEX = "nnf.index"
COMPONENTS_INFO = "component_info.csv"


def counted_by_image(components: Components, positions: pl.Series) -> Components:
    """Its component files as ours are.

    Its `__id` is a position in the full listing, bad files included, and its `count` is twice the number of edges
    (seen with 2.54).

    Args:
        components: as the files have them.
        positions: (n,) integers: the column `index` of the feature list, by which a position becomes a row.
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
