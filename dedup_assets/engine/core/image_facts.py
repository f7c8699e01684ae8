"""The record of what is measured of each image while it is decoded."""

from typing import NamedTuple


class ImageFacts(NamedTuple):
    """Facts of one good image. Levels are gray levels, 0 to 255, of the picture in the size that the model sees.

    Attributes:
        width: pixels, as displayed.
        height: pixels, as displayed.
        format: as Pillow spells it: `JPEG`, `PNG`, ...; of a frame of a video `VIDEO`.
        taken: when the picture was taken, by EXIF, `YYYY-MM-DD HH:MM:SS`; empty if unknown.
        unique: how many levels there are.
        mean: brightness, the mean level.
        stdv: contrast, the standard deviation of the levels.
        min: the darkest level.
        max: the brightest level.
        uniformity: share of the most frequent level and its four neighbours, 0 to 1; 1 is a flat picture.
        blur: variance of the Laplacian of the levels; the lower, the blurrier.
    """

    width: int
    height: int
    format: str
    taken: str
    unique: int
    mean: float
    stdv: float
    min: int
    max: int
    uniformity: float
    blur: float


FACT_COLUMNS = ImageFacts._fields
LEDGER_COLUMNS = (
    *("index", "filename", "size_bytes", "version", "error_code", "error", "low_information", "content"),
    *FACT_COLUMNS,
)
"""Columns of `records.Shard.images` and `records.ImageLedger.rows`, in this order."""
