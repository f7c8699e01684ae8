"""CSV whose names may hold any byte: RFC 4180 quoting, written and read as bytes.

Python's own writer (before 3.13) leaves a lone carriage return unquoted, and text-based libraries refuse names that are
not UTF-8; both lose files. Rows end with a line feed, as fastdup's files do.
"""

import csv
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from dedup_assets.engine.errors import WorkDirError

_SPECIAL = (b'"', b",", b"\n", b"\r")


def field(value: bytes) -> bytes:
    """A field as it stands in a file: quoted only where it must be."""
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
        One tuple a row: the bytes of each named column.

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
