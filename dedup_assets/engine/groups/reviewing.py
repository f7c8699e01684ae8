"""Why a person decides about an image of a group: what it has, or may have, that the kept one lacks."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.carried import ALPHA, EXPOSURE, RESOLUTION, SAMPLES, said_of
from dedup_assets.engine.core.match_records import REVIEW_SEPARATOR, WORDS_TO_REVIEW
from dedup_assets.engine.groups.images import Images

FINER, LESS_EDITED = "has more pixels", "shows more of the picture, or was edited less"
MAY_BE_ORIGINAL = "may be the original: nothing says which of the two was made from the other"
RIVAL = "which one came first is not sure: comparisons contradict each other"
MAY_BE_PRINT = "may be the print or the screen that the kept image is a photograph of"
TURNED = "is the other way round, and nothing says which one came first"
MAY_BE_SOURCE = "may be what the kept image was enlarged from"
SEEN_THROUGH = "has no transparent parts, and the kept image has"
UNPROVEN = "may have more than the kept image: only a person says that they are one picture"


def join_reasons(reasons: Sequence[tuple[str, pl.Series]], carried: pl.Series) -> pl.Series:
    """One text per image: all that a person has to look at, the weightiest first; empty where there is nothing.

    Args:
        reasons: a reason in words, and for each image whether it holds.
        carried: (n,) as of `carried_reasons`.
    """
    table = pl.DataFrame([carried.alias("carried"), *(each.alias(str(n)) for n, (_, each) in enumerate(reasons))])
    said = [pl.when(pl.col(str(place))).then(pl.lit(words)) for place, (words, _) in enumerate(reasons)]
    joined = pl.concat_str(*said, "carried", separator=REVIEW_SEPARATOR, ignore_nulls=True)
    return table.select(review=joined)["review"]


def carried_reasons(images: Images, image: NDArray[np.int64], keep: NDArray[np.int64]) -> pl.Series:
    """What each image carries beside its pixels that the kept one does not, in words; null where that is nothing.

    Args:
        images: that the numbers are about.
        image: (n,) the images.
        keep: (n,) the kept image of each. Of one of the same size, other samples are one more difference; of one of
            another size they say nothing. Beside a photograph that says how it was exposed, a resolution says nothing:
            only scans have one.
    """
    carried = images.facts["carries"].fill_null("").str.extract_all(r"\S+")
    size = images.facts.select(size=pl.struct("width", "height"))["size"]
    has_size = size.gather(image) == size.gather(keep)
    pairs = pl.DataFrame({"own": carried.gather(image), "kept": carried.gather(keep), "has_size": has_size})
    more = pairs.select(
        "has_size",
        "kept",
        is_scan=~pl.col("kept").list.contains(EXPOSURE),
        more=pl.col("own").list.set_difference("kept"),
    )
    found: list[str | None] = [None] * pairs.height
    some = more.with_row_index("row").filter(pl.col("more").list.len() > 0)
    for row, is_comparable, kept_words, is_scan, words in some.iter_rows():
        idle = tuple(kind for kind, counts in ((SAMPLES, is_comparable), (RESOLUTION, is_scan)) if not counts)
        counted = [word for word in words if not word.startswith(idle)]
        found[row] = REVIEW_SEPARATOR.join(said_of(counted, kept_words)) or None
    return pl.Series("carried", found, dtype=pl.String)


def is_seen_through(images: Images, image: NDArray[np.int64], keep: NDArray[np.int64]) -> pl.Series:
    """Whether the kept image has transparent parts and each image has none, so that they differ on a dark ground."""
    has_alpha = images.facts["carries"].fill_null("").str.split(" ").list.contains(ALPHA)
    return has_alpha.gather(keep) & ~has_alpha.gather(image)


def words_to_look_at(kind: pl.Series) -> list[tuple[str, pl.Series]]:
    """The words of `WORDS_TO_REVIEW`, each with the images whose kind has it: a person who looks at both can tell."""
    kinds = pl.DataFrame({"kind": kind}).with_columns(pl.col("kind").fill_null(""))
    told = kinds.select(pl.col("kind").str.contains(words, literal=True).alias(words) for words in WORDS_TO_REVIEW)
    return [(words, told[words]) for words in WORDS_TO_REVIEW]
