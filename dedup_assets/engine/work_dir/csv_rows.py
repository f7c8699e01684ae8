"""CSV whose names may hold any byte: RFC 4180 quoting, written and read as bytes.

Python's own writer (before 3.13) leaves a lone carriage return unquoted, and text-based libraries refuse names that are
not UTF-8; both would lose files. Rows end with a line feed, as in fastdup's files.
"""

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError

_SPECIAL = (b'"', b",", b"\n", b"\r")
_SPECIAL_TEXT = '[",\n\r]'
_ROWS_AT_ONCE = 1 << 16
_BYTES_AT_ONCE = 16 << 20


def field(value: bytes) -> bytes:
    """A field as written to a file: quoted only if necessary."""
    if any(byte in value for byte in _SPECIAL):
        return b'"' + value.replace(b'"', b'""') + b'"'
    return value


def write_rows(file: BinaryIO, header: str, rows: Iterable[bytes]) -> None:
    """Write a header and ready-made rows, each without its line end. An empty header is left out."""
    if header:
        file.write(header.encode() + b"\n")
    for row in rows:
        file.write(row + b"\n")


def read_columns(file: BinaryIO, path: str, *columns: str) -> Iterator[tuple[bytes, ...]]:
    """Read the named columns of a CSV file with a header, whatever other columns it has.

    Args:
        file: open for reading.
        path: for messages.
        columns: names in the header.

    Yields:
        One tuple per row: the bytes of each named column.

    Raises:
        WorkDirError: a column is not in the header, a row has too few fields, or a quote does not end.
    """
    # latin-1 maps each byte to one character and back: the parser sees text, the names stay bytes.
    reader = csv.reader(line.decode("latin-1") for line in file)
    header = next(reader, [])
    missing = [column for column in columns if column not in header]
    if missing:
        raise WorkDirError(f"{path!r} has no column {', '.join(missing)}; its header is {','.join(header)!r}")
    places = [header.index(column) for column in columns]
    try:
        for row in reader:
            if row:
                yield tuple(row[place].encode("latin-1") for place in places)
    except IndexError:
        raise WorkDirError(f"{path!r}, line {reader.line_num}: {len(row)} fields, expected {len(header)}") from None
    except csv.Error as error:
        raise WorkDirError(f"{path!r}, line {reader.line_num}: {error}") from None


def write_pairs(file: BinaryIO, header: str, rows: pl.DataFrame) -> None:
    """Write two columns of names and one of numbers, with 6 decimals, a block of rows at a time."""
    file.write(header.encode() + b"\n")
    left, right, _ = rows.columns
    for part in rows.iter_slices(_ROWS_AT_ONCE):
        if (text := _as_text(part, left, right)) is not None:
            text.write_csv(file, include_header=False, float_precision=6, quote_style="never")
        else:
            write_rows(
                file, "", (b"%b,%b,%.6f" % (field(one), field(other), value) for one, other, value in part.iter_rows())
            )


def write_table(file: BinaryIO, table: pl.DataFrame) -> None:
    """Write a table, a block of rows at a time: similarities and shares with 6 decimals, nothing for null.

    Args:
        file: open for writing.
        table: names (Binary), texts, numbers, and lists of numbers, which are written with blanks between them.
    """
    file.write(",".join(table.columns).encode() + b"\n")
    write_lines(file, table)


def write_lines(file: BinaryIO, table: pl.DataFrame) -> None:
    """As `write_table`, without the line of the columns' names."""
    for part in table.iter_slices(_ROWS_AT_ONCE):
        if (text := _as_fields(part)) is not None:
            text.write_csv(file, include_header=False, float_precision=6, quote_style="never")
        else:
            write_rows(file, "", (b",".join(map(_field_of, row)) for row in part.iter_rows()))


def _as_fields(rows: pl.DataFrame) -> pl.DataFrame | None:
    """The fields of rows as polars writes them without quotes of its own; None where a name is not UTF-8."""
    lists = [_lists_as_text(rows[name]) for name, kind in rows.schema.items() if kind == pl.List]
    texts = [name for name, kind in rows.schema.items() if kind in (pl.Binary, pl.String)]
    try:
        fields = rows.with_columns(*lists, *(pl.col(name).cast(pl.String) for name in texts))
    except pl.exceptions.PolarsError:
        return None
    special = fields.select(pl.col(name).str.contains(_SPECIAL_TEXT).any() for name in texts)
    return fields.with_columns(_quoted(pl.col(name)).alias(name) for name in texts if special[name].item())


