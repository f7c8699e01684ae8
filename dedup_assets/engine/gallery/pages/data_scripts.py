r"""The results as scripts that the pages load: `results.add(KIND, {column: values})`, thousands of rows per script.

A browser does not let a page that was opened from a disk read data files, but such a page may load scripts. These hold
only data, in ASCII. A name is a JSON string without credentials; each byte that is not UTF-8 is `\udcXX`, as in
Python's surrogateescape.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from dedup_assets.engine.core.records import BadImages
from dedup_assets.engine.core.redaction import redacted
from dedup_assets.engine.gallery.pages.aligning import UNITS
from dedup_assets.engine.gallery.pages.bad_images import list_codes
from dedup_assets.engine.gallery.pages.findings import WORDS, number_relations
from dedup_assets.engine.gallery.pages.grouping import NumberedGroups, count_pictures
from dedup_assets.engine.gallery.pages.keeping import Reason, choose, choose_of_pairs, find_removable
from dedup_assets.engine.gallery.pages.numbering import NumberedResults, split_names
from dedup_assets.engine.gallery.pages.quantities import BAND_FLOORS, Band

_ROWS = 20_000
_SCORE_UNIT = 1_000_000  # similarities have six decimals
_UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})  # harmless even inside a page

Scripts = Iterator[tuple[str, bytes]]
"""Kind and content of each script. A page must load the scripts of one kind in this order."""


def write_facts(**facts: object) -> Scripts:
    """The script that sets `results.facts`: facts for all pages, and the words that scripts share with Python.

    Args:
        facts: facts of this gallery.
    """
    words = {
        "reasons": [reason.words for reason in Reason],
        "bands": [[round(floor * _SCORE_UNIT), band] for floor, band in BAND_FLOORS],
        "lowest_band": Band.LESS_SIMILAR,
        "units": UNITS,
        "relations": [[relation, word] for relation, word in WORDS.items()],
    }
    yield "facts", f"results.facts = {_encode(facts | words)};\n".encode("ascii")


def write_results(
    numbered: NumberedResults, facts: pl.DataFrame, *, suggest: bool = True, decided: pl.DataFrame | None = None
) -> Scripts:
    """The scripts with files, pairs, outliers, components and groups.

    Args:
        numbered: the tables.
        facts: a row for each file, as `shown_files.tabulate` gives them.
        suggest: add to each pair which of the two to keep.
        decided: a row for each file, as `keeping.follow_groups` gives them: groups alone then say what to keep.
    """
    group_of = numbered.members.select("file", "group").unique("file", keep="first")
    files = pl.DataFrame({"file": pl.int_range(facts.height, dtype=pl.UInt32, eager=True)})
    groups = files.join(group_of, on="file", how="left", maintain_order="left")["group"]
    removable = find_removable(facts).cast(pl.Int8)
    known = facts.with_columns(group=groups, removable=removable)
    if decided is not None:
        known = known.with_columns(decided["kept"], suggested=_flag(decided["suggested"]))
    if numbered.groups is not None:
        words, reason = _reasons(files, numbered.groups)
        known = known.with_columns(reason)
        yield from _write("reasons", words)
    yield from _write_files(numbered, known)
    pairs = _scored(numbered.pairs)
    if suggest and decided is None:
        chosen = choose_of_pairs(numbered.pairs, facts)
        pairs = pairs.hstack(chosen.with_columns(pl.col("remove").cast(pl.Int8)))
    yield from _write("pairs", pairs)
    yield from _write("outliers", _scored(numbered.outliers))
    if numbered.components.height:
        yield from _write_components(numbered, facts, decided)
    if numbered.groups is not None and decided is not None:
        yield from _write_groups(numbered.groups, facts, decided)


def _write_components(numbered: NumberedResults, facts: pl.DataFrame, decided: pl.DataFrame | None) -> Scripts:
    table = numbered.components.select(
        "component_id", "count", *(_score(name).alias(name) for name in ("mean", "min", "max"))
    )
    if decided is None:
        table = table.hstack(choose(numbered.members, facts).select("keep", "reason", "freed"))
    else:
        table = table.hstack(count_pictures(numbered.members, decided, facts))
    yield from _write("components", table)
    yield from _write("members", numbered.members.select("file", *_folded(numbered.members)))


def _write_groups(numbered: NumberedGroups, facts: pl.DataFrame, decided: pl.DataFrame) -> Scripts:
    """The scripts with groups; the rows of their copies and of what is related follow one another."""
    copied = numbered.copies["file"]
    sizes = numbered.copies.select("group", size=facts["size_bytes"].gather(copied))
    sums = sizes.filter(decided["suggested"].gather(copied)).group_by("group").agg(freed=pl.col("size").sum())
    groups = numbered.groups.drop("reason").with_row_index("group")
    groups = groups.join(sums, on="group", how="left", maintain_order="left").drop("group")
    yield from _write("groups", groups.with_columns(pl.col("freed").fill_null(0)))
    laid = [name for name in ("align", "changed") if name in numbered.copies.columns]
    copies = numbered.copies.select("file", "similarity", "relation", "kind", *laid, *_folded(numbered.copies))
    yield from _write("copies", number_relations(copies).with_columns(_score("similarity")))
    related = number_relations(numbered.related).with_columns(_score("similarity"))
    yield from _write("related", related.drop("group"))


def _folded(rows: pl.DataFrame) -> list[str]:
    """The column of folded frames, where there are some."""
    return ["frames"] if rows["frames"].count() else []


def _reasons(files: pl.DataFrame, groups: NumberedGroups) -> tuple[pl.DataFrame, pl.Series]:
    """The reasons in `words`, each once; and for each file of a group the row of its own, as the column `reason`."""
    said = pl.concat([groups.groups.select("reason", file="keep"), groups.copies.select("reason", "file")])
    words = said.select(words="reason").drop_nulls().unique().sort("words").with_row_index("reason")
    numbers = said.join(words, left_on="reason", right_on="words", suffix="_row").select("file", reason="reason_row")
    shown = words.select(words=pl.Series([redacted(why) for why in words["words"]], dtype=pl.String))
    return shown, files.join(numbers, on="file", how="left", maintain_order="left")["reason"]


def _flag(values: pl.Series) -> pl.Series:
    """1 for true, null for false, so that a column without true values is left out."""
    return pl.select(pl.when(values).then(pl.lit(1, pl.Int8))).to_series()


def write_bad_images(bad: BadImages) -> Scripts:
    """The scripts with the bad images and their codes, the most frequent code first."""
    codes = [shown.code for shown in list_codes(bad)]
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
            "reason": [reason and redacted(reason) for reason in part["error"]],
        }
        yield "bad", _call("bad", columns, folders)


def _write_files(numbered: NumberedResults, facts: pl.DataFrame) -> Scripts:
    for part, names in zip(_parts(facts), _parts(numbered.names.to_frame()), strict=True):
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
    proven = [name for name in ("relation", "kind", "align", "changed") if name in pairs.columns]
    folds = ["fold"] if "fold" in pairs.columns and pairs["fold"].count() else []
    table = pairs.select("a", "b", *proven, *folds, similarity=_score("similarity"))
    return number_relations(table) if proven else table


def _score(column: str) -> pl.Expr:
    return (pl.col(column) * _SCORE_UNIT).round().cast(pl.Int64)


def _call(kind: str, columns: Mapping[str, Sequence[object]], folders: Sequence[str] = ()) -> bytes:
    named = f", {_encode(folders)}" if folders else ""
    return f'results.add("{kind}", {_encode(columns)}{named});\n'.encode("ascii")


def _encode(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).translate(_UNSAFE)
