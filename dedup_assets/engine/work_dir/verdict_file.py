"""The file of verdicts: rows are only ever added, each addition whole or not at all, by one process at a time.

The file is replaced by one with more rows, under a lock of its own: a lock of the system on local disks, an object
that is created on condition on stores (`leases`). So readers need no lock, and a crash leaves the former file. The file
is none of a run: runs read it, and people may add to it meanwhile.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from dedup_assets.engine.core.csv_records import NOT_CSV, read_records
from dedup_assets.engine.core.errors import SettingsError, WorkDirError
from dedup_assets.engine.core.verdict_records import COLUMNS, VERDICTS, BadVerdict, Decision, GivenVerdict, Verdicts
from dedup_assets.engine.work_dir.csv_rows import field
from dedup_assets.engine.work_dir.holding import hold_beneath
from dedup_assets.engine.work_dir.place import Place

_HEADER = ",".join(COLUMNS).encode()
_MARK = b"\xef\xbb\xbf"  # spreadsheets write it before the first column
_CONTENT = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_NAMES = {"a_name", "b_name"}


class VerdictFile:
    """A file of verdicts; it need not exist.

    Args:
        path: path or URL of the file. A link is followed, so that the file itself grows.

    Attributes:
        place: its folder.
        name: its name there.
        path: full path or URL.

    Raises:
        WorkDirError: the folder cannot be opened.
    """

    def __init__(self, path: str) -> None:
        is_local = "://" not in path
        path = os.path.realpath(path) if is_local else path
        folder, _, self.name = path.rpartition("/")
        self.place = Place(folder or "/")
        self.path = self.place.path(self.name)

    @classmethod
    def of(cls, verdicts: str, work_dir: str) -> "VerdictFile":
        """The file that the settings `verdicts` and `work_dir` name."""
        return cls(verdicts or f"{work_dir.rstrip('/') or '/'}/{VERDICTS}")

    def read(self) -> Verdicts:
        """All rows; those that cannot be used by line.

        Raises:
            WorkDirError: it cannot be read, or is not a file of verdicts.
        """
        content = self.place.read_placed(self.name)
        if content is None:
            return Verdicts(place=self.path)
        given, bad = self._parse(content)
        return Verdicts(given, bad, hashlib.sha256(content).hexdigest(), self.path)

    def add(self, rows: Callable[[Verdicts], Sequence[GivenVerdict]]) -> list[GivenVerdict]:
        """Add rows, all or none, safely beside other processes.

        Each row without a time is newer than all rows before it, also if the clock of another machine is ahead.

        Args:
            rows: gives the rows, after a look at the file as it is while nobody else can add to it.

        Returns:
            What was added, with ids and times.

        Raises:
            WorkDirError: it cannot be written, or is not a file of verdicts; then it stays as it is.
        """
        self.read()  # so that nothing is made beside a file of others
        with hold_beneath(self.place, f".{self.name}.lock", uuid4().hex) as lock:
            content = self.place.read_placed(self.name) or b""
            given, bad = self._parse(content) if content else ([], [])
            wanted = rows(Verdicts(given, bad, "", self.path))
            added = list(dated(wanted, given))
            if added:
                start = content or _HEADER + b"\n"
                end = b"" if start.endswith(b"\n") else b"\n"
                lock.check()
                self.place.write_placed(self.name, start + end + b"".join(map(_line, added)))
            lock.forget_former_epochs()
        return added

    def _parse(self, content: bytes) -> tuple[list[GivenVerdict], list[BadVerdict]]:
        # latin-1 maps each byte to one character and back: the parser sees text, the names stay bytes.
        text = content.removeprefix(_MARK).decode("latin-1")
        rows = _rows(text)
        _, header = next(rows, (1, []))
        if header != list(COLUMNS):
            shown = ",".join(header) if isinstance(header, list) else str(header)
            raise WorkDirError(
                f"{self.path!r} is not a file of verdicts: its first line is {shown[:200]!r}, not "
                f"{','.join(COLUMNS)!r}; nothing is read from it or added to it"
            )
        good, bad = [], []
        for line, row in rows:
            try:
                good.append(_verdict(row, line))
            except ValueError as problem:
                bad.append(BadVerdict(line, str(problem)))
        return _without_repeated(good, bad)


def _rows(text: str) -> Iterator[tuple[int, list[str] | ValueError]]:
    """The rows that are not empty, with the line where each begins."""
    for record in read_records(text):
        if record.cells is None:
            yield record.line, ValueError(NOT_CSV)
        elif record.cells:
            yield record.line, record.cells


def read_header(path: str) -> list[str]:
    """The first row of a local CSV file.

    Raises:
        SettingsError: it cannot be read.
    """
    _, header = next(_rows(_text(path)), (1, []))
    return header if isinstance(header, list) else []


def read_rows(path: str) -> Iterator[tuple[int, list[bytes] | ValueError]]:
    """The rows after the header of a local CSV file, with the line where each begins; a ValueError says what is wrong.

    Raises:
        SettingsError: it cannot be read.
    """
    rows = _rows(_text(path))
    next(rows, None)
    for line, row in rows:
        yield line, row if isinstance(row, ValueError) else [value.encode("latin-1") for value in row]


def _text(path: str) -> str:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise SettingsError(f"{path!r} cannot be read: {error.strerror or error}") from None
    return content.removeprefix(_MARK).decode("latin-1")


def _verdict(row: list[str] | ValueError, line: int) -> GivenVerdict:
    """A row as a verdict. Raises ValueError that says what is wrong."""
    if isinstance(row, ValueError):
        raise row
    if len(row) != len(COLUMNS):
        raise ValueError(f"{len(row)} fields, expected {len(COLUMNS)}")
    values: dict[str, Any] = {}
    for name, value in zip(COLUMNS, row, strict=True):
        values[name] = value.encode("latin-1") if name in _NAMES else value.encode("latin-1").decode("utf-8", "replace")
    return checked(GivenVerdict(**values, line=line))


def checked(verdict: GivenVerdict) -> GivenVerdict:
    """The verdict itself, if it can be used.

    Raises:
        ValueError: it cannot; the message says why.
    """
    if not verdict.verdict_id:
        raise ValueError("no verdict_id")
    if not _is_time(verdict.time):
        raise ValueError(f"time {verdict.time!r} is not UTC as 2026-01-31T23:59:59Z")
    if verdict.revokes:
        return verdict
    allowed = [decision.value for decision in Decision]
    if verdict.relation not in allowed:
        raise ValueError(f"relation {verdict.relation!r} is not one of {', '.join(allowed)}")
    is_of_pair = Decision(verdict.relation).is_of_pair
    for side, content in (("a", verdict.a_content), *([("b", verdict.b_content)] if is_of_pair else [])):
        if not _CONTENT.fullmatch(content):
            raise ValueError(f"{side}_content {content!r} is not a SHA-256 of 64 hex digits")
    if is_of_pair and verdict.a_content == verdict.b_content:
        raise ValueError("a and b have the same bytes")
    if not is_of_pair and verdict.b_content:
        raise ValueError(f"{verdict.relation} is about one image, and there is a b_content")
    return verdict


def _without_repeated(given: list[GivenVerdict], bad: list[BadVerdict]) -> tuple[list[GivenVerdict], list[BadVerdict]]:
    """Leave out rows whose id an earlier row has, and revocations of ids that there are not."""
    first: dict[str, GivenVerdict] = {}
    for row in given:
        first.setdefault(row.verdict_id, row)
    for row in given:
        if first[row.verdict_id] is not row:
            bad.append(BadVerdict(row.line, f"{row.verdict_id} is the id of line {first[row.verdict_id].line} too"))
        elif row.revokes and row.revokes not in first:
            bad.append(BadVerdict(row.line, f"revokes {row.revokes!r}, which is no verdict of this file"))
    wrong = {each.line for each in bad}
    return [row for row in given if row.line not in wrong], sorted(bad, key=lambda each: each.line)


def dated(rows: Iterable[GivenVerdict], given: Iterable[GivenVerdict]) -> Iterator[GivenVerdict]:
    """Rows with ids and times: each that has no time is newer than the given ones and the rows before it.

    Raises:
        ValueError: a row cannot be used.
    """
    newest = max((_moment(row.time) for row in given), default=datetime.min.replace(tzinfo=UTC))
    for row in rows:
        verdict_id, time = row.verdict_id or f"v-{uuid4().hex[:12]}", row.time
        if not time:
            newest = max(datetime.now(UTC), newest + timedelta(microseconds=1))
            time = newest.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        yield checked(replace(row, verdict_id=verdict_id, time=time, line=0))


def _is_time(text: str) -> bool:
    try:
        return bool(_TIME.fullmatch(text) and _moment(text))
    except ValueError:
        return False


def _moment(time: str) -> datetime:
    return datetime.fromisoformat(time.replace("Z", "+00:00"))


def _line(row: GivenVerdict) -> bytes:
    values = (getattr(row, name) for name in COLUMNS)
    texts = (value if isinstance(value, bytes) else value.encode("utf-8", "replace") for value in values)
    return b",".join(map(field, texts)) + b"\n"