def _lists_as_text(column: pl.Series) -> pl.Series:
    return pl.Series(column.name, [None if row is None else _numbers(row) for row in column.to_list()], pl.String)


def _quoted(text: pl.Expr) -> pl.Expr:
    quoted = '"' + text.str.replace_all('"', '""', literal=True) + '"'
    return pl.when(text.str.contains(_SPECIAL_TEXT)).then(quoted).otherwise(text)


def _field_of(value: object) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bytes):
        return field(value)
    if isinstance(value, float):
        return b"%.6f" % value
    return field((_numbers(value) if isinstance(value, list) else str(value)).encode())


def _numbers(values: list[float]) -> str:
    return " ".join(["%.9g"] * len(values)) % tuple(values)


def read_table(file: BinaryIO, path: str, schema: dict[str, Any]) -> pl.DataFrame:
    """Read the named columns of a CSV file: names as binary, texts as strings, numbers as numbers.

    Args:
        file: open for reading, at its start.
        path: for messages.
        schema: columns and their polars types: Binary, String, or a type of numbers.

    Raises:
        WorkDirError: as `read_columns`, or a value in a column of numbers is not a number, or a text is not UTF-8.
    """
    plain = _is_plain(file)
    file.seek(0)
    if plain:
        kinds = {name: pl.String if kind == pl.Binary else kind for name, kind in schema.items()}
        try:
            table = pl.read_csv(file, columns=list(schema), schema_overrides=kinds)
            table = table if table.columns == list(schema) else table.select(list(schema))
        except pl.exceptions.PolarsError:
            table = None
        # Polars gives null for a value that is missing or no number. The slow way reads it, or raises an error.
        is_text = pl.col([name for name, kind in schema.items() if kind == pl.String])
        table = None if table is None else table.with_columns(is_text.fill_null(""))
        if table is not None and not sum(table.null_count().row(0)):
            return table.cast({name: pl.Binary for name, kind in schema.items() if kind == pl.Binary})
        file.seek(0)
    return _read_parts(file, path, schema)


def _read_parts(file: BinaryIO, path: str, schema: dict[str, Any]) -> pl.DataFrame:
    rows = read_columns(file, path, *schema)
    parts = [pl.DataFrame(schema=schema)]
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        columns = zip(*some, strict=True)
        parts.append(
            pl.DataFrame(
                [
                    _column(name, kind, values, path)
                    for (name, kind), values in zip(schema.items(), columns, strict=True)
                ]
            )
        )
    return pl.concat(parts)


def _column(name: str, kind: Any, values: tuple[bytes, ...], path: str) -> pl.Series:  # noqa: ANN401 - a polars type
    if kind == pl.Binary:
        return pl.Series(name, values, dtype=pl.Binary)
    convert: Callable[[bytes], object] = bytes.decode if kind == pl.String else float if kind == pl.Float64 else int
    try:
        return pl.Series(name, [convert(value) for value in values], dtype=kind)
    except ValueError as error:
        raise WorkDirError(f"{path!r}: column {name}: {error}") from None


def _as_text(rows: pl.DataFrame, *names: str) -> pl.DataFrame | None:
    """Binary names as text, if all are UTF-8 and none needs quotes; else None."""
    try:
        text = rows.with_columns(pl.col(names).cast(pl.String))
    except pl.exceptions.PolarsError:
        return None
    special = text.select(pl.any_horizontal(pl.col(names).str.contains(_SPECIAL_TEXT).any())).item()
    return None if special else text


def _is_plain(file: BinaryIO) -> bool:
    """Whether a file is UTF-8 without quotes, carriage returns and NULs, so that every parser reads it alike."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := file.read(_BYTES_AT_ONCE):
            if b'"' in block or b"\r" in block or b"\0" in block:
                return False
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
