"""Checks of what must be true of evidence and groups, because people act on them."""

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.joining import join
from dedup_assets.engine.core.match_records import Evidence, Groups, Relation, Role
from dedup_assets.engine.results.invariants import Verdict

_MOST_NAMED = 5  # verdicts in a message
_GROUP_ID = re.compile("g-[0-9a-f]{12}")
_FOUND = [relation.value for relation in Relation if relation.is_evidence]
_SAME_PICTURE = [relation.value for relation in Relation if relation.is_same_picture and relation.is_evidence]


def check_evidence(evidence: Evidence, names: pl.Series) -> Verdict:
    """Each row is a pair of two good images, listed once, with a known relation; `counts` are those of the rows."""
    rows = evidence.rows
    known = rows["a"].is_in(names.implode()) & rows["b"].is_in(names.implode())
    problems = {
        "whose first name is not before the second": rows.filter(pl.col("a") >= pl.col("b")).height,
        "listed twice": rows.height - rows.select("a", "b").n_unique(),
        "with an image that has no vector": int((~known).sum()),
        "with an unknown relation": rows.filter(~pl.col("relation").is_in(_FOUND)).height,
    }
    of_rows = dict(rows.group_by("relation").len().iter_rows())
    wrong = [each for each in _FOUND if evidence.counts.get(each, 0) != of_rows.get(each, 0)]
    said = [f"{count} pairs {what}" for what, count in problems.items() if count]
    said += [f"counts differ from the rows: {', '.join(wrong)}"] * bool(wrong)
    return Verdict("; ".join(said), {"pairs": rows.height})


def check_groups(groups: Groups) -> Verdict:
    """Each image is in one group; each group has one kept image, which it names in every row, and at least one copy."""
    rows = groups.rows
    of_group = rows.group_by("group_id").agg(
        kept=(pl.col("role") == Role.KEEP.value).sum(),
        named=pl.col("keep").n_unique(),
        images=pl.len(),
        keeps_itself=((pl.col("role") == Role.KEEP.value) & (pl.col("filename") == pl.col("keep"))).sum(),
    )
    roles = rows.filter(~pl.col("role").is_in([each.value for each in Role])).height
    problems = {
        "images are in several groups": rows.height - rows["filename"].n_unique(),
        "images have no known role": roles,
        "groups do not have exactly one kept image": of_group.filter(
            (pl.col("kept") != 1) | (pl.col("keeps_itself") != 1) | (pl.col("named") != 1)
        ).height,
        "groups have a single image": of_group.filter(pl.col("images") < 2).height,  # noqa: PLR2004 - two make a group
        "groups have no id of the documented form": sum(not _GROUP_ID.fullmatch(each) for each in of_group["group_id"]),
    }
    said = "; ".join(f"{count} {what}" for what, count in problems.items() if count)
    return Verdict(said, {"groups": of_group.height, "images": rows.height})


def check_members(groups: Groups, evidence: Evidence) -> Verdict:
    """Each image beside the kept one is itself a copy of it, by a row of the evidence, or a person says so.

    A row about files with the same bytes or pixels as these two counts as one about these two: the evidence lists the
    pairs of one kept image, and people or roots may keep another one of the group. What verdicts ask for is compared
    with the groups.
    """
    evidence = evidence.with_rows(groups.compared)
    members = groups.rows.filter(pl.col("role") != Role.KEEP.value)
    copies = members.filter(pl.col("relation") != Relation.SAME.value)
    same = evidence.rows.filter(pl.col("relation").is_in(_SAME_PICTURE)).select("a", "b", found="relation")
    pairs = copies.with_columns(a=pl.min_horizontal("filename", "keep"), b=pl.max_horizontal("filename", "keep"))
    joined = pairs.join(same, on=["a", "b"], how="left")
    if joined["found"].null_count():
        joined = joined.with_columns(found=pl.coalesce("found", _found_of_twins(joined, same)))
    alone = joined.filter(pl.col("found").is_null()).height
    other = joined.filter(pl.col("found") != pl.col("relation")).height
    said = [f"{alone} images are in a group without evidence that they are copies of the kept one"] * bool(alone)
    said += [f"{other} images have another relation than their evidence"] * bool(other)
    return Verdict("; ".join(said), {"copies": copies.height, "said_by_verdicts": members.height - copies.height})


def _found_of_twins(pairs: pl.DataFrame, same: pl.DataFrame) -> pl.Series:
    """The relation of each pair by rows about files with the same bytes or pixels; null where there is none."""
    names = pl.concat([same["a"], same["b"], pairs["a"], pairs["b"]]).unique().sort()
    number = pl.DataFrame({"name": names, "number": np.arange(len(names))})

    def numbered(column: pl.Series) -> NDArray[np.int64]:
        found = pl.DataFrame({"name": column}).join(number, on="name", how="left", maintain_order="left")
        return found["number"].to_numpy().astype(np.int64)

    is_twin = same["found"].is_in([Relation.EXACT.value, Relation.PIXELS.value]).to_numpy()
    a, b = numbered(same["a"]), numbered(same["b"])
    label = join(len(names), a[is_twin], b[is_twin])
    copies = {tuple(sorted(pair)) for pair in zip(label[a[~is_twin]], label[b[~is_twin]], strict=True)}
    one, other = label[numbered(pairs["a"])], label[numbered(pairs["b"])]
    found = [
        relation if x == y else Relation.COPY.value if tuple(sorted((x, y))) in copies else None
        for x, y, relation in zip(one, other, pairs["relation"], strict=True)
    ]
    return pl.Series("found", found, pl.String)


def check_labels(groups: Groups) -> Verdict:
    """The labelled images of each group have one label."""
    differing = len(groups.labels) if groups.labels else 0
    said = f"{differing} groups have images with different labels, see label_conflicts.csv" if differing else ""
    return Verdict(said, {"groups": differing})


def check_verdicts(groups: Groups) -> Verdict:
    """Every verdict about these images is honoured: none contradicts a newer one, and every row can be used."""
    conflicts = groups.decided.conflicts if groups.decided else ()
    named = [
        f"line {each.line}: {each.verdict_id} {each.problem}".replace("  ", " ") for each in conflicts[:_MOST_NAMED]
    ]
    named += [f"{len(conflicts) - _MOST_NAMED} more"] * (len(conflicts) > _MOST_NAMED)
    said = (
        f"{len(conflicts)} verdicts are not honoured, see verdict_conflicts.csv: {'; '.join(named)}"
        if conflicts
        else ""
    )
    return Verdict(said, {"conflicts": len(conflicts)})
