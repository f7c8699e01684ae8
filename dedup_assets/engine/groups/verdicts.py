"""Verdicts on contents to what groups must do: who is joined, who stays apart, what is kept.

Newer verdicts are heard first. One that contradicts those heard before is not honoured, and is reported with the
verdicts that it contradicts.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from dedup_assets.engine.core.joining import join
from dedup_assets.engine.core.match_records import Evidence, Relation
from dedup_assets.engine.core.match_tables import EVIDENCE_SCHEMA
from dedup_assets.engine.core.verdict_records import Conflict, Decision, GivenVerdict, Verdicts


@dataclass
class Heard:
    """Verdicts that do not contradict one another.

    Attributes:
        honoured: the newest first.
        conflicts: those that contradict newer ones.
    """

    honoured: list[GivenVerdict] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    _joined: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # by content: another content, verdict id
    _class_of: dict[str, str] = field(default_factory=dict)
    _members: dict[str, list[str]] = field(default_factory=dict)
    _apart: dict[str, list[GivenVerdict]] = field(default_factory=dict)  # by content

    def hear(self, verdict: GivenVerdict) -> None:
        """Honour a verdict, unless it contradicts those heard before."""
        against = self.contradicted(verdict) if Decision(verdict.relation).is_of_pair else []
        if against:
            said = f"{verdict.relation} contradicts newer verdicts: {', '.join(against)}"
            self.conflicts.append(Conflict(verdict.line, verdict.verdict_id, said, against, verdict))
            return
        self.honoured.append(verdict)
        if verdict.relation == Decision.SAME:
            self._join(verdict)
        elif Decision(verdict.relation).separates:
            for content in verdict.pair:
                self._apart.setdefault(content, []).append(verdict)

    def classes(self) -> list[list[str]]:
        """Contents that are one picture, two or more each."""
        return [sorted(members) for members in self._members.values() if len(members) > 1]

    def contradicted(self, verdict: GivenVerdict) -> list[str]:
        """Ids of the honoured verdicts that a verdict on two contents contradicts."""
        a, b = verdict.a_content, verdict.b_content
        one, other = self._class(a), self._class(b)
        if Decision(verdict.relation).separates:
            return self._way(a, b) if one == other else []
        smaller = min(one, other, key=lambda each: len(self._members.get(each, [each])))
        for content in self._members.get(smaller, [smaller]):
            for enemy in self._apart.get(content, []):
                (there,) = enemy.pair - {content}
                if {self._class(content), self._class(there)} == {one, other}:
                    near, far = (content, there) if self._class(content) == one else (there, content)
                    return [enemy.verdict_id, *self._way(a, near), *self._way(far, b)]
        return []

    def _class(self, content: str) -> str:
        return self._class_of.get(content, content)

    def _join(self, verdict: GivenVerdict) -> None:
        a, b = verdict.a_content, verdict.b_content
        self._joined.setdefault(a, []).append((b, verdict.verdict_id))
        self._joined.setdefault(b, []).append((a, verdict.verdict_id))
        one, other = self._class(a), self._class(b)
        if one == other:
            return
        large, small = sorted((one, other), key=lambda each: -len(self._members.get(each, [each])))
        moved = self._members.pop(small, [small])
        self._members.setdefault(large, [large]).extend(moved)
        self._class_of.update(dict.fromkeys(moved, large))

    def _way(self, start: str, end: str) -> list[str]:
        """Ids of the verdicts that join two contents, by the shortest way; none if they are the same."""
        came: dict[str, tuple[str, str]] = {start: ("", "")}
        queue = deque([start])
        while queue and end not in came:
            here = queue.popleft()
            for there, verdict_id in self._joined.get(here, []):
                if there not in came:
                    came[there] = (here, verdict_id)
                    queue.append(there)
        ids = []
        while end != start:
            end, verdict_id = came[end]
            ids.append(verdict_id)
        return ids[::-1]


@dataclass(frozen=True)
class Ruling:
    """What groups must do, for the images of one collection.

    Attributes:
        rows: the evidence with what was decided: `same` rows that prove, and rows of separated pairs that do not; also
            `is_loose`: pixels are equal, but do not make one picture, because a verdict separates two such images.
        images: as of `Evidence`, with the images that were not compared.
        joined: `a`, `b` (binary): the pairs that verdicts call the same: of files with the same bytes the first.
        apart: pairs of names that are never in one group, with the verdict: of files with the same bytes the first.
        kept: names that groups keep, the newest verdict first, with the verdict.
        protected: names that are never acted upon.
        conflicts: verdicts that are not honoured.
        applied: the verdicts about images of this collection.
        unmatched: the honoured verdicts about an image that is not here, the newest first.
        edited: names of verdicts about other contents that have a content here, each with the id of the verdict.
    """

    rows: pl.DataFrame
    images: pl.DataFrame
    joined: pl.DataFrame
    apart: Sequence[tuple[bytes, bytes, GivenVerdict]]
    kept: Sequence[tuple[bytes, GivenVerdict]]
    protected: frozenset[bytes]
    conflicts: Sequence[Conflict]
    applied: Sequence[GivenVerdict]
    unmatched: Sequence[GivenVerdict]
    edited: Sequence[tuple[bytes, str]]


def rule(verdicts: Verdicts, evidence: Evidence) -> Ruling:
    """Turn verdicts into what groups must do.

    Args:
        verdicts: of a file.
        evidence: its `images` have the content of each image that a verdict may be about.
    """
    heard = Heard()
    for verdict in verdicts.active():
        heard.hear(verdict)
    names = _names_of(evidence.images, {content for verdict in heard.honoured for content in verdict.pair})
    here = [verdict for verdict in heard.honoured if all(content in names for content in verdict.pair)]
    separating = [verdict for verdict in here if Decision(verdict.relation).separates]
    apart = [(names[each.a_content][0], names[each.b_content][0], each) for each in separating]
    joining = [each for each in here if each.relation == Decision.SAME]
    joined = [_ordered(names[each.a_content][0], names[each.b_content][0]) for each in joining]
    rows = _with_joined(evidence.rows, heard.classes(), names)
    return Ruling(
        rows=_loosened(_with_separated(rows, separating, names), apart),
        images=evidence.images,
        joined=pl.DataFrame(joined, schema={"a": pl.Binary, "b": pl.Binary}, orient="row"),
        apart=apart,
        kept=[(_named(names[each.a_content], each.a_name), each) for each in here if each.relation == Decision.KEEP],
        protected=frozenset(
            name for each in here if each.relation == Decision.PROTECT for name in names[each.a_content]
        ),
        conflicts=[
            *heard.conflicts,
            *(Conflict(row.line, "", f"the row cannot be used: {row.problem}") for row in verdicts.bad),
        ],
        applied=here,
        unmatched=[verdict for verdict in heard.honoured if not names.keys() >= verdict.pair],
        edited=_edited(heard.honoured, names, evidence.images["filename"]),
    )


def _edited(
    honoured: Iterable[GivenVerdict], names: dict[str, list[bytes]], present: pl.Series
) -> list[tuple[bytes, str]]:
    """Names that verdicts give to contents that are not here, where a file of that name is here."""
    asked = [
        (name, verdict.verdict_id)
        for verdict in honoured
        for content, name in ((verdict.a_content, verdict.a_name), (verdict.b_content, verdict.b_name))
        if content and content not in names
    ]
    there = set(present.filter(present.is_in([name for name, _ in asked])))
    return [each for each in asked if each[0] in there]


def _names_of(images: pl.DataFrame, contents: set[str]) -> dict[str, list[bytes]]:
    found = images.select("content", "filename").filter(pl.col("content").is_in(list(contents)))
    return dict(found.unique().sort("filename").group_by("content", maintain_order=True).agg("filename").iter_rows())


def _named(names: Sequence[bytes], wanted: bytes) -> bytes:
    """Of files with the same bytes the one that was named when it was decided, else the first."""
    return wanted if wanted in names else names[0]


def _with_joined(rows: pl.DataFrame, classes: Iterable[Sequence[str]], names: dict[str, list[bytes]]) -> pl.DataFrame:
    """The rows, and a `same` row from the first image of each class to each other one; equal bytes are joined too."""
    pairs: dict[tuple[bytes, bytes], str] = {}
    for contents in classes:
        present = [content for content in contents if content in names]
        for content in present:
            first = names[content][0]
            pairs |= {_ordered(first, name): Relation.EXACT.value for name in names[content][1:]}
            if content != present[0]:
                pairs[_ordered(names[present[0]][0], first)] = Relation.SAME.value
    if not pairs:
        return rows
    added = _bare_rows([(*pair, relation) for pair, relation in pairs.items()], 0.0)
    known = rows.filter(pl.col("residual").is_not_null()).select("a", "b", known="similarity")
    added = added.join(known, on=["a", "b"], how="left", maintain_order="left")
    return pl.concat([rows, added.with_columns(similarity="known").drop("known")])


def _ordered(one: bytes, other: bytes) -> tuple[bytes, bytes]:
    return (one, other) if one < other else (other, one)


def _with_separated(
    rows: pl.DataFrame, separating: Sequence[GivenVerdict], names: dict[str, list[bytes]]
) -> pl.DataFrame:
    """The rows; those of separated pairs, each of which has one, have the relation of the verdict and prove nothing."""
    said = {verdict.pair: verdict.relation for verdict in separating}
    if not said:
        return rows
    content = {name: each for pair in said for each in pair for name in names[each]}
    of_these = pl.col("a").is_in(list(content)) & pl.col("b").is_in(list(content))
    pairs = rows.with_row_index("row").filter(of_these).select("row", "a", "b").rows()
    found = {row: said.get(frozenset((content[a], content[b]))) for row, a, b in pairs}
    table = pl.DataFrame(
        [(row, relation) for row, relation in found.items() if relation],
        schema={"row": pl.UInt32, "said": pl.String},
        orient="row",
    )
    decided = rows.with_row_index("row").join(table, on="row", how="left", maintain_order="left")
    decided = decided.with_columns(relation=pl.coalesce("said", "relation")).drop("row", "said")
    pairs_there = {(a, b) for row, a, b in pairs if found[row]}
    firsts = ((*_ordered(*(names[each][0] for each in pair)), relation) for pair, relation in said.items())
    missing = [each for each in firsts if each[:2] not in pairs_there]
    return pl.concat([decided, _bare_rows(missing, None)])


def _bare_rows(pairs: Sequence[tuple[bytes, bytes, str]], residual: float | None) -> pl.DataFrame:
    """Rows of evidence that say nothing but a relation: they prove it if they have a residual."""
    table = pl.DataFrame(pairs, schema={"a": pl.Binary, "b": pl.Binary, "relation": pl.String}, orient="row")
    table = table.with_columns(residual=pl.lit(residual, pl.Float64), kind=pl.lit(""), edited=pl.lit(""))
    rest = [pl.lit(None, kind).alias(name) for name, kind in EVIDENCE_SCHEMA.items() if name not in table.columns]
    return table.with_columns(rest).select(list(EVIDENCE_SCHEMA)).cast(EVIDENCE_SCHEMA)


def _loosened(rows: pl.DataFrame, apart: Sequence[tuple[bytes, bytes, GivenVerdict]]) -> pl.DataFrame:
    """The rows with `is_loose`: of classes of equal pixels in which two images are to be apart."""
    alike = rows.filter(
        pl.col("residual").is_not_null() & pl.col("relation").is_in([Relation.EXACT, Relation.PIXELS, Relation.SAME])
    )
    loose = pl.Series("name", [], dtype=pl.Binary)
    if apart and alike.height:
        names = pl.concat([alike["a"], alike["b"]]).unique().sort()
        number = dict(zip(names, range(len(names)), strict=True))
        a, b = (np.array([number[name] for name in alike[side]], np.int64) for side in ("a", "b"))
        classes = join(len(names), a, b)
        torn = {
            int(classes[number[one]])
            for one, other, _ in apart
            if one in number and other in number and classes[number[one]] == classes[number[other]]
        }
        loose = names.filter(pl.Series(np.isin(classes, list(torn))))
    is_pixels = pl.col("relation") == Relation.PIXELS.value
    return rows.with_columns(is_loose=is_pixels & pl.col("a").is_in(loose.implode()))
