"""Evidence to groups: images of one picture, the kept one, and the reason why it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.joining import join
from dedup_assets.engine.core.keep_rules import DEFAULT_POLICY, keep_rules
from dedup_assets.engine.core.match_records import Evidence, Groups, Relation, Role
from dedup_assets.engine.core.match_tables import GROUPS_SCHEMA
from dedup_assets.engine.core.root_roles import Roots
from dedup_assets.engine.core.verdict_records import Verdicts
from dedup_assets.engine.groups.decided_vertices import DecidedVertices
from dedup_assets.engine.groups.group_ids import make_ids
from dedup_assets.engine.groups.keeping import (
    ALL_COPIES,
    BY_VERDICT,
    choose_kept,
    deciding_rule,
    edit_levels,
    less_to_keep,
)
from dedup_assets.engine.groups.policy import FACTS_SCHEMA, Worth, reason_of
from dedup_assets.engine.groups.related import find_related
from dedup_assets.engine.groups.separating import Separation
from dedup_assets.engine.groups.stars import CopyEdges, find_stars
from dedup_assets.engine.groups.verdicts import Ruling, rule

_FINER = 1.1  # pixels for one of the kept image: less may be rounding


def form_groups(
    evidence: Evidence,
    keep_policy: str = DEFAULT_POLICY,
    verdicts: Verdicts | None = None,
    roots: Roots | None = None,
    labelled: pl.Series | None = None,
) -> Groups:
    """Form the groups that evidence proves, in the same way whatever the order of its rows.

    Images with the same bytes or the same pixels are one vertex, because these relations carry over: all that is said
    of one holds for the others. So are images that a person calls the same. Vertices are cut into stars along `copy`
    rows of pairs that were compared themselves.

    Args:
        evidence: rows whose residual is null say nothing here, because they follow from groups.
        keep_policy: which image of a group is kept, see `core.keep_rules`.
        verdicts: what people have decided; it has priority.
        roots: which files are never acted upon, and which copies are no finding.
        labelled: binary, names of the images that have a label; None if no labels are given.
    """
    roots = roots or Roots(())
    ruling = rule(verdicts or Verdicts(), evidence)
    proven = ruling.rows.filter(pl.col("residual").is_not_null())
    same = proven.filter(pl.col("relation").is_in([relation for relation in Relation if relation.is_same_picture]))
    same = same.sort("similarity", "a", "b", descending=[True, False, False], nulls_last=True)
    names = pl.concat([same["a"], same["b"]]).unique()
    never = (name for name in names.to_list() if roots and roots.why_never(name))
    ruling = replace(ruling, protected=ruling.protected.union(never))
    images = _Images.of(same, ruling, keep_rules(keep_policy), labelled)
    decided = DecidedVertices.of(ruling, images.facts["filename"], images.vertex)
    rows = _with_roots(_rows_of(images, same, decided), roots)
    return Groups(rows, find_related(ruling.rows, rows), decided=decided.outcome(verdicts) if verdicts else None)


@dataclass(frozen=True)
class _Images:
    """The images that are the same picture as another one, in numbers.

    Attributes:
        facts: one row per image, by name: `content`, `carries`, and the columns of `FACTS_SCHEMA`.
        a: (m,) int64, of each row of evidence the image a.
        b: (m,) int64, likewise.
        vertex: (n,) int64, of each image: equal for images with the same bytes or pixels, or that a person calls the
            same; 0, 1, ...
        alike: (n,) int64: equal for images with the same bytes or pixels, whatever people say.
        file: (n,) int64: equal for images with the same bytes.
        worth: of each image, to be kept.
    """

    facts: pl.DataFrame
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    vertex: NDArray[np.int64]
    alike: NDArray[np.int64]
    file: NDArray[np.int64]
    worth: Worth

    @classmethod
    def of(cls, same: pl.DataFrame, ruling: Ruling, rules: Sequence[str], labelled: pl.Series | None) -> "_Images":
        names = pl.concat([same["a"], same["b"]]).unique().sort().alias("filename")
        facts = pl.DataFrame(names).join(
            ruling.images.unique("filename", keep="first"), on="filename", how="left", maintain_order="left"
        )
        facts = facts.with_columns(
            pl.coalesce("content", pl.col("filename").bin.encode("hex")), pixels=pl.col("width") * pl.col("height")
        ).select("content", "carries", *FACTS_SCHEMA)
        number = pl.DataFrame({"filename": names, "number": np.arange(len(names))})
        a, b = (
            same.select(filename=side)
            .join(number, on="filename", how="left", maintain_order="left")["number"]
            .to_numpy()
            for side in ("a", "b")
        )
        exact = (same["relation"] == Relation.EXACT).to_numpy()
        pixels, loose = (same["relation"] == Relation.PIXELS).to_numpy(), same["is_loose"].to_numpy()
        one = exact | (pixels & ~loose) | (same["relation"] == Relation.SAME).to_numpy()
        _, vertex = np.unique(join(len(names), a[one], b[one]), return_inverse=True)
        alike = join(len(names), a[exact | pixels], b[exact | pixels]).astype(np.int64)
        file = join(len(names), a[exact], b[exact]).astype(np.int64)
        given = facts.with_columns(is_protected=pl.col("filename").is_in(list(ruling.protected)))
        if labelled is not None:
            given = given.with_columns(is_labelled=pl.col("filename").is_in(labelled.implode()))
        return cls(facts, a, b, vertex.astype(np.int64), alike, file, Worth.of(given, rules, alike))

    def copy_edges(self, same: pl.DataFrame) -> CopyEdges:
        """An edge for each two vertices with a `copy` row; of several rows the first counts."""
        one, other = self.vertex[self.a], self.vertex[self.b]
        is_edge = (same["relation"] == Relation.COPY) | same["is_loose"]
        row = np.flatnonzero(is_edge.to_numpy() & (one != other))
        said = same.select("edited", "kind", pl.col("overlap_a", "overlap_b").fill_null(1.0))[row]
        sides = np.array([less_to_keep(*each) for each in said.iter_rows()], np.int8)
        one, other = one[row], other[row]
        low, high = np.minimum(one, other), np.maximum(one, other)
        order = np.lexsort((row, high, low))
        low, high, row = low[order], high[order], row[order]
        worse = np.where(one > other, -sides, sides)[order]
        first = np.ones(len(row), np.bool_)
        first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
        return CopyEdges(low[first], high[first], worse[first], row[first])

    def members(self, first: Sequence[int]) -> list[NDArray[np.int64]]:
        """The images of each vertex, the best first; the images `first` before all others."""
        order = self.worth.order()
        order = np.concatenate([np.array(first, np.int64), order[~np.isin(order, first)]])
        order = order[np.argsort(self.vertex[order], kind="stable")]
        return np.split(order, np.flatnonzero(np.diff(self.vertex[order])) + 1) if len(order) else []


@dataclass(frozen=True)
class _Star:
    """A group in numbers: the kept vertex, the others, and why that image is kept."""

    kept: int
    others: list[int]
    reason: str


def _rows_of(images: _Images, same: pl.DataFrame, decided: DecidedVertices) -> pl.DataFrame:
    edges, members = images.copy_edges(same), images.members(decided.kept_images)
    closeness = same["similarity"].fill_null(0.0).to_numpy()
    edges, stars = _stars(images, edges, members, decided, closeness)
    images_of = [[int(image) for vertex in (star.kept, *star.others) for image in members[vertex]] for star in stars]
    contents = images.facts["content"].to_list()
    ids = make_ids([[contents[image] for image in group] for group in images_of])
    columns = {
        "image": [image for group in images_of for image in group],
        "group_id": [name for name, group in zip(ids, images_of, strict=True) for _ in group],
        "keep": [int(members[star.kept][0]) for star, group in zip(stars, images_of, strict=True) for _ in group],
        "reason": [str(star.reason) for star, group in zip(stars, images_of, strict=True) for _ in group],
    }
    table = pl.DataFrame(
        columns, schema={"image": pl.Int64, "group_id": pl.String, "keep": pl.Int64, "reason": pl.String}
    )
    return _described(table, images, edges, same, decided)


def _stars(
    images: _Images,
    edges: CopyEdges,
    members: list[NDArray[np.int64]],
    decided: DecidedVertices,
    closeness: NDArray[np.float64],
) -> tuple[CopyEdges, list[_Star]]:
    """The stars, and the edges along which they were cut."""
    worth = images.worth.take(np.array([group[0] for group in members], np.int64))
    rank = np.empty(len(members), np.int64)
    rank[worth.order()] = np.arange(len(members))
    separation = Separation(
        decided.apart,
        decided.kept,
        closeness,
        rank,
        lambda center, around, left: choose_kept(center, around, left, worth)[0],
    )
    edges = separation.of(edges)
    hub = find_stars(len(members), edges, rank, decided.kept)
    decided.see(hub)
    order = np.argsort(hub, kind="stable")
    stars = []
    for group in np.split(order, np.flatnonzero(np.diff(hub[order])) + 1) if len(order) else []:
        center = int(hub[group[0]])
        if len(group) == len(members[center]) == 1:
            continue
        around = group[group != center]
        if center in decided.kept:
            stars.append(_Star(center, around.tolist(), BY_VERDICT))
            continue
        kept, is_best = choose_kept(center, around, edges, worth)
        others = group[group != kept]
        reason = _reason(images, edges, members, kept, others) if is_best else ALL_COPIES
        stars.append(_Star(kept, others.tolist(), reason))
    return edges, stars


def _reason(
    images: _Images, edges: CopyEdges, members: list[NDArray[np.int64]], kept: int, others: NDArray[np.int64]
) -> str:
    """What the kept image, which is the best of its group, has before the next best one."""
    first, *twins = members[kept][:2].tolist()
    rivals = np.array([members[vertex][0] for vertex in others] + twins, np.int64)
    levels = np.append(edit_levels(kept, others, edges), np.zeros(len(twins), np.int64))
    return reason_of(deciding_rule(first, rivals, levels, images.worth))


def _described(
    table: pl.DataFrame, images: _Images, edges: CopyEdges, same: pl.DataFrame, decided: DecidedVertices
) -> pl.DataFrame:
    """The rows of `Groups`, from image, group, kept image and reason in numbers."""
    image, keep = table["image"].to_numpy(), table["keep"].to_numpy()
    names = images.facts["filename"]
    place = edges.find(images.vertex[image], images.vertex[keep])
    row = pl.Series(np.where(place >= 0, edges.row[place] if len(edges) else -1, -1))
    said = same.with_row_index("row").select(
        pl.col("row").cast(pl.Int64), "a", "b", "similarity", "kind", "transform", found="relation"
    )
    found = pl.DataFrame({"row": row}).join(said, on="row", how="left", maintain_order="left")
    is_kept, is_twin = pl.Series(image == keep), pl.Series(images.alike[image] == images.alike[keep])
    is_proven = is_twin | _is_of_these(found, images, image, keep)
    found = found.with_columns(
        pl.when(is_proven).then(name).alias(name) for name in ("similarity", "kind", "transform")
    )
    worse = np.where(place >= 0, edges.worse[place] if len(edges) else 0, 0)
    is_better = np.where(images.vertex[image] > images.vertex[keep], worse, -worse) < 0  # as `edit_levels` has it
    has_same_bytes = pl.Series(images.file[image] == images.file[keep])
    relation = (
        pl.when(is_kept).then(pl.lit(""))
        .when(has_same_bytes).then(pl.lit(Relation.EXACT.value))
        .when(is_twin).then(pl.lit(Relation.PIXELS.value))
        .when(is_proven).then(pl.lit(Relation.COPY.value))
        .otherwise(pl.lit(Relation.SAME.value))
    )  # fmt: skip
    rows = pl.DataFrame(
        {"filename": names.gather(image), "group_id": table["group_id"], "keep": names.gather(keep)}
    ).with_columns(
        role=pl.when(is_kept)
        .then(pl.lit(Role.KEEP.value))
        .when(pl.col("filename").is_in(list(decided.protected)))
        .then(pl.lit(Role.PROTECTED.value))
        .when(_is_finer(found, images, keep) | _carries_more(images, image, keep) | pl.Series(is_better))
        .then(pl.lit(Role.REVIEW.value))
        .otherwise(pl.lit(Role.COPY.value)),
        similarity_to_keep=pl.when(is_twin).then(1.0).otherwise(found["similarity"]),
        relation=relation,
        kind=found["kind"].fill_null(""),
        reason=table["reason"],
    )
    ordered = rows.sort("group_id", pl.col("role") != Role.KEEP.value, "filename")
    return ordered.select(pl.col(name).cast(kind) for name, kind in GROUPS_SCHEMA.items())


def _with_roots(rows: pl.DataFrame, roots: Roots) -> pl.DataFrame:
    """The rows without groups that are no finding; what roots leave alone has the role of a protected image."""
    if not roots:
        return rows
    names = rows.group_by("group_id", maintain_order=True).agg("filename")
    gone = [group for group, members in names.iter_rows() if roots.is_left_alone(members)]
    left = rows.filter(~pl.col("group_id").is_in(gone))
    pairs = left.select("role", "filename", "keep").iter_rows()
    role = [
        Role.PROTECTED.value if role != Role.KEEP.value and roots.why_not_beside(name, keep) else role
        for role, name, keep in pairs
    ]
    return left.with_columns(role=pl.Series(role, dtype=pl.String))


def _is_of_these(found: pl.DataFrame, images: _Images, image: NDArray[np.int64], keep: NDArray[np.int64]) -> pl.Series:
    """Whether each found row compares an image and the kept one, or files with their pixels.

    A row may be of others that a person calls the same: then it proves nothing of these two.
    """
    number = pl.DataFrame({"name": images.facts["filename"], "number": np.arange(images.facts.height)})
    ends = [
        found.select(name=side).join(number, on="name", how="left", maintain_order="left")["number"]
        for side in ("a", "b")
    ]
    one, other = (images.alike[end.fill_null(0).to_numpy()] for end in ends)
    here, there = images.alike[image], images.alike[keep]
    is_these = ((one == here) & (other == there)) | ((one == there) & (other == here))
    return ends[0].is_not_null() & pl.Series(is_these)


def _carries_more(images: _Images, image: NDArray[np.int64], keep: NDArray[np.int64]) -> pl.Series:
    """Whether each image has a kind of metadata, such as EXIF or a colour profile, that the kept one lacks."""
    carried = images.facts["carries"].fill_null("").str.extract_all(r"\w+")
    pairs = pl.DataFrame({"own": carried.gather(image), "kept": carried.gather(keep)})
    return pairs.select(pl.col("own").list.set_difference("kept").list.len() > 0)["own"]


def _is_finer(found: pl.DataFrame, images: _Images, keep: NDArray[np.int64]) -> pl.Series:
    """Whether each image has clearly more pixels than the kept one for what both show, by `transform` of their row.

    The row may be of twins of the two. An image without a row, or without a known map, is not finer.
    """
    matrix = np.array([each or [np.nan] * 9 for each in found["transform"].to_list()], np.float64).reshape(-1, 9)
    growth = np.abs(matrix[:, 0] * matrix[:, 4] - matrix[:, 1] * matrix[:, 3])  # pixels of a for one of b
    number = pl.DataFrame({"a": images.facts["filename"], "number": np.arange(images.facts.height)})
    first = found.select("a").join(number, on="a", how="left", maintain_order="left")["number"].fill_null(-1).to_numpy()
    kept_is_a = (first >= 0) & (images.vertex[first] == images.vertex[keep])
    return pl.Series(np.where(kept_is_a, growth < 1 / _FINER, growth > _FINER))
