"""What the pages of a gallery suggest: which images to keep, why, and what could be freed."""

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.gallery.pages import Findings, Freed, Keeping, Pictures, Reason, ShownFinding
from dedup_assets.engine.gallery.pages.findings import NO_FINDINGS
from dedup_assets.engine.gallery.pages.grouping import NO_GROUPS, count_pictures
from dedup_assets.engine.gallery.pages.keeping import choose, follow_groups
from dedup_assets.engine.gallery.pages.numbering import NumberedResults


@dataclass(frozen=True)
class Suggestions:
    """Suggestions for all pages.

    Attributes:
        keeping: images to keep, on the page of components.
        freed: what could be freed.
        findings: what evidence and groups say of the first pairs.
        pictures: what the components hold together; None without groups.
        decided: as of `follow_groups`; None if groups do not decide.
    """

    keeping: Keeping
    freed: Freed
    findings: Findings
    pictures: Pictures | None = None
    decided: pl.DataFrame | None = None


def suggest(numbered: NumberedResults, facts: pl.DataFrame, shown: Collection[int]) -> Suggestions:
    """Decide what to keep: by groups if there are groups or evidence, else by components.

    Args:
        numbered: the tables.
        facts: a row for each file, as `shown_files.tabulate` gives them.
        shown: the files that pages show without scripts.
    """
    if numbered.groups is None and "relation" not in numbered.pairs.columns:
        return _suggest_by_components(numbered, facts)
    return _suggest_by_groups(numbered, facts, shown)


def _suggest_by_components(numbered: NumberedResults, facts: pl.DataFrame) -> Suggestions:
    if numbered.components.is_empty():
        return Suggestions({}, Freed(0, 0, 0), NO_FINDINGS)
    chosen = choose(numbered.members, facts)
    decided = chosen.drop_nulls("keep")
    reasons = (Reason(reason).words for reason in decided["reason"])
    keeping = dict(zip(numbered.names.gather(decided["keep"]), reasons, strict=True))
    freed = Freed(*(int(chosen[name].sum()) for name in ("others", "freed", "unsized")))
    return Suggestions(keeping, freed, NO_FINDINGS)


def _suggest_by_groups(numbered: NumberedResults, facts: pl.DataFrame, shown: Collection[int]) -> Suggestions:
    groups = numbered.groups or NO_GROUPS
    decided = follow_groups(groups, facts)
    names = numbered.names
    rows = pl.DataFrame({"file": pl.Series(list(shown), dtype=pl.UInt32)})
    members = rows.with_columns(decided["kept"].gather(rows["file"])).drop_nulls("kept")
    kept = dict(zip(names.gather(members["file"]), names.gather(members["kept"]), strict=True))
    keepers = (
        groups.groups.select("keep", "reason")
        .drop_nulls("reason")
        .join(rows, left_on="keep", right_on="file", how="semi")
    )
    reasons = dict(zip(names.gather(keepers["keep"]), keepers["reason"], strict=True))
    copies = groups.copies.select("file", "reason").drop_nulls("reason").join(rows, on="file", how="semi")
    of_copies = dict(zip(names.gather(copies["file"]), copies["reason"], strict=True))
    sizes = facts["size_bytes"].filter(decided["suggested"])
    pictures = None
    if numbered.components.height:
        counts = count_pictures(numbered.members, decided, facts)
        ids = numbered.components["component_id"]
        pictures = {
            one: (groups, alone) for one, groups, alone in zip(ids, counts["groups"], counts["alone"], strict=True)
        }
    return Suggestions(
        keeping=reasons,
        freed=Freed(len(sizes), int(sizes.sum()), sizes.null_count()),
        findings=Findings(_find(numbered, set(shown)), kept, reasons | of_copies),
        pictures=pictures,
        decided=decided,
    )


def _find(numbered: NumberedResults, shown: Collection[int]) -> dict[tuple[bytes, bytes], ShownFinding]:
    """What the evidence says of the pairs whose files are shown."""
    if "relation" not in numbered.pairs.columns:
        return {}
    rows = pl.Series(list(shown), dtype=pl.UInt32).implode()
    pairs = numbered.pairs.filter(pl.col("a").is_in(rows) & pl.col("b").is_in(rows)).drop_nulls("relation")
    names = zip(numbered.names.gather(pairs["a"]), numbered.names.gather(pairs["b"]), strict=True)
    said = (
        ShownFinding(Relation(row["relation"]), row["kind"] or "", row.get("align") or "", row.get("changed") or "")
        for row in pairs.iter_rows(named=True)
    )
    return dict(zip(names, said, strict=True))
