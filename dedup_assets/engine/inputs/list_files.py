"""List files: a text with one path or URL per row, or a CSV file with a column of them.

A list that holds NUL bytes is split at these, as `find -print0` writes it, so that names with newlines can be listed.
"""

import codecs
import json
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from dedup_assets.engine.core.csv_records import NOT_CSV, Record, read_records
from dedup_assets.engine.core.errors import InputError
from dedup_assets.engine.inputs.kinds import Kind, extension_of, is_image_head, kind_of
from dedup_assets.engine.stores import is_url, open_store, read_object, reason_of

_LOG = logging.getLogger(__name__)
_CONTROL = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f]")  # no text file of paths holds these
_BINARY = (b"PK\x03\x04", b"\x1f\x8b")  # zip, gzip
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
COMMENTS = "comments in a list"
UNNAMED = "rows of a list without a name"
BROKEN = "rows of a list that are no CSV"
_MOST_NAMED = 5  # rows in the log
_COMMENT = b"# "
_HEAD_BYTES = 4096
_MOST_SHOWN = 200  # characters of a header in a message
_NO_NAMES = b"\0\0\0"  # a list split by NUL would have names without a character
_SEPARATORS = {b".csv": ",", b".tsv": "\t"}
_COLUMNS = ("filename", "file_name", "filepath", "file_path", "path", "image", "image_path", "file", "url", "image_url",
            "uri")  # fmt: skip


def is_list_file(name: bytes) -> bool:
    """Whether a name is that of a list: a file that, by its name, is no image and holds none."""
    if kind_of(name) is not Kind.OTHER:
        return False
    if not is_url(name):
        return os.path.isfile(name) and not is_image_head(_head(name))  # noqa: PTH113 - Path.is_file raises
    try:
        filesystem, path = open_store(os.fsdecode(name))
        return bool(filesystem.isfile(path))
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        raise InputError(f"cannot open {os.fsdecode(name)!r}: {reason_of(error)}") from None


def is_text_list(path: bytes) -> bool:
    """Whether a path among several inputs is that of a list: a file with a name of lists, that holds text."""
    if extension_of(path) not in {b".txt", b".list", b".lst", *_SEPARATORS}:
        return False
    return os.path.isfile(path) and not _is_binary(_head(path))  # noqa: PTH113 - Path.is_file raises


def read_rows(name: bytes, left_out: Counter[str] | None = None) -> Iterator[bytes]:
    """The rows of a list: paths and URLs, in its order, without empty ones.

    Args:
        name: path or URL of the list.
        left_out: counts the comments of a text, and the rows of a CSV file that name no image; None where the list was
            read before, so that the log has named rows that are no CSV.

    Raises:
        InputError: it cannot be read, or is no text.
    """
    content = read_content(name)
    if _is_binary(content):
        raise InputError(
            f"input_dir={os.fsdecode(name)!r}: is neither an image by its extension nor a text file with a path per row"
        )
    if _is_json(content):
        columns = ", ".join(_COLUMNS)
        raise InputError(
            f"input_dir={os.fsdecode(name)!r}: is JSON, and a list is a text file with a path per row, or a CSV file "
            f"with one of the columns {columns}"
        )
    separator = _SEPARATORS.get(extension_of(name))
    column = _column(content, separator, left_out, os.fsdecode(name)) if separator else None
    if column is not None:
        return iter(column)
    return (row for row in content.split(b"\0") if row) if b"\0" in content else _lines(content, left_out)


def _is_json(content: bytes) -> bool:
    """Whether a text is JSON, or its first line is."""
    if content.lstrip()[:1] not in {b"{", b"["}:
        return False
    for text in (content.lstrip().splitlines()[0], content):
        with suppress(ValueError, RecursionError):
            return isinstance(json.loads(text), dict | list)
    return False


def _lines(content: bytes, left_out: Counter[str] | None) -> Iterator[bytes]:
    for row in content.splitlines():
        if row.startswith(_COMMENT) and not os.path.lexists(row):
            _count(left_out, COMMENTS)
        elif row.strip():
            yield row


def _count(left_out: Counter[str] | None, reason: str) -> None:
    if left_out is not None:
        left_out[reason] += 1


