"""CSV and JSON lines: names of removed images become those of the kept ones, and lines that are equal then are one."""

import json

from dedup_assets.engine.core.csv_records import NOT_CSV, read_records
from dedup_assets.engine.core.errors import ExportError
from dedup_assets.engine.rewriting.replacing import NotCarried, Replacements
from dedup_assets.engine.work_dir.csv_rows import field


def rewrite_csv(content: bytes, column: str, replacements: Replacements) -> tuple[bytes, list[NotCarried]]:
    """A CSV file with a header, rewritten, and rows whose name fits several images, which stay as they are.

    Raises:
        ExportError: it has no such column, or a row is no CSV.
    """
    # latin-1 maps each byte to one character and back: the parser sees text, the values stay bytes.
    rows = []
    for record in read_records(content.removeprefix(b"\xef\xbb\xbf").decode("latin-1")):
        if record.cells is None:
            raise ExportError(f"line {record.line}: {NOT_CSV}")
        rows.append(record.cells)
    header = [each.encode("latin-1").decode("utf-8", "replace") for each in rows[0]] if rows else []
    if column not in header:
        raise ExportError(f"it has no column {column!r}; its header is {','.join(header)!r:.300}")
    place, seen = header.index(column), set[bytes]()
    lines, unclear = [], list[NotCarried]()
    for number, row in enumerate(rows):
        if not row:
            continue
        values = [value.encode("latin-1") for value in row]
        touched = number and place < len(values)
        if touched:
            given = values[place].decode("utf-8", "surrogateescape")
            values[place] = _named(given, replacements).encode("utf-8", "surrogateescape")
        line = b",".join(map(field, values))
        if touched and (why := replacements.why_unclear(given)):
            unclear.append(NotCarried(given, "", why, line.decode("utf-8", "surrogateescape")))
        key = line if touched and replacements.find(values[place].decode("utf-8", "surrogateescape")) else b""
        if not key or key not in seen:
            lines.append(line)
        seen.add(key)
    return b"".join(line + b"\n" for line in lines), unclear


def rewrite_jsonl(content: bytes, name: str, replacements: Replacements) -> tuple[bytes, list[NotCarried]]:
    """As `rewrite_csv`, of JSON lines. A line without the field stays as it is.

    Raises:
        ExportError: a line is no JSON.
    """
    lines, seen, unclear = [], set[str](), list[NotCarried]()
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ExportError(f"line {number}: no JSON: {error}") from None
        given = found.get(name) if isinstance(found, dict) else None
        if not isinstance(given, str) or replacements.find(given) is None:
            lines.append(line)
            if isinstance(given, str) and (why := replacements.why_unclear(given)):
                unclear.append(NotCarried(given, "", why, line.decode("utf-8", "surrogateescape")))
            continue
        new = _named(given, replacements)
        key = json.dumps({**found, name: new}, sort_keys=True)
        if key not in seen:
            text = json.dumps({**found, name: new}, ensure_ascii=False)
            lines.append(line if new == given else text.encode("utf-8", "surrogateescape"))
        seen.add(key)
    return b"".join(line + b"\n" for line in lines), unclear


def _named(given: str, replacements: Replacements) -> str:
    name = replacements.find(given)
    replacement = replacements.by_name.get(name) if name is not None else None
    return given if name is None or replacement is None else replacements.named_like(replacement.keep, given, name)
