"""What the evidence says of pairs, and what the groups say of files, by name, as pages show them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from dedup_assets.engine.core.match_records import Evidence, Groups, Relation

WORDS: dict[Relation, str] = {
    Relation.EXACT: "same bytes",
    Relation.PIXELS: "same pixels",
    Relation.COPY: "copy",
    Relation.VARIANT: "variant",
    Relation.UNVERIFIED: "unverified",
    Relation.SAME: "same",
    Relation.DIFFERENT: "different",
}
"""Each relation in words, for a page, in the order of the numbers that scripts have."""

_MEANINGS: dict[Relation, str] = {
    Relation.VARIANT: "similar, but another picture",
    Relation.UNVERIFIED: "not decided by the pixels",
    Relation.SAME: "says a verdict",
    Relation.DIFFERENT: "says a verdict",
}
UNEDITED = "no edit found"

MOST_OUTLINED = 50
"""Pairs of a list whose changed part is measured, whatever `gallery_pairs` says, because comparing one takes 4 ms."""


class Explained:
    """What a page says of a relation and of the kind of an edit."""

    relation: Relation
    kind: str

    @property
    def word(self) -> str:
        """The relation in words."""
        return WORDS[self.relation]

    @property
    def details(self) -> str:
        """What was done, or what the relation means."""
        return describe_kind(self.relation, self.kind)


@dataclass(frozen=True)
class ShownFinding(Explained):
    """What is known of one pair.

    Attributes:
        relation: what the two are to one another.
        kind: what was done, in words; empty if nothing or unknown.
        align: the numbers a to f of the SVG transform that lays the second thumbnail onto the first; empty if unknown.
        changed: path data of the outline of changed parts, in the first thumbnail; empty if there is none.
    """

    relation: Relation
    kind: str = ""
    align: str = ""
    changed: str = ""


def describe_kind(relation: str, kind: str) -> str:
    """What a page says beside the word of a relation: its meaning, then what was done; empty if there is neither."""
    meaning = _MEANINGS.get(Relation(relation), "")
    found = kind or (UNEDITED if relation == Relation.COPY else "")
    return "; ".join(filter(None, (meaning, found)))


@dataclass(frozen=True)
class Findings:
    """What pages say of pairs and files that they show; without evidence, nothing.

    Attributes:
        pairs: by the names of both files, in the order in which the page shows them.
        kept: for each file in a group, the name of the kept file; None without groups.
        reasons: for each copy, why the kept file goes before it; for each kept file, before its closest rival.
    """

    pairs: Mapping[tuple[bytes, bytes], ShownFinding] = field(default_factory=dict)
    kept: Mapping[bytes, bytes] | None = None
    reasons: Mapping[bytes, str] = field(default_factory=dict)

    @classmethod
    def of(cls, evidence: Evidence | None, groups: Groups | None, pairs: pl.DataFrame) -> "Findings":
        """What evidence and groups say of some pairs, `from` and `to`, and of their files."""
        if evidence is None and groups is None:
            return cls()
        found = {} if evidence is None else _of_pairs(evidence, pairs)
        if groups is None:
            return cls(found, {})
        shown = pl.concat([pairs["from"], pairs["to"]]).unique()
        rows = groups.rows.filter(pl.col("filename").is_in(shown.implode()))
        kept = dict(zip(rows["filename"], rows["keep"], strict=True))
        return cls(found, kept, dict(zip(rows["filename"], rows["reason"], strict=True)))


NO_FINDINGS = Findings()


def reasons_in(groups: Groups) -> dict[bytes, str]:
    """Why each kept file is kept, by its name."""
    kept = groups.rows.filter(pl.col("filename") == pl.col("keep"))
    return dict(zip(kept["filename"], kept["reason"], strict=True))


def _of_pairs(evidence: Evidence, pairs: pl.DataFrame) -> dict[tuple[bytes, bytes], ShownFinding]:
    rows = evidence.rows.select("a", "b", "relation", say_edited(pl.lit(value=False)))
    turned = evidence.rows.select("relation", say_edited(pl.lit(value=True)), a="b", b="a").select(rows.columns)
    wanted = pairs.select(a="from", b="to").unique()
    found = pl.concat([rows, turned]).join(wanted, on=["a", "b"], how="semi")
    return {(a, b): ShownFinding(Relation(relation), kind or "") for a, b, relation, kind in found.iter_rows()}


def say_edited(turned: pl.Expr) -> pl.Expr:
    """`kind`, with the letter of the side that was edited, if it was one; `turned` is whether a is shown as B."""
    is_one = pl.col("edited").is_in(["a", "b"]) & (pl.col("kind") != "")
    letter = pl.when((pl.col("edited") == "a") != turned).then(pl.lit("A: ")).otherwise(pl.lit("B: "))
    return pl.when(is_one).then(letter + pl.col("kind")).otherwise("kind").alias("kind")


def number_relations(table: pl.DataFrame) -> pl.DataFrame:
    """Replace `relation` by its number, the place in `WORDS`, and `kind` by `details`: what a page says beside it."""
    unique = table.select("relation", "kind").unique().drop_nulls("relation")
    details = [describe_kind(relation, kind or "") for relation, kind in unique.iter_rows()]
    said = unique.with_columns(details=pl.Series(details, dtype=pl.String))
    numbers = pl.DataFrame({"relation": [one.value for one in WORDS], "number": range(len(WORDS))})
    found = table.join(said, on=["relation", "kind"], how="left", maintain_order="left", nulls_equal=True)
    found = found.join(numbers, on="relation", how="left", maintain_order="left")
    return found.drop("relation", "kind").rename({"number": "relation"})
