"""Why an image is kept in the place of each copy of it, in words: the first rule that tells the two apart."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.keep_rules import KeepRule
from dedup_assets.engine.groups.keeping import ALL_COPIES, BY_EDITS, BY_OWN_FACTS, BY_VERDICT
from dedup_assets.engine.groups.policy import Worth, reason_of

_VARYING = (KeepRule.PLAIN_NAME, KeepRule.LOSSLESS)  # what is said by these depends on the two images


def reasons_of_copies(
    image: NDArray[np.int64], keep: NDArray[np.int64], levels: NDArray[np.int64], worth: Worth, said: pl.Series
) -> pl.Series:
    """Why the kept image goes before each image.

    Where the rules are for the other one, what made the choice is said: it is not proven to be one picture with all
    others, or comparisons contradict each other.

    Args:
        image: (n,) the images.
        keep: (n,) the kept image of each.
        levels: (n,) how much worse than the kept one each is by what was done to it, as of `edit_levels`.
        worth: of each image.
        said: (n,) why the kept image of each goes before its closest rival; of the kept images nothing else is said.
    """
    gains = worth.beside(keep, image, levels)
    place = (gains != 0).argmax(1)
    gain = -gains[np.arange(len(gains)), place]
    reason = np.array([reason_of(rule, 1.0, 1.0) for rule in worth.rules], np.object_)[place]
    for number, rule in enumerate(worth.rules):
        if rule in _VARYING:
            some = np.flatnonzero((place == number) & (gain > 0))
            values = worth.values[keep[some], number]
            pairs, which = np.unique(np.stack([values, gain[some]]), axis=1, return_inverse=True)
            words = [reason_of(rule, value, more) for value, more in pairs.T.tolist()]
            reason[some] = np.array(words, np.object_)[which]
    is_chosen_otherwise = said.is_in([ALL_COPIES, BY_EDITS])
    table = pl.DataFrame({"said": said, "own": pl.Series(reason.tolist(), dtype=pl.String)})
    beside = pl.when(pl.Series(gain > 0)).then("own").when(is_chosen_otherwise).then("said")
    is_said = pl.Series(image == keep) | (said == BY_VERDICT)
    return table.select(reason=pl.when(is_said).then("said").otherwise(beside.otherwise(pl.lit(BY_OWN_FACTS))))[
        "reason"
    ]
