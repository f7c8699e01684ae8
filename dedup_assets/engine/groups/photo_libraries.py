"""Copies inside the folder of a photo library, whose program keeps account of its files: a person decides."""

import polars as pl

from dedup_assets.engine.core.reviews import with_reviews

LIBRARIES = (b".photoslibrary", b".photolibrary", b".aplibrary", b".migratedphotolibrary", b".migratedaplibrary")
"""Endings of such folders: of Apple's Photos, iPhoto and Aperture."""

IN_LIBRARY = "inside a photo library, whose program keeps account of its files"


def hold_libraries(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of groups, in which no copy inside a photo library may go without a person, whatever its bytes are."""
    names = pl.col("filename").bin
    some = rows.select(pl.any_horizontal(names.contains(ending) for ending in LIBRARIES).any()).item()
    return with_reviews(rows, lambda name, _: IN_LIBRARY if is_in_library(name) else "") if some else rows


def is_in_library(name: bytes) -> bool:
    """Whether a folder of the name is a photo library."""
    return any(folder.endswith(LIBRARIES) for folder in name.split(b"/")[:-1])
