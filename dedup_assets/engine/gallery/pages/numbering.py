"""The content of a report as tables: files once each; pairs, outliers and components as numbers of files."""

from dataclasses import dataclass

import polars as pl

from dedup_assets.engine.core.records import Components, Pairs
from dedup_assets.engine.gallery.pages.components import select_groups
from dedup_assets.engine.gallery.pages.names import decode_name
from dedup_assets.engine.gallery.pages.pairing import merge_directions


@dataclass(frozen=True)
class NumberedResults:
    """The tables; a file's number is its row in `names`.

    Attributes:
        names: (n,) binary, sorted: the files of all pairs, outliers and components.
        pairs: `a`, `b` (files), `similarity`: each pair once, the most similar first.
        outliers: the same columns: `a` is the outlier, the most isolated first.
        components: `component_id`, `count`, `mean`, `min`, `max`: those with at least two images, largest first.
        members: `group` (row of `components`), `file`: in the order of the features within each component.
    """

    names: pl.Series
    pairs: pl.DataFrame
    outliers: pl.DataFrame
    components: pl.DataFrame
    members: pl.DataFrame


def number_results(pairs: Pairs, outliers: Pairs, components: Components, names: pl.Series) -> NumberedResults:
    """Number the files of a run's results.

    Args:
        pairs: the pairs, as in similarity.csv.
        outliers: the outliers, as in outliers.csv.
        components: the similarity graph.
        names: (m,) binary: the path's bytes of each row of the features; `__id` counts them.
    """
    merged = merge_directions(pairs).rows
    isolated = outliers.rows.sort("distance", maintain_order=True)
    groups = select_groups(components)
    members = pl.DataFrame(schema={"group": pl.UInt32, "name": pl.Binary})
    if groups.height:
        numbered = groups.select("component_id").with_row_index("group")
        ids = components.images.select("__id", "component_id").join(numbered, on="component_id")
        ids = ids.sort("group", "__id")
        members = ids.select("group", name=names.gather(ids["__id"]))
    columns = [merged["from"], merged["to"], isolated["from"], isolated["to"], members["name"]]
    files = pl.concat([column.alias("name") for column in columns]).unique().sort()
    numbers = files.to_frame().with_row_index("file")
    return NumberedResults(
        names=files,
        pairs=_number(merged, numbers),
        outliers=_number(isolated, numbers),
        components=groups if groups.width else pl.DataFrame(),
        members=members.join(numbers, on="name", maintain_order="left").select("group", "file"),
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


def _number(rows: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    left = rows.join(numbers.rename({"name": "from", "file": "a"}), on="from", maintain_order="left")
    both = left.join(numbers.rename({"name": "to", "file": "b"}), on="to", maintain_order="left")
    return both.select("a", "b", similarity="distance")