def read_labelled_rows(name: bytes, column: str, left_out: Counter[str] | None = None) -> Iterator[tuple[bytes, str]]:
    """The rows of a CSV or TSV file with a header, each with its text in another column, if it has one.

    Args:
        name: path or URL of the list.
        column: the header of that column, in any case.
        left_out: as of `read_rows`.

    Raises:
        InputError: it cannot be read, has no header, or lacks the column; the message names those that it has.
    """
    shown = os.fsdecode(name)
    records = read_records(_text(read_content(name)), _SEPARATORS.get(extension_of(name), ","))
    header = next(records, Record(1, [])).cells or []
    named, wanted = _position(header, _COLUMNS), _position(header, [column.strip().lower()])
    if named is None or wanted is None:
        lacking = f"no column {column!r}" if wanted is None else f"no column of names ({', '.join(_COLUMNS)})"
        raise InputError(f"{shown!r} has {lacking}; its header is: {', '.join(header)[:_MOST_SHOWN]}")
    for cells in _whole(records, left_out, shown):
        if len(cells) > max(named, wanted) and cells[named].strip() and cells[wanted].strip():
            yield os.fsencode(cells[named]), cells[wanted].strip()


def _column(content: bytes, separator: str, left_out: Counter[str] | None, shown: str) -> list[bytes] | None:
    """The column of names in a CSV file with a header; None where no column has a name that says so."""
    records = read_records(_text(content), separator)
    named = _position(next(records, Record(1, [])).cells or [], _COLUMNS)
    if named is None:
        return None
    names = []
    for cells in _whole(records, left_out, shown):
        if len(cells) > named and cells[named].strip():
            names.append(os.fsencode(cells[named]))
        elif cells:  # an empty line is no row
            _count(left_out, UNNAMED)
    return names


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _whole(records: Iterator[Record], left_out: Counter[str] | None, shown: str) -> Iterator[list[str]]:
    """The cells of records; those that cannot be read are counted, and the first of them named in the log."""
    for record in records:
        if record.cells is not None:
            yield record.cells
        elif left_out is not None:
            if left_out[BROKEN] < _MOST_NAMED:
                _LOG.warning("%r, line %d is left out: %s", shown, record.line, NOT_CSV)
            left_out[BROKEN] += 1


def _position(header: Sequence[str], names: Sequence[str]) -> int | None:
    """Where the first of these names is in a header; None if none is."""
    known = [cell.strip().lower() for cell in header]
    return next((known.index(name) for name in names if name in known), None)


def read_content(name: bytes) -> bytes:
    """The bytes of a list, without a byte order mark.

    Args:
        name: path or URL of the list.

    Raises:
        InputError: it cannot be read.
    """
    try:
        path = os.fsdecode(name)
        content = read_object(*open_store(path)) if is_url(name) else Path(path).read_bytes()
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        raise InputError(f"cannot read the list {os.fsdecode(name)!r}: {reason_of(error)}") from None
    return _as_utf8(content, os.fsdecode(name))


def _as_utf8(content: bytes, shown: str) -> bytes:
    """A text without its byte order mark; in UTF-8 if it is in UTF-16. Raises InputError."""
    kind = _UTF16.get(content[:2])
    if kind is None and _is_utf16(content):
        raise InputError(f"the list {shown!r} seems to be in UTF-16, without a mark that says so; save it in UTF-8")
    if kind is None:
        return content.removeprefix(codecs.BOM_UTF8)
    try:
        return content[2:].decode(kind).encode("utf-8")
    except UnicodeError as error:
        raise InputError(f"the list {shown!r} begins as UTF-16 and is none: {error}; save it in UTF-8") from None


def _is_utf16(content: bytes) -> bool:
    """Whether a text without a mark is in UTF-16: between most of its NUL bytes is one character."""
    parts = content[:_HEAD_BYTES].split(b"\0")
    return 2 * sum(len(part) == 1 for part in parts) > len(parts)


def _head(path: bytes) -> bytes:
    try:
        with Path(os.fsdecode(path)).open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:  # reading all of it says why
        return b""


def _is_binary(content: bytes) -> bool:
    if _NO_NAMES in content or content.startswith(_BINARY) or is_image_head(content):
        return True
    return b"\0" not in content and bool(_CONTROL.search(content[:_HEAD_BYTES]))
