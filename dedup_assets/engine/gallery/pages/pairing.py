"""Preparing rows of pairs for a page: each pair once, in order, with both files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.core.records import Pairs
from dedup_assets.engine.gallery.pages.aligning import UNITS, frame_of
from dedup_assets.engine.gallery.pages.differences import describe_differences
from dedup_assets.engine.gallery.pages.findings import NO_FINDINGS, Findings, ShownFinding
from dedup_assets.engine.gallery.pages.frames import video_of
from dedup_assets.engine.gallery.pages.keeping import Reason, choose_of_pairs
from dedup_assets.engine.gallery.pages.quantities import Band, name_band
from dedup_assets.engine.gallery.pages.shown_files import BLANK_FILE, Illustrate, ShownFile, tabulate
from dedup_assets.engine.inputs.containers.names import split_frame


@dataclass(frozen=True)
class ShownPair:
    """One pair on a page; `keep` (A, B or empty) is the suggestion, and `reason` says why.

    `folded` pairs of frames of the same videos are shown by this one.
    """

    a: ShownFile
    b: ShownFile
    similarity: float
    keep: str = ""
    reason: str = ""
    finding: ShownFinding | None = None
    folded: int = 1

    @property
    def band(self) -> Band:
        """The word for the similarity."""
        return name_band(self.similarity)

    @property
    def differences(self) -> Sequence[str]:
        """What the two files share and how they differ."""
        return describe_differences(self.a, self.b)

    @property
    def aligned(self) -> bool:
        """Whether the second picture can be laid onto the first."""
        known = self.finding is not None and bool(self.finding.align)
        return known and self.a.address is not None and self.b.address is not None and bool(self.box_a and self.box_b)

    @property
    def box_a(self) -> tuple[float, float] | None:
        """Width and height of the first picture in the units of alignments; None if unknown."""
        return _box(self.a)

    @property
    def box_b(self) -> tuple[float, float] | None:
        """As `box_a`, of the second picture."""
        return _box(self.b)

    @property
    def frame(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of what shows both pictures whole; less of the second where it is far larger."""
        return frame_of(self.box_a or (0, 0), self.box_b or (0, 0), self.finding.align if self.finding else "")

    @property
    def complete(self) -> bool:
        """Whether both files have a picture, so that one can be laid over the other."""
        return self.a.has_thumbnail and self.b.has_thumbnail


BLANK_PAIR = ShownPair(BLANK_FILE, BLANK_FILE, 0.0, folded=2)
BLANK_PROVEN_PAIR = replace(BLANK_PAIR, finding=ShownFinding(Relation.COPY, align="1 0 0 1 0 0"))


def _box(file: ShownFile) -> tuple[float, float] | None:
    if not (file.width and file.height):
        return None
    unit = UNITS / max(file.width, file.height)
    return round(file.width * unit, 2), round(file.height * unit, 2)


def of_one_video(rows: pl.DataFrame) -> pl.Series:
    """Whether both images of each pair are frames of one video."""
    maybe = rows.with_row_index("row").filter(pl.col("from").bin.contains(b"#t="), pl.col("to").bin.contains(b"#t="))
    found = [
        row for row, *names in maybe.select("row", "from", "to").iter_rows() if len(set(map(video_of, names))) == 1
    ]
    return pl.Series(np.isin(np.arange(rows.height), found), dtype=pl.Boolean)


def frames_last(pairs: Pairs) -> Pairs:
    """Put pairs of frames of one video after all others, because most shots resemble the one a second before."""
    of_video = of_one_video(pairs.rows)
    return Pairs(pl.concat([pairs.rows.filter(~of_video), pairs.rows.filter(of_video)]))


def fold_frames(rows: pl.DataFrame) -> pl.Series:
    """For pairs of frames of the same two videos, or of the same one: the row of the first of them.

    Args:
        rows: `from` and `to`.

    Returns:
        (rows,) uint32; null for any other pair, and for one without others.
    """
    both = pl.col("from").bin.contains(b"#t=") & pl.col("to").bin.contains(b"#t=")
    heads: dict[tuple[bytes, ...], int] = {}
    folds: dict[int, list[int]] = {}
    for row, *names in rows.with_row_index("row").filter(both).select("row", "from", "to").iter_rows():
        if all(split_frame(name) for name in names):
            head = heads.setdefault(tuple(sorted(map(video_of, names))), row)
            folds.setdefault(head, []).append(row)
    folded = [(row, head) for head, same in folds.items() if len(same) > 1 for row in same]
    places, found = ([row for row, _ in folded], [head for _, head in folded])
    return pl.repeat(None, rows.height, dtype=pl.UInt32, eager=True).scatter(places, found).alias("fold")


