"""The pairs that a person may decide about, with the verdicts that exist."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import polars as pl

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.match_records import Relation, Role
from dedup_assets.engine.core.set_records import LeakRole
from dedup_assets.engine.core.verdict_records import GivenVerdict
from dedup_assets.engine.gallery.pages.findings import WORDS, describe_kind
from dedup_assets.engine.work_dir import WorkDir, ledger_file, match_files
from dedup_assets.engine.work_dir.identity import check_belongs, read_config
from dedup_assets.service.review import leaks
from dedup_assets.service.review.frames import fold_pairs

_SIDES = ("a", "b")
_SCHEMA = pl.Schema(
    {
        **{"show": pl.String, "a": pl.Binary, "b": pl.Binary, "similarity": pl.Float64, "relation": pl.String},
        **{"kind": pl.String, "group_id": pl.String, "reason": pl.String, "sets_a": pl.String, "sets_b": pl.String},
    }
)


_NO_SETS = {"sets_a": pl.lit(""), "sets_b": pl.lit("")}


class Show(StrEnum):
    """Which pairs are shown. Exact copies are none of them: a program has compared their bytes."""

    LEAKS = "leaks"
    """Leaks that count until a person decides. Pairs across sets are in the lists below, too."""
    COPIES = "copies"
    """Copies with an edit, and those that are the same by a verdict."""
    PIXELS = "pixels"
    """Copies with the same pixels in another file."""
    REVIEW = "review"
    UNVERIFIED = "unverified"
    VARIANTS = "variants"
    CROSSING = "crossing"
    """Variants across sets."""
    FRAMES = "frames"
    """Of videos. Verdicts are about bytes of files, so that a frame cannot be decided about."""


_MOMENT = "#t="  # in the content of a frame
_OF_LEAKS = {LeakRole.REVIEW.value: Show.LEAKS.value, LeakRole.VARIANT.value: Show.CROSSING.value}
_OF_GROUPS = (Show.COPIES.value, Show.REVIEW.value)
_OF_EVIDENCE = {Relation.UNVERIFIED.value: Show.UNVERIFIED.value, Relation.VARIANT.value: Show.VARIANTS.value}


@dataclass(frozen=True)
class ReviewPairs:
    """The pairs of one generation of a work_dir.

    Attributes:
        rows: `number`, `show`, `a` (the kept image where there is one), `b`, `similarity`, `relation`, `kind`,
            `group_id` (of a; may be null), `reason` (why a goes before b), and of both sides `content`, `width`,
            `height`, `size_bytes`. In the order of `Show`; then those with the largest b first, of pairs across sets
            the most similar. Pairs of the same two contents are one in their list. `sets_a` and `sets_b`: of pairs
            across sets, the sets in words. `fold` and `frames` as `fold_pairs` gives them, of pairs with a frame.
        has_sets: whether the run had named sets.
    """

    rows: pl.DataFrame
    has_sets: bool = False

    @classmethod
    def of(cls, work_dir: WorkDir) -> "ReviewPairs":
        """Those of a work_dir. Raises WorkDirError if it has no groups, or they are damaged or of other features."""
        check_belongs(work_dir, read_config(work_dir), "groups")
        groups, ledger = match_files.read_groups(work_dir).rows, ledger_file.read_ledger(work_dir).rows
        evidence = match_files.read_evidence(work_dir).rows
        pairs = pl.concat([_of_leaks(work_dir, groups), _of_groups(groups), _of_evidence(evidence, groups)])
        for side in _SIDES:
            facts = ledger.select(
                pl.col("filename").alias(side),
                *(pl.col(name).alias(f"{name}_{side}") for name in ("content", "width", "height")),
                pl.when(pl.col("size_bytes") >= 0).then("size_bytes").alias(f"size_bytes_{side}"),
            ).unique(side)
            pairs = pairs.join(facts, on=side, how="left", maintain_order="left")
        pairs = pairs.filter((pl.col("content_a") != pl.col("content_b")).fill_null(value=False))
        framed = pl.col("content_a").str.contains(_MOMENT, literal=True)
        framed |= pl.col("content_b").str.contains(_MOMENT, literal=True)
        pairs = pairs.with_columns(
            crosses=pl.col("show").is_in(list(_OF_LEAKS.values())),
            show=pl.when(framed).then(pl.lit(Show.FRAMES.value)).otherwise("show"),
        )
        weight = pl.when("crosses").then(pl.col("similarity").fill_null(0)).otherwise("size_bytes_b")
        order = pl.col("show").cast(pl.Enum([each.value for each in Show]))
        pairs = _each_once(pairs).sort(order, -weight, "a", "b").drop("crosses").with_row_index("number")
        folds = fold_pairs(pairs.filter(show=Show.FRAMES.value))
        return cls(pairs.join(folds, on="number", how="left", maintain_order="left"), leaks.has_sets(work_dir))

    def counts(self, verdicts: Sequence[GivenVerdict]) -> dict[str, dict[str, int]]:
        """For each `Show`, how many pairs are listed, how many of them are decided, and which is the `next` to decide.

        Folded pairs are one. The next one is counted from 0 within its list, and is 0 where all are decided.
        """
        is_decided = pl.col("number").is_in(list(self._decided(verdicts)))
        found = (
            self.rows.filter(_is_listed())
            .group_by("show")
            .agg(pairs=pl.len(), decided=is_decided.sum(), next=(~is_decided).arg_max())
        )
        counts = {show: values for show, *values in found.iter_rows()}
        keys = ("pairs", "decided", "next")
        return {each.value: dict(zip(keys, counts.get(each.value, (0, 0, 0)), strict=True)) for each in Show}

    def page(
        self, show: Show, start: int, count: int, verdicts: Sequence[GivenVerdict], fold: int | None = None
    ) -> tuple[int, list[dict[str, Any]]]:
        """Some pairs, as the page in the browser gets them; each with the verdict on it, if there is one.

        Args:
            show: which pairs.
            start: how many to leave out.
            count: how many at most.
            verdicts: what people said, the newest first.
            fold: list each pair of this fold; None: of each fold the first pair.

        Returns:
            How many pairs the list has, and those asked for.
        """
        newest = self._newest(verdicts)
        rows = self.rows.filter(_is_listed() if fold is None else pl.col("fold") == fold, show=show.value)
        return rows.height, [_shown(row, newest.get(row["number"])) for row in rows.slice(start, count).to_dicts()]

    def is_of_frames(self, number: int) -> bool:
        """Whether a pair has a frame of a video. Raises SettingsError as `name`."""
        self.name(number, _SIDES[0])
        return bool(self.rows["show"][number] == Show.FRAMES.value)

    def name(self, number: int, side: str) -> bytes:
        """The name of an image. Raises SettingsError if there is no such pair or side."""
        if not (0 <= number < self.rows.height and side in _SIDES):
            raise SettingsError(f"pair {number}, side {side!r}: there is no such image")
        return bytes(self.rows[side][number])

    def content(self, number: int, side: str) -> str:
        """SHA-256 of an image. Raises SettingsError as `name`."""
        self.name(number, side)
        return str(self.rows[f"content_{side}"][number])

    def verdict(self, number: int, verdicts: Sequence[GivenVerdict]) -> GivenVerdict | None:
        """The newest verdict on a pair, or on b alone; None if there is none."""
        return self._newest(verdicts).get(number)

    def is_decided(self, number: int, verdicts: Sequence[GivenVerdict]) -> bool:
        """Whether nothing is left to decide about a pair of its list."""
        return number in self._decided(verdicts)

    def _decided(self, verdicts: Sequence[GivenVerdict]) -> set[int]:
        """Numbers of the pairs that are decided.

        A verdict on the pair decides it in each list. One on b alone says what becomes of b in its group, and not
        whether the two are one picture: it decides in the lists of groups only.
        """
        of_groups = set(self.rows.filter(pl.col("show").is_in(_OF_GROUPS))["number"])
        return {number for number, found in _on_pairs(self.rows, verdicts) if found.b_content or number in of_groups}

    def _newest(self, verdicts: Sequence[GivenVerdict]) -> dict[int, GivenVerdict]:
        """The newest verdict on each pair, or on b alone, by number of the pair; `verdicts` are the newest first."""
        found: dict[int, GivenVerdict] = {}
        order = {verdict.verdict_id: place for place, verdict in enumerate(verdicts)}  # times may be equal
        for number, verdict in _on_pairs(self.rows, verdicts):
            if number not in found or order[verdict.verdict_id] < order[found[number].verdict_id]:
                found[number] = verdict
        return found


def _each_once(pairs: pl.DataFrame) -> pl.DataFrame:
    """The first pair of each two contents, of those across sets and of the others, and in each list."""
    ends = ("content_a", "content_b")  # which of the two is a differs where files have exact copies
    pairs = pairs.with_columns(low=pl.min_horizontal(ends), high=pl.max_horizontal(ends))
    for kind in ("crosses", "show"):
        pairs = pairs.unique([kind, "low", "high"], keep="first", maintain_order=True)
    return pairs.drop("low", "high")


def _is_listed() -> pl.Expr:
    return pl.col("fold").is_null() | (pl.col("fold") == pl.col("number"))


def _of_leaks(work_dir: WorkDir, groups: pl.DataFrame) -> pl.DataFrame:
    """Pairs across sets; those of two images without a kept one name no reason to keep one."""
    pairs = leaks.read_pairs(work_dir)
    pairs = pairs.join(groups.select("group_id", a="filename"), on="a", how="left", maintain_order="left")
    columns = {"show": pl.col("role").replace_strict(_OF_LEAKS, return_dtype=pl.String), "reason": pl.lit("")}
    return pairs.select(*(_column(name, columns) for name in _SCHEMA)).cast(_SCHEMA)


def _of_groups(rows: pl.DataFrame) -> pl.DataFrame:
    kept = rows.filter(role=Role.KEEP.value).select("group_id", a="filename")
    others = rows.filter(pl.col("role").is_in([Role.COPY.value, Role.REVIEW.value]))
    pairs = others.filter(pl.col("relation") != Relation.EXACT.value).join(kept, on="group_id")
    show = (
        pl.when(role=Role.REVIEW.value).then(pl.lit(Show.REVIEW.value))
        .when(relation=Relation.PIXELS.value).then(pl.lit(Show.PIXELS.value))
        .otherwise(pl.lit(Show.COPIES.value))
    )  # fmt: skip
    columns = {"b": "filename", "similarity": "similarity_to_keep", **_NO_SETS}
    return pairs.select(*(_column(name, {**columns, "show": show}) for name in _SCHEMA)).cast(_SCHEMA)


def _of_evidence(evidence: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Pairs that are variants or not decided, whether or not their images are in a group."""
    of = groups.select("filename", "group_id")
    pairs = evidence.filter(pl.col("relation").is_in(list(_OF_EVIDENCE)))
    pairs = pairs.join(of.rename({"filename": "a"}), on="a", how="left", maintain_order="left")
    pairs = pairs.join(of.rename({"filename": "b", "group_id": "other"}), on="b", how="left", maintain_order="left")
    apart = pairs.filter(pl.col("group_id").ne_missing(pl.col("other")) | pl.col("group_id").is_null())
    columns = {"show": pl.col("relation").replace_strict(_OF_EVIDENCE), "reason": pl.lit(""), **_NO_SETS}
    return apart.select(*(_column(name, columns) for name in _SCHEMA)).cast(_SCHEMA)


