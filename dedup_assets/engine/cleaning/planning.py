"""Groups to a plan: which copies go, which are left out and why."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import polars as pl

from dedup_assets.engine.cleaning.companions import with_companions
from dedup_assets.engine.cleaning.marking import only_marked
from dedup_assets.engine.cleaning.returning import RemovedBefore
from dedup_assets.engine.cleaning.standing import IN_CONTAINER, Standing
from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.core.match_records import REVIEW_SEPARATOR, Evidence, Groups, Relation, Role
from dedup_assets.engine.core.plan_records import BESIDE, Action, Plan, Root, Unplanned, is_below
from dedup_assets.engine.core.plan_tables import PLAN_SCHEMA
from dedup_assets.engine.core.reviews import OF_TWIN
from dedup_assets.engine.core.root_roles import Roots
from dedup_assets.engine.core.spelling import did_you_mean, names_meant, words_given

REVIEW = Role.REVIEW.value
ALLOWED = (Relation.EXACT.value, Relation.PIXELS.value, Relation.COPY.value, Relation.SAME.value, REVIEW)
"""What `--only` may name."""
_OF_KEPT = "a copy of an image that is "


@dataclass(frozen=True)
class PlanOptions:
    """What a person wants to happen.

    Attributes:
        action: what is done to each copy.
        only: relations to the kept image that are planned; `review` plans copies that are finer than it, too.
        to: folder for `move`: absolute path.
        marked: names of the files that a person marked, which alone are planned; None for all.
    """

    action: Action = Action.TRASH
    only: Sequence[str] = (Relation.EXACT.value,)
    to: str = ""
    marked: Collection[bytes] | None = None

    @classmethod
    def parse(
        cls,
        action: str,
        only: str | Collection[str] | None = None,
        to: str = "",
        marked: Collection[bytes] | None = None,
    ) -> "PlanOptions":
        """Options from what a user gave.

        Args:
            action: an `Action`.
            only: names out of `ALLOWED`, with commas between them, or several of them; None: exact copies, and of
                marked files all that the action is possible for.
            to: a folder; empty for other actions than `move`.
            marked: names of marked files; None for all copies.

        Raises:
            PlanError: names what is not allowed.
        """
        if action not in list(Action):
            raise PlanError(f"action={action!r}: must be one of {', '.join(Action)}{did_you_mean(action, Action)}")
        if only is None:
            takes_all = marked is not None and (action not in list(Action) or Action(action).removes)
            only = ALLOWED if takes_all else Relation.EXACT.value
        named = words_given(only) or []
        if not named or not set(named) <= set(ALLOWED):
            meant = names_meant(named, ALLOWED)
            raise PlanError(
                f"only={only!r}: must be one or more of {', '.join(ALLOWED)}, with commas between them{meant}"
            )
        chosen = Action(action)
        if not chosen.removes and named != [Relation.EXACT.value]:
            raise PlanError(
                f"only={only!r}: {action} makes copies share the bytes of the kept file, so only=exact alone is allowed"
            )
        if (chosen is Action.MOVE) != bool(to):
            raise PlanError(f"to={to!r}: name a folder with action=move, and with no other action")
        if "://" in to:
            raise PlanError(f"to={to!r}: must be a local folder")
        to = os.path.abspath(to) if to else ""  # noqa: PTH100 - a Path would drop `..`
        return cls(chosen, tuple(named), to, marked)


@dataclass(frozen=True)
class Listed:
    """What is known about the images of a run.

    Attributes:
        names: (n,) binary: all images.
        contained: names of images inside of archives and videos.
        linked: names of images that have other names, too.
        inputs: absolute paths of the folders, and URLs of the prefixes, that were read.
        roots: which files are never acted upon.
    """

    names: pl.Series
    contained: Collection[bytes]
    linked: Collection[bytes]
    inputs: Sequence[bytes]
    roots: Roots = field(default_factory=lambda: Roots(()))


def make_plan(
    groups: Groups,
    evidence: Evidence,
    listed: Listed,
    options: PlanOptions,
    generation: str,
    removed: RemovedBefore | None = None,
) -> Plan:
    """Plan what happens to the copies of each group.

    Args:
        groups: images that are one picture.
        evidence: with the size and content of each image.
        listed: the images of the run.
        options: what a person wants.
        generation: identity of the groups.
        removed: what earlier applies have removed.
    """
    roots = _roots_of(listed)
    rows = _described(groups, evidence)
    judge = _Judge(listed, options, dict(zip(rows["filename"], rows["bytes"], strict=True)))
    rows = _beside_twins(rows, judge, options)
    never = set(rows.filter(pl.col("role") == Role.PROTECTED.value)["filename"])
    others: list[Unplanned] = []
    if options.marked is not None:
        rows, others = only_marked(rows, options.marked, listed.names)
    stay = [Unplanned(*row) for row in rows.filter(pl.col("why_not") != "").select("filename", "why_not").iter_rows()]
    planned = rows.filter((pl.col("why_not") == "") & (pl.col("role") != Role.KEEP.value))
    table = planned.with_columns(action=pl.lit(options.action.value)).select(
        pl.col(name).cast(kind) for name, kind in PLAN_SCHEMA.items()
    )
    if options.action.removes:
        review, marked = REVIEW in options.only, options.marked is not None
        table, beside = with_companions(table.sort("group_id", "filename"), never, review=review, marked=marked)
        stay += beside
    left_out = Counter(reason for _, reason in [*others, *stay])
    place = pl.int_range(pl.len())
    table = table.sort(pl.col("bytes").sum().over("group_id"), "group_id", place, descending=[True, False, False])
    images = table.filter(~pl.col("relation").is_in(BESIDE))
    _refuse_inner(options, roots)
    return Plan(
        rows=table,
        generation=generation,
        action=options.action,
        only=options.only,
        to=options.to,
        roots=roots,
        left_out={reason: count for reason, count in left_out.items() if reason != _KEPT},
        returned=removed.count_back(images) if removed else 0,
        planned=table.height,
        not_taken=() if options.marked is None else sorted([*others, *stay]),
    )


_KEPT = "kept"
_NEVER = {Role.KEEP.value: _KEPT, Role.PROTECTED.value: "protected by a verdict"}  # roots are asked before


def _described(groups: Groups, evidence: Evidence) -> pl.DataFrame:
    """The rows of groups with content and size of each image and of its kept one."""
    facts = evidence.images.unique("filename", keep="first").select("filename", "content", bytes="size_bytes")
    kept = facts.select(keep="filename", keep_content="content", keep_bytes="bytes")
    rows = groups.rows.join(facts, on="filename", how="left", maintain_order="left")
    rows = rows.join(kept, on="keep", how="left", maintain_order="left")
    return rows.rename({"similarity_to_keep": "similarity"}).with_columns(pl.col("similarity").fill_null(0.0))


def _beside_twins(rows: pl.DataFrame, judge: "_Judge", options: PlanOptions) -> pl.DataFrame:
    """The rows with `why_not`, as `_Judge` has it; those that can only go beside a twin are its exact copies.

    Files with the same bytes need one of them, whatever they are to the kept image: where that one stays, the others
    may go.
    """
    given = [_Row(*row) for row in rows.select(_Row._fields).iter_rows()]
    reasons = {row.filename: judge.why_not(row) for row in given}
    found = list(reasons.values())
    keep = [row.keep for row in given]
    if Relation.EXACT.value in options.only:
        for place, row in enumerate(given):
            if row.twin is None or not found[place] or not reasons.get(row.twin):
                continue
            beside = row._replace(keep=row.twin, keep_content=row.content, relation=Relation.EXACT.value, review="")
            role = Role.COPY.value if row.role == REVIEW else row.role
            if not (reason := judge.why_not(beside._replace(role=role))):
                found[place], keep[place] = reason, row.twin
    is_beside = pl.Series(keep, dtype=pl.Binary) != rows["keep"]
    said = {"relation": pl.lit(Relation.EXACT.value), "kind": pl.lit(""), "similarity": pl.lit(1.0)}
    said |= {"keep_content": pl.col("content"), "reason": pl.lit(OF_TWIN)}
    changed = {name: pl.when(is_beside).then(value).otherwise(pl.col(name)) for name, value in said.items()}
    return rows.with_columns(
        keep=pl.Series(keep, dtype=pl.Binary), why_not=pl.Series(found, dtype=pl.String), **changed
    )


class _Row(NamedTuple):
    """What decides about a row of groups."""

    role: str
    relation: str
    kind: str
    filename: bytes
    keep: bytes
    content: str | None
    keep_content: str | None
    review: str
    twin: bytes | None


class _Judge:
    """Why a row is not planned."""

    def __init__(self, listed: Listed, options: PlanOptions, sizes: Mapping[bytes, int | None]) -> None:
        self._listed, self._options = listed, options
        self._sizes = sizes
        self._standing = Standing(options.action)
        self._why_not = cache(self._why_not_file)

    def why_not(self, row: "_Row") -> str:
        """The reason in words; empty for a row that is planned."""
        if row.role in _NEVER:
            by_root = self._listed.roots.why_not_beside(row.filename, row.keep) if row.role != Role.KEEP.value else ""
            return by_root or _NEVER[row.role]
        if row.role == REVIEW and REVIEW not in self._options.only:
            why = row.review.partition(REVIEW_SEPARATOR)[0] or "may have what the kept image lacks"
            return f"{why}: a person decides (--only ...,review plans them)"
        if row.relation not in self._options.only:
            hint = f" (--only ...,{row.relation} plans them)" if row.relation in ALLOWED else ""
            return f"of relation {row.relation}{hint}"
        if not row.content or not row.keep_content:
            return "of unknown content"
        return self._why_not_now(row)

    def _why_not_now(self, row: "_Row") -> str:
        """As `why_not`, from where the files are."""
        if row.filename in self._listed.linked:
            return "reached by other names, too (links)"
        if reason := self._listed.roots.why_not_beside(row.filename, row.keep):
            return reason
        reason = self._why_not(row.keep)
        return self._why_not(row.filename) or (f"{_OF_KEPT}{reason}" if reason else "")

    def _why_not_file(self, name: bytes) -> str:
        if name in self._listed.contained:
            return IN_CONTAINER
        return self._standing.why_not(name, self._sizes.get(name))


def _roots_of(listed: Listed) -> tuple[Root, ...]:
    """The inputs with the images in each; an image counts for the longest name that holds it."""
    names, found = listed.names, []
    for root in sorted(set(listed.inputs), key=lambda name: (-len(name), name)):
        inside = names.bin.starts_with(root.rstrip(b"/") + b"/")
        found.append(Root(root, int(inside.sum())))
        names = names.filter(~inside)
    return (*found, Root(b"", len(names))) if len(names) else tuple(found)


def _refuse_inner(options: PlanOptions, roots: Iterable[Root]) -> None:
    """Refuse to move files into an input, where the next run would list them again."""
    to = os.fsencode(options.to)
    named = (root.name for root in roots if root.name)
    inside = next((name for name in named if to and (to == name or is_below(to, name))), None)
    if inside is not None:
        raise PlanError(
            f"to={options.to!r}: lies in the input {os.fsdecode(inside)!r}, so that the next run would list the files "
            "again; name a folder outside of it"
        )
