"""The content of a report as tables: files once each; pairs, outliers, components and groups as numbers of files."""

from dataclasses import dataclass, replace

import polars as pl

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.records import Components, Pairs
from dedup_assets.engine.gallery.pages.components import select_groups
from dedup_assets.engine.gallery.pages.findings import say_edited
from dedup_assets.engine.gallery.pages.frames import fold_members
from dedup_assets.engine.gallery.pages.grouping import NumberedGroups, number_groups
from dedup_assets.engine.gallery.pages.names import decode_name
from dedup_assets.engine.gallery.pages.pairing import fold_frames, frames_last, merge_directions

_NO_SIZES = pl.DataFrame(schema={"filename": pl.Binary, "size_bytes": pl.Int64})
_EVIDENCE = ("relation", "kind", "transform", "residual", "turned")


@dataclass(frozen=True)
class NumberedResults:
    """The tables; a file's number is its row in `names`.

    Attributes:
        names: (n,) binary, sorted: the files of all pairs, outliers, components and groups.
        pairs: `a`, `b` (files), `similarity`, `fold` (of `fold_frames`): each pair once, the most similar first, those
            of frames of one video after all others. With evidence also `relation`, `kind` (with the side that was
            edited), `transform` and `residual` of `Evidence.rows`, null for a pair that it lacks,
            and `turned`: whether its a is the b of the evidence.
        outliers: `a`, `b`, `similarity`: `a` is the outlier, the most isolated first.
        components: `component_id`, `count`, `mean`, `min`, `max`: those with at least two images, largest first.
        members: `group` (row of `components`), `file`, `frames` (as `fold_members` gives it): in the order of the
            features within each component.
        groups: None if the run made none.
    """

    names: pl.Series
    pairs: pl.DataFrame
    outliers: pl.DataFrame
    components: pl.DataFrame
    members: pl.DataFrame
    groups: NumberedGroups | None = None


def number_results(
    pairs: Pairs,
    outliers: Pairs,
    components: Components,
    names: pl.Series,
    *,
    evidence: Evidence | None = None,
    groups: Groups | None = None,
    sizes: pl.DataFrame | None = None,
) -> NumberedResults:
    """Number the files of a run's results.

    Args:
        pairs: the pairs, as in similarity.csv.
        outliers: the outliers, as in outliers.csv.
        components: the similarity graph.
        names: (m,) binary: the path's bytes of each row of the features; `__id` counts them.
        evidence: why images match.
        groups: images that are one picture.
        sizes: `filename` and `size_bytes`, which put groups in order.
    """
    merged = frames_last(merge_directions(pairs)).rows
    isolated = outliers.rows.sort("distance", maintain_order=True)
    largest = select_groups(components)
    members = pl.DataFrame(schema={"group": pl.UInt32, "name": pl.Binary, "frames": pl.String})
    if largest.height:
        numbered = largest.select("component_id").with_row_index("group")
        ids = components.images.select("__id", "component_id").join(numbered, on="component_id")
        ids = ids.sort("group", "__id")
        members = ids.select("group", name=names.gather(ids["__id"]))
        members = members.with_columns(fold_members(members["group"], members["name"]))
    columns = [merged["from"], merged["to"], isolated["from"], isolated["to"], members["name"]]
    if groups is not None:
        columns += [groups.rows["filename"], groups.related["filename"]]
    files = pl.concat([column.alias("name") for column in columns]).unique().sort()
    numbers = files.to_frame().with_row_index("file")
    stars = None
    if groups is not None:
        stars = number_groups(groups, files, _NO_SIZES if sizes is None else sizes)
        stars = stars if evidence is None else _prove_copies(stars, files, evidence)
    paired = _number(merged if evidence is None else _prove(merged, evidence), numbers)
    return NumberedResults(
        names=files,
        pairs=paired.with_columns(fold_frames(merged)),
        outliers=_number(isolated, numbers),
        components=largest if largest.width else pl.DataFrame(),
        members=members.join(numbers, on="name", maintain_order="left").select("group", "file", "frames"),
        groups=stars,
    )


def split_names(names: pl.Series) -> tuple[list[int], list[str], list[str]]:
    """Split sorted names, as they are shown, into folders and base names.

    Returns:
        The number of the folder of each name, the base name of each name, and the folders.
    """
    folders: dict[str, int] = {}
    places, bases = [], []
    for name in names:
        text = decode_name(name)
        cut = text.rfind("/") + 1
        places.append(folders.setdefault(text[:cut], len(folders)))
        bases.append(text[cut:])
    return places, bases, list(folders)


def _prove(pairs: pl.DataFrame, evidence: Evidence) -> pl.DataFrame:
    """Add the columns `_EVIDENCE`; a pair may have its files in the other order than in the evidence."""
    turned = pl.col("from") > pl.col("to")
    ordered = pairs.with_columns(
        turned=turned,
        a=pl.when(turned).then("to").otherwise("from"),
        b=pl.when(turned).then("from").otherwise("to"),
    )
    known = evidence.rows.select("a", "b", "edited", *_EVIDENCE[:-1]).unique(["a", "b"], keep="first")
    joined = ordered.join(known, on=["a", "b"], how="left", maintain_order="left").drop("a", "b")
    return joined.with_columns(say_edited(pl.col("turned")))


def _prove_copies(groups: NumberedGroups, names: pl.Series, evidence: Evidence) -> NumberedGroups:
    """Add to each copy how it lies on the kept file: `transform`, `residual` and `turned`, as of pairs."""
    kept = groups.groups["keep"].gather(groups.copies["group"])
    found = _prove(pl.DataFrame({"from": names.gather(kept), "to": names.gather(groups.copies["file"])}), evidence)
    return replace(groups, copies=groups.copies.hstack(found.select("transform", "residual", "turned")))


def _number(rows: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    left = rows.join(numbers.rename({"name": "from", "file": "a"}), on="from", maintain_order="left")
    both = left.join(numbers.rename({"name": "to", "file": "b"}), on="to", maintain_order="left")
    return both.select("a", "b", *(name for name in _EVIDENCE if name in rows.columns), similarity="distance")
