"""The rows of `Groups`: what each image is to the kept one, and whether it has what the kept one lacks."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.match_records import OTHER_PART, Relation, Role
from dedup_assets.engine.core.match_tables import GROUPS_SCHEMA
from dedup_assets.engine.groups.decided_vertices import DecidedVertices
from dedup_assets.engine.groups.doubtful_origins import may_be_made_of, may_be_photographed, may_be_turned
from dedup_assets.engine.groups.enlargements import may_be_enlarged
from dedup_assets.engine.groups.images import Images
from dedup_assets.engine.groups.keeping import ALL_COPIES, BY_EDITS, SHOWS_MORE
from dedup_assets.engine.groups.parts import is_beside_another, parts_of
from dedup_assets.engine.groups.reasons import reasons_of_copies
from dedup_assets.engine.groups.reviewing import (
    FINER,
    LESS_EDITED,
    MAY_BE_ORIGINAL,
    MAY_BE_PRINT,
    MAY_BE_SOURCE,
    RIVAL,
    SEEN_THROUGH,
    TURNED,
    UNPROVEN,
    carried_reasons,
    is_seen_through,
    join_reasons,
    words_to_look_at,
)
from dedup_assets.engine.groups.stars import CopyEdges

_FINER = 1.1  # pixels for one of the kept image: less may be rounding


def describe(
    table: pl.DataFrame, images: Images, edges: CopyEdges, same: pl.DataFrame, decided: DecidedVertices
) -> pl.DataFrame:
    """The rows of `Groups`.

    Args:
        table: image, group, kept image, why that one goes before its closest rival (`reason`), and whether the image
            rivals it, in numbers.
        images: that the numbers are about.
        edges: as `Images.compared` gives them.
        same: the evidence.
        decided: by verdicts.
    """
    image, keep = table["image"].to_numpy(), table["keep"].to_numpy()
    names = images.facts["filename"]
    place = edges.find(images.single[image], images.single[keep])
    row = pl.Series(np.where(place >= 0, edges.row[place] if len(edges) else -1, -1))
    said = same.with_row_index("row").select(
        pl.col("row").cast(pl.Int64),
        *("a", "b", "similarity", "kind", "transform", "overlap_a", "overlap_b", "relation"),
    )
    number = pl.DataFrame({"a": names, "number_of_a": np.arange(len(names))})
    found = (
        pl.DataFrame({"row": row})
        .join(said, on="row", how="left", maintain_order="left")
        .join(number, on="a", how="left", maintain_order="left")
        .with_columns(pl.col("number_of_a").fill_null(-1))
    )
    is_kept, is_twin = pl.Series(image == keep), pl.Series(images.alike[image] == images.alike[keep])
    is_proven = is_twin | found["relation"].is_not_null() & (found["relation"] != Relation.VARIANT)
    worse = np.where(place >= 0, edges.worse[place] if len(edges) else 0, 0)
    own_level = np.where(images.single[image] > images.single[keep], worse, -worse)  # positive where the image is worse
    # The kept image is none of the best: it alone is joined to all others, or comparisons contradict each other.
    is_unproven = table["reason"].is_in([ALL_COPIES, BY_EDITS]) & pl.Series(
        (images.rank[image] < images.rank[keep]) & (own_level <= 0)
    )
    is_made = may_be_made_of(found, images, image, keep, worse)
    is_turned = may_be_turned(images, image, keep, _matrices(found), worse)
    has_same_bytes = pl.Series(images.file[image] == images.file[keep])
    is_enlarged = may_be_enlarged(found, images, keep, _matrices(found), _is_a(found, images, keep))
    relation = pl.select(
        relation=pl.when(is_kept).then(pl.lit(""))
        .when(has_same_bytes).then(pl.lit(Relation.EXACT.value))
        .when(is_twin).then(pl.lit(Relation.PIXELS.value))
        .when(is_proven).then(pl.lit(Relation.COPY.value))
        .otherwise(pl.lit(Relation.SAME.value))
    )["relation"]  # fmt: skip
    said_same = pl.Series(images.vertex[image] == images.vertex[keep]) & ~is_twin
    other_part = _is_other_part(found, images, table["group_id"], image, keep)
    reasons = [
        (FINER, _is_finer(found, images, keep)),
        (LESS_EDITED, pl.Series(own_level < 0)),
        *((words, holds & ~is_twin & ~said_same) for words, holds in words_to_look_at(found["kind"])),
        (OTHER_PART, other_part),
        (MAY_BE_ORIGINAL, (is_made | is_unproven) & ~is_kept & ~is_twin & ~said_same),
        (MAY_BE_PRINT, may_be_photographed(found) & ~is_kept & ~is_twin & ~said_same),
        (RIVAL, table["is_rival"] & ~is_twin & ~said_same),
        (TURNED, is_turned & ~is_kept & ~is_twin & ~said_same),
        (MAY_BE_SOURCE, ~is_kept & ~is_twin & is_enlarged),
        (SEEN_THROUGH, is_seen_through(images, image, keep) & is_twin & ~is_kept & ~has_same_bytes),
        (UNPROVEN, (relation == Relation.SAME) & _may_have_more(found, images, image, keep)),
    ]
    review = join_reasons(reasons, carried_reasons(images, image, keep))
    protected = names.gather(image).is_in(list(decided.protected))
    rows = pl.DataFrame(
        {"filename": names.gather(image), "group_id": table["group_id"], "keep": names.gather(keep)}
    ).with_columns(
        role=pl.when(is_kept)
        .then(pl.lit(Role.KEEP.value))
        .when(protected)
        .then(pl.lit(Role.PROTECTED.value))
        .when(review != "")
        .then(pl.lit(Role.REVIEW.value))
        .otherwise(pl.lit(Role.COPY.value)),
        similarity_to_keep=pl.when(is_twin).then(1.0).otherwise(found["similarity"]),
        relation=relation,
        kind=found["kind"].fill_null(""),
        reason=reasons_of_copies(image, keep, own_level, images.worth, table["reason"]),
        review=pl.when(~is_kept).then(review).otherwise(pl.lit("")),
        twin=_twins(images, table["group_id"], image, keep, protected),
    )
    ordered = rows.sort("group_id", pl.col("role") != Role.KEEP.value, "filename")
    return ordered.select(pl.col(name).cast(kind) for name, kind in GROUPS_SCHEMA.items())


def _twins(
    images: Images, group: pl.Series, image: NDArray[np.int64], keep: NDArray[np.int64], protected: pl.Series
) -> pl.Series:
    """Of images with the same bytes, and other bytes than the kept one, the name of the best one for each other one."""
    names = images.facts["filename"].gather(image)
    place = images.rank[image] - images.facts.height * protected.to_numpy()  # what is never acted upon goes first
    table = pl.DataFrame({"group": group, "file": images.file[image], "name": names, "place": place})
    best = table.select(pl.col("name").sort_by("place").first().over("group", "file"))["name"]
    is_other = pl.Series(images.file[image] != images.file[keep]) & (best != names)
    return pl.select(pl.when(is_other).then(best))[best.name]


def _may_have_more(found: pl.DataFrame, images: Images, image: NDArray[np.int64], keep: NDArray[np.int64]) -> pl.Series:
    """Whether each image may have what the kept one lacks, where no comparison proves that it is a copy.

    It does if its row says that the kept one shows a part of it. Without a map of the two, each image of another size
    counts, because the larger one may be an enlargement, and so do more bytes, and what is unknown.
    """
    is_a = pl.Series(_is_a(found, images, image))
    shown = found.select(share=pl.when(is_a).then("overlap_a").otherwise("overlap_b"))["share"].fill_null(1.0)
    own, kept = images.facts[image], images.facts[keep]
    is_other = (own["pixels"] != kept["pixels"]) | (own["size_bytes"] > kept["size_bytes"])
    return (shown < 1 - SHOWS_MORE) | (found["transform"].is_null() & is_other.fill_null(value=True))


def _is_finer(found: pl.DataFrame, images: Images, keep: NDArray[np.int64]) -> pl.Series:
    """Whether each image has clearly more pixels than the kept one for what both show, by `transform` of their row.

    The row may be of twins of the two. An image without a row, or without a known map, is not finer.
    """
    matrix = _matrices(found)
    growth = np.abs(matrix[:, 0] * matrix[:, 4] - matrix[:, 1] * matrix[:, 3])  # pixels of a for one of b
    return pl.Series(np.where(_is_a(found, images, keep), growth < 1 / _FINER, growth > _FINER))


def _is_other_part(
    found: pl.DataFrame, images: Images, group: pl.Series, image: NDArray[np.int64], keep: NDArray[np.int64]
) -> pl.Series:
    """Whether each image shows another part of the kept one than another image of its group does."""
    sizes = images.facts.select(pl.col("width", "height").cast(pl.Float64).fill_null(np.nan)).to_numpy()
    parts = parts_of(_matrices(found), _is_a(found, images, keep), sizes[image], sizes[keep])
    return pl.Series(is_beside_another(group.rank("dense").to_numpy().astype(np.int64), parts, sizes[keep]))


def _matrices(found: pl.DataFrame) -> NDArray[np.float64]:
    """(n, 9) of each row its map of pixels of b onto a; nan if unknown."""
    rows = [each or [np.nan] * 9 for each in found["transform"].to_list()]
    return np.array(rows, np.float64).reshape(-1, 9)


def _is_a(found: pl.DataFrame, images: Images, image: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) whether image a of each row is the given one, or has its pixels."""
    first = found["number_of_a"].to_numpy()
    is_a: NDArray[np.bool_] = (first >= 0) & (images.single[first] == images.single[image])
    return is_a
