"""The record of leaks: images that are in more than one of the named sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

LINK = "link"
"""The relation of two names of one file. Others are those of `match_records.Relation`."""

DROP, DECIDE = "drop", "decide"
"""Actions of `Leaks.fix`: the image goes; or a person decides: between two sets for evaluation, and about links,
leaks to review, and files that another set loses with them."""


class Tie(StrEnum):
    """What taking a file out of one set does to another set, in words that follow the name of the other set."""

    LINKED = "has a symbolic link to the file: put a copy in place of each such link (links.csv) first"
    SHARED = "has this very file: take it off the list of its set, and leave the file where it is"


class LeakRole(StrEnum):
    """How sure a leak is."""

    CERTAIN = "certain"
    """One picture: a program may act upon it."""
    REVIEW = "review"
    """A copy by its pixels, with an edit after which it may be another picture. It counts until a person decides."""
    VARIANT = "variant"
    """Similar images that are two pictures by their pixels: another text, another moment. It does not count."""
    UNDECIDED = "undecided"
    """Similar images whose comparison decided nothing. It does not count."""


LEAKING = (LeakRole.CERTAIN.value, LeakRole.REVIEW.value)
"""Roles of the rows that count as leaks."""


@dataclass(frozen=True)
class Leaks:
    """What the named sets of a run share.

    Attributes:
        rows: one row per pair across two sets: `set_a`, `a`, `set_b`, `b` (names as the sets have them, the set that is
            named first is `set_a`), `verified` (boolean: the role is certain), `relation` (link, exact, pixels, copy,
            same, variant or unverified), `kind` (what was done, in words), `similarity` (float64; null for members of
            one group that were not compared), `role` (a `LeakRole`) and `review` (why a person decides, as of `Groups`;
            else empty). By role, then by relation, sets and names.
        matrix: one row per ordered pair of sets, each with itself too: `a`, `b`, `groups` (pictures that both have),
            `images_of_a`, `images_of_b` (images with the same picture in the other set; of a set with itself: in
            another image of it), `share_of_a`, `share_of_b` (of the images of the set), `exact` and `copy` (of
            `groups`, those with and without files of the same bytes in both), `review_of_a` and `review_of_b` (of the
            images, those with no match that is certain).
        fix: what to take out, so that none of these leaks is left: `set`, `filename`, `action`, `other_set`,
            `because_of` (an image of the other set), `relation` and `review`. Sets for evaluation stay as they are;
            between two of them, for names of one file, and where a person decides whether it is a leak, the action is
            decide. Where another set loses its image with the file, the action is decide, and `review` says so (`Tie`).
        sizes: number of images of each set, in the order of the sets.
        evaluation: names of the sets for evaluation.
    """

    rows: "pl.DataFrame"
    matrix: "pl.DataFrame"
    fix: "pl.DataFrame"
    sizes: Mapping[str, int]
    evaluation: tuple[str, ...]

    def __len__(self) -> int:
        return self.rows.height

    @property
    def has_sets(self) -> bool:
        """Whether the run named sets. One that did not has no files of leaks."""
        return bool(self.sizes)