def first_of_folds(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that a list shows before a fold is opened, with `folded`: the number of pairs of each; 1 without others.

    Args:
        rows: `from` and `to`.
    """
    fold = fold_frames(rows)
    own = pl.int_range(rows.height, dtype=pl.UInt32, eager=True)
    sizes = rows.with_columns(fold=fold.fill_null(own), own=own).with_columns(folded=pl.len().over("fold"))
    return sizes.filter(pl.col("fold") == pl.col("own")).drop("fold", "own")


def merge_directions(pairs: Pairs) -> Pairs:
    """Return each unordered pair once, the most similar first; pairs of equal similarity keep their order.

    If a→b and b→a differ, the higher similarity is taken.
    """
    forward = pl.col("from") <= pl.col("to")
    rows = (
        pairs.rows.sort("distance", descending=True, maintain_order=True)
        .with_columns(
            low=pl.when(forward).then("from").otherwise("to"), high=pl.when(forward).then("to").otherwise("from")
        )
        .unique(["low", "high"], keep="first", maintain_order=True)
        .drop("low", "high")
    )
    return Pairs(rows)


def show_pairs(
    pairs: Pairs,
    illustrate: Illustrate,
    *,
    num_images: int,
    descending: bool,
    suggest: bool = False,
    findings: Findings = NO_FINDINGS,
    folds: bool = False,
) -> list[ShownPair]:
    """Return the first `num_images` pairs (all if negative), from the most similar (`descending`) or the least.

    With `folds`, pairs of frames of the same videos are one. With `suggest`, each pair says which of the two files to
    keep. Groups, if there are some, decide that.
    """
    rows = pairs.rows.sort("distance", descending=descending, maintain_order=True)
    rows = frames_last(Pairs(rows)).rows if descending else rows
    rows = first_of_folds(rows) if folds else rows.with_columns(folded=1)
    shown = rows if num_images < 0 else rows.head(num_images)
    made = [
        ShownPair(illustrate(a), illustrate(b), similarity, finding=findings.pairs.get((a, b)), folded=folded)
        for a, b, similarity, folded in shown.select("from", "to", "distance", "folded").iter_rows()
    ]
    if findings.kept is not None:
        return [_follow_groups(pair, findings, findings.kept) for pair in made]
    return _suggest(made) if suggest else made


def _follow_groups(pair: ShownPair, findings: Findings, kept: Mapping[bytes, bytes]) -> ShownPair:
    """Say which of the two to keep if the other is its copy."""
    for side, file, other in (("A", pair.a, pair.b), ("B", pair.b, pair.a)):
        is_kept = kept.get(file.name) == file.name == kept.get(other.name) and file.problem is None
        if is_kept and file.name in findings.reasons:
            return replace(pair, keep=side, reason=findings.reasons[other.name])
    return pair


def _suggest(pairs: list[ShownPair]) -> list[ShownPair]:
    """Add the suggestions. Files are numbered in the byte order of their names, which is the last criterion."""
    names = sorted({file.name for pair in pairs for file in (pair.a, pair.b)})
    number = {name: place for place, name in enumerate(names)}
    files = {number[file.name]: file for pair in pairs for file in (pair.a, pair.b)}
    rows = [(number[pair.a.name], number[pair.b.name]) for pair in pairs]
    table = pl.DataFrame(rows, schema={"a": pl.UInt32, "b": pl.UInt32}, orient="row")
    chosen = choose_of_pairs(table, tabulate(files[place] for place in range(len(names))))
    advice = zip(pairs, chosen["side"], chosen["reason"], strict=True)
    return [
        pair if side is None else replace(pair, keep="AB"[side], reason=Reason(reason).words)
        for pair, side, reason in advice
    ]
