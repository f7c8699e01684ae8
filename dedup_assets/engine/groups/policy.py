"""Which of the images of one picture is kept: the rules of `core.keep_rules` as numbers, the higher the better.

Gallery, plan and Python ask this module. Which images are of one picture is not decided here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.keep_rules import KeepRule, path_pattern
from dedup_assets.engine.groups.plain_names import name_reason, name_worths

PART, EDITED, UPSCALED = 3, 2, 1
"""How an image is worse than another one: it shows a part of it; it was edited otherwise; it was enlarged from it."""

FACTS_SCHEMA = pl.Schema(
    {
        **{"filename": pl.Binary, "pixels": pl.Int64, "size_bytes": pl.Int64, "format": pl.String},
        **{"is_lossless": pl.Boolean, "jpeg_quality": pl.Int64, "camera": pl.String, "taken": pl.String},
    }
)
"""What the rules read of an image; null where it is unknown."""

REASONS: dict[str, str] = {
    KeepRule.PROTECTED: "protected",
    KeepRule.LABELLED: "has a label",
    KeepRule.UNCROPPED: "shows more",
    KeepRule.UNEDITED: "less edited",
    KeepRule.CAMERA_ORIGINAL: "from a camera",
    KeepRule.NOT_UPSCALED: "not enlarged",
    KeepRule.PIXELS: "more pixels",
    KeepRule.LOSSLESS: "without loss",
    KeepRule.JPEG_QUALITY: "higher JPEG quality",
    KeepRule.BYTES: "more bytes",
    KeepRule.OLDEST_EXIF: "taken first",
    KeepRule.NAME: "first by name, as no rule before it tells them apart",
}
"""What an image has that is kept by a rule."""


LOSSY_SOURCE = "a lossless file is made from it"
"""What a lossy file has before a lossless one with its pixels."""


def reason_of(rule: str, value: float, gain: float) -> str:
    """Why an image is kept, in words, if this rule decided.

    Args:
        rule: the rule.
        value: of the image by it.
        gain: how much better the image is by it than the next best one.
    """
    if rule == KeepRule.PLAIN_NAME:
        return name_reason(value, gain)
    if rule == KeepRule.LOSSLESS and value <= 0:
        return LOSSY_SOURCE
    pattern = path_pattern(rule)
    return REASONS[rule] if pattern is None else f"path matches {pattern}"


@dataclass(frozen=True)
class Worth:
    """How good images are by each rule.

    Attributes:
        rules: as `keep_rules` gives them.
        values: (n, rules) float64, the higher the better; nan where unknown, or where only two images can be compared.
        formats: (n,) int64: equal for files of one format; -1 if unknown.
    """

    rules: tuple[str, ...]
    values: NDArray[np.float64]
    formats: NDArray[np.int64]

    @classmethod
    def of(cls, facts: pl.DataFrame, rules: Sequence[str], pixels: NDArray[np.int64]) -> "Worth":
        """The worth of n images.

        Args:
            facts: n rows of `FACTS_SCHEMA`, and `is_protected`, `is_labelled` (boolean) where they are known. The
                column of `named` spares the time of reading the names again.
            rules: as `keep_rules` gives them.
            pixels: (n,) equal for images whose decoded pixels are equal.
        """
        facts = facts.with_columns(pl.Series("same", pixels))
        # A lossless file with the pixels of a lossy one is made from it.
        is_derived = pl.col("is_lossless") & (~pl.col("is_lossless")).any().over("same")
        stored = pl.when(is_derived).then(-1).otherwise(pl.col("is_lossless").cast(pl.Int8))
        facts = facts.with_columns(is_lossless=stored)
        columns = (_column(facts, rule).cast(pl.Float64).fill_null(np.nan) for rule in rules)
        named = (column.alias(f"rule {place}") for place, column in enumerate(columns))
        ranks = pl.col("format").replace("", None).rank("dense").cast(pl.Int64).fill_null(-1)
        table = facts.select(*named, ranks=ranks)
        return cls(tuple(rules), table.drop("ranks").to_numpy(order="c"), table["ranks"].to_numpy())

    def take(self, images: NDArray[np.int64]) -> "Worth":
        """The worth of some of the images, in this order."""
        return Worth(self.rules, self.values[images], self.formats[images])

    def value(self, image: int, rule: str) -> float:
        """What an image is worth by one of the rules; nan where unknown, or where only two images can be compared."""
        return float(self.values[image, self.rules.index(rule)])

    def order(self) -> NDArray[np.int64]:
        """(n,) the images, the best first, where nothing but each one's own facts is known."""
        known = np.where(np.isnan(self.values), -np.inf, self.values)
        return np.lexsort(-known.T[::-1]).astype(np.int64)

    def beside(
        self, one: int | NDArray[np.int64], others: NDArray[np.int64], levels: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(m, rules): how much better each of m images is than `one`, by each rule; 0 where the rule tells nothing.

        Args:
            one: an image, or (m,) images, one for each other one.
            others: (m,) images.
            levels: (m,) how each of them is worse than `one` by what was done to it: PART, EDITED, UPSCALED, or 0;
                negative where `one` is worse.
        """
        gains = self.values[others] - self.values[one]
        for rule, level in _LEVELS.items():
            if rule in self.rules:
                gains[:, self.rules.index(rule)] = np.where(np.abs(levels) == level, -np.sign(levels), 0)
        if KeepRule.BYTES in self.rules:
            is_other = (self.formats[others] != self.formats[one]) | (self.formats[others] < 0)
            gains[is_other, self.rules.index(KeepRule.BYTES)] = 0
        known: NDArray[np.float64] = np.nan_to_num(gains, nan=0.0)
        return known


_LEVELS = {KeepRule.UNCROPPED: PART, KeepRule.UNEDITED: EDITED, KeepRule.NOT_UPSCALED: UPSCALED}


def _column(facts: pl.DataFrame, rule: str) -> pl.Expr:
    pattern = path_pattern(rule)
    if pattern is not None:
        found = re.compile(pattern.encode("utf-8", "surrogateescape"))
        matches = [bool(found.search(name)) for name in facts["filename"].to_list()]
        return pl.lit(pl.Series(matches, dtype=pl.Boolean))
    if _GIVEN.get(rule) in facts.columns:
        return pl.col(_GIVEN[rule])
    if rule == KeepRule.PLAIN_NAME:
        return pl.lit(named(facts["filename"])[_NAME_WORTH])
    if rule not in _EXPRESSIONS:  # what was done to an image is known beside another one only
        return pl.lit(None, pl.Float64)
    return _EXPRESSIONS[KeepRule(rule)]


_NAME_WORTH = "name_worth"
_GIVEN: dict[str, str] = {
    KeepRule.PROTECTED: "is_protected",
    KeepRule.LABELLED: "is_labelled",
    KeepRule.PLAIN_NAME: _NAME_WORTH,
}


def named(names: pl.Series) -> pl.DataFrame:
    """Names of files as the column `filename`, with what they say of their files, for `Worth.of`.

    Args:
        names: (n,) binary.
    """
    worths = pl.Series(_NAME_WORTH, name_worths(names.to_list()), pl.Float64)
    return pl.DataFrame([names.alias("filename"), worths])


def _first_is_best(column: pl.Expr) -> pl.Expr:
    return -column.rank("dense").cast(pl.Int64)


_EXPRESSIONS: dict[KeepRule, pl.Expr] = {
    KeepRule.CAMERA_ORIGINAL: pl.col("camera") != "",
    KeepRule.PIXELS: pl.col("pixels"),
    KeepRule.LOSSLESS: pl.col("is_lossless"),
    KeepRule.JPEG_QUALITY: pl.col("jpeg_quality"),
    KeepRule.BYTES: pl.col("size_bytes"),
    KeepRule.OLDEST_EXIF: _first_is_best(pl.col("taken").replace("", None)),
    KeepRule.NAME: _first_is_best(pl.col("filename")),
}
