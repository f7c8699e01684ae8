"""Ids of groups whose files were written into: a rating, a caption or a date in each file of a group at once.

The bytes of all its images are new then, and its id would end. A file that has its former name and in which all that
was measured of the picture is the same shows the same picture, so its new content is in the former group, too.
"""

from dataclasses import replace

import polars as pl

from dedup_assets.engine.core.group_history import HOLDERS_SCHEMA, GroupHistory
from dedup_assets.engine.core.image_facts import FACT_COLUMNS

_SAID = {"format", "taken"}  # facts that the file says; the others are measured of the picture
_MEASURED = [name for name in FACT_COLUMNS if name not in _SAID]


def follow_ids(history: GroupHistory, former: pl.DataFrame, listed: pl.DataFrame) -> GroupHistory:
    """The history, in which new contents of files are in the groups of the former contents.

    Former contents stay known as those of earlier runs, so that a restored backup finds its group.

    Args:
        history: as earlier runs have left it.
        former: the ledger of the last run, as `ImageLedger.rows`.
        listed: the ledger of this run.
    """
    present = pl.col("filenames").list.len() > 0
    held = history.holders.filter(present).select("content").unique()
    columns = ["filename", "content", *_MEASURED]
    before = former.select(columns).drop_nulls().join(held, on="content", how="semi")
    gone = before.join(listed.select("content"), on="content", how="anti")
    if gone.is_empty():
        return history
    new = listed.select(columns).drop_nulls().join(former.select("content").drop_nulls(), on="content", how="anti")
    heirs = gone.rename({"content": "was"}).join(new, on=["filename", *_MEASURED]).sort("filename")
    heirs = heirs.unique("was", keep="first", maintain_order=True).unique("content", keep="first", maintain_order=True)
    found = history.holders.join(heirs.select("was", heir="content"), left_on="content", right_on="was", how="left")
    is_followed = pl.col("heir").is_not_null() & present
    past = found.with_columns(
        filenames=pl.when(is_followed).then(pl.lit([], pl.List(pl.Binary))).otherwise("filenames")
    )
    followed = found.filter(is_followed).with_columns(content="heir")
    names = list(HOLDERS_SCHEMA)
    holders = pl.concat([followed.select(names), past.select(names)]).unique(["content", "group_id"], keep="first")
    return replace(history, holders=holders.sort("content", "run", "group_id").cast(HOLDERS_SCHEMA))