def _column(name: str, sources: Mapping[str, Any]) -> pl.Expr:
    source = sources.get(name, name)
    return (pl.col(source) if isinstance(source, str) else source).alias(name)


def _on_pairs(rows: pl.DataFrame, verdicts: Sequence[GivenVerdict]) -> Iterator[tuple[int, GivenVerdict]]:
    oldest_first = verdicts[::-1]  # an image may be both kept and protected: the newest of them stays
    of_pairs = {verdict.pair: verdict for verdict in oldest_first if verdict.b_content}
    of_one = {verdict.a_content: verdict for verdict in oldest_first if not verdict.b_content}
    asked = {content for pair in of_pairs for content in pair} | set(of_one)
    some = rows.filter(pl.col("content_b").is_in(list(asked)) | pl.col("content_a").is_in(list(asked)))
    for number, a, b in some.select("number", "content_a", "content_b").iter_rows():
        yield from ((number, found) for found in (of_pairs.get(frozenset((a, b))), of_one.get(b)) if found)


def _shown(row: Mapping[str, Any], verdict: GivenVerdict | None) -> dict[str, Any]:
    relation = Relation(row["relation"])
    said = None
    if verdict is not None:
        said = {"id": verdict.verdict_id, "relation": verdict.relation}
    return {
        "number": row["number"],
        "similarity": row["similarity"],
        "relation": WORDS[relation],
        "kind": describe_kind(relation, row["kind"] or ""),
        "group": row["group_id"],
        "frames": row["frames"],
        "decidable": row["show"] != Show.FRAMES.value,
        "reason": row["reason"],
        "verdict": said,
        **{
            side: {
                "name": os.fsdecode(row[side]).encode("utf-8", "backslashreplace").decode(),
                **{name: row[f"{name}_{side}"] for name in ("width", "height", "size_bytes", "sets")},
            }
            for side in _SIDES
        },
    }
