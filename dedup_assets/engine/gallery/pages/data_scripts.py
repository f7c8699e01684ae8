r"""The results as scripts that the pages load: `dedup.add(KIND, {column: values})`, some thousand rows a script.

A page opened from a disk may not read data files, but it may load scripts. They hold data alone, in ASCII: a name of
any bytes is a JSON string in which each byte that is no UTF-8 stands as `\udcXX`, as Python's surrogateescape has it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from dedup_assets.engine.core.records import BadImages
from dedup_assets.engine.gallery.pages.bad_images import count_codes
from dedup_assets.engine.gallery.pages.catalog import Catalog, split_names
from dedup_assets.engine.gallery.pages.keeping import choose, choose_of_pairs

_ROWS = 20_000
_SCORE_UNIT = 1_000_000  # similarities have six decimals
_SIDE_UNIT = 8  # above the number of reasons
_UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})  # even if a page had it inline

Scripts = Iterator[tuple[str, bytes]]
"""Kind and content of each script, in the order in which a page must load those of a kind."""


def write_facts(**facts: object) -> Scripts:
    """What holds for all pages, as `dedup.facts`."""
    yield "facts", f"dedup.facts = {_encode(facts)};\n".encode("ascii")


def write_catalog(catalog: Catalog, facts: pl.DataFrame, *, suggest: bool = True) -> Scripts:
    """Files, pairs, outliers and components.

    Args:
        catalog: the tables.
        facts: a row for each file, as `pictures.tabulate` gives them.
        suggest: say of each pair which of the two to keep.
    """
    group_of = catalog.members.select("file", "group").unique("file", keep="first")
    numbered = pl.DataFrame({"file": pl.int_range(facts.height, dtype=pl.UInt32, eager=True)})
    groups = numbered.join(group_of, on="file", how="left", maintain_order="left")["group"]
    yield from _write_files(catalog, facts.with_columns(group=groups))
    pairs = _scored(catalog.pairs)
    if suggest:
        chosen = choose_of_pairs(catalog.pairs, facts)
        pairs = pairs.with_columns(kept=chosen["side"].cast(pl.Int64) * _SIDE_UNIT + chosen["reason"])
    yield from _write("pairs", pairs)
    yield from _write("outliers", _scored(catalog.outliers))
    if catalog.components.height:
        table = catalog.components.select(
            "component_id", "count", *(_score(name).alias(name) for name in ("mean", "min", "max"))
        )
        table = table.hstack(choose(catalog.members, facts).select("keep", "reason", "freed"))
        yield from _write("components", table)
        yield from _write("members", catalog.members.select("file"))


def write_bad_images(bad: BadImages) -> Scripts:
    """The bad images, and their codes, the most frequent first."""
    codes = [shown.code for shown in count_codes(bad)]
    yield "codes", _call("codes", {"code": codes})
    number = {code: place for place, code in enumerate(codes)}
    for part in _parts(bad.rows):
        places, bases, folders = split_names(part["filename"])
        sizes = [None if size is None or size < 0 else size for size in part["filesize"]]
        columns: dict[str, Sequence[object]] = {
            "folder": places,
            "base": bases,
            "size": sizes,
            "code": [number[code] for code in part["error_code"]],
            "reason": part["error"].to_list(),
        }
        yield "bad", _call("bad", columns, folders)


def _write_files(catalog: Catalog, facts: pl.DataFrame) -> Scripts:
    for part, names in zip(_parts(facts), _parts(catalog.names.to_frame()), strict=True):
        places, bases, folders = split_names(names["name"])
        columns: dict[str, Sequence[object]] = {"folder": places, "base": bases}
        known = part.with_columns(pl.col("thumbnail").cast(pl.Int8))
        columns |= {name: known[name].to_list() for name in known.columns if known[name].null_count() < known.height}
        yield "files", _call("files", columns, folders)


def _write(kind: str, table: pl.DataFrame) -> Scripts:
    for part in _parts(table):
        yield kind, _call(kind, {name: part[name].to_list() for name in part.columns})


def _parts(table: pl.DataFrame) -> Iterator[pl.DataFrame]:
    return iter(table.iter_slices(_ROWS)) if table.height else iter(())


def _scored(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.select("a", "b", similarity=_score("similarity"))


def _score(column: str) -> pl.Expr:
    return (pl.col(column) * _SCORE_UNIT).round().cast(pl.Int64)


def _call(kind: str, columns: Mapping[str, Sequence[object]], folders: Sequence[str] = ()) -> bytes:
    named = f", {_encode(folders)}" if folders else ""
    return f'dedup.add("{kind}", {_encode(columns)}{named});\n'.encode("ascii")


def _encode(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).translate(_UNSAFE)
