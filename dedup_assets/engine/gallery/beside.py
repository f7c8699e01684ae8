"""Copies that a plan would leave, because something lies beside them that the kept image has not."""

from dataclasses import replace

from dedup_assets.engine.core.match_records import Groups
from dedup_assets.engine.core.reviews import MAY_GO, STAYS, with_reviews
from dedup_assets.engine.inputs.belongings import Belongings

LACKS = "has a sidecar, raw file or film beside it that the kept one has not"


def heed_belongings(groups: Groups) -> Groups:
    """The groups, in which such copies with the bytes of another image are for review.

    The column `stays` (boolean) is added to the rows: whether a copy with the bytes of one that stays does not go, for
    this or for what is said of its file. A person has nothing to look at there.
    """
    belongings = Belongings()

    def why(name: bytes, other: bytes) -> str:
        return "" if belongings.are_kept(name, other) else LACKS

    rows = with_reviews(groups.rows, why, exact_alone=True)
    could_go = groups.rows.select(could_go=MAY_GO)["could_go"]
    return replace(groups, rows=rows.with_columns(stays=(could_go & ~MAY_GO) | STAYS))
