"""The records of a CSV file that people may have written: one that cannot be read costs itself alone.

The standard library reads a quote that does not close as one field up to the next quote, or up to the end of the file.
Here a record that spans lines must be well-formed (RFC 4180) and as wide as the header. Otherwise its first line is
read alone, and reading goes on with the next line.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

NOT_CSV = "a quote does not close, or a field is too long"
_MOST_LINES, _FEW_LINES = 10_000, 100  # of one record
_MOST_IN_VAIN = 1_000_000  # lines that were read for records that are none, before a record may have few lines only


@dataclass(frozen=True)
class Record:
    """A record of a CSV file.

    Attributes:
        line: number of its first line, from 1.
        cells: its fields; None if they cannot be told apart (`NOT_CSV`).
    """

    line: int
    cells: list[str] | None


def read_records(text: str, separator: str = ",") -> Iterator[Record]:
    """The records of a CSV file in their order, the header first. An empty line is a record without fields.

    Args:
        text: the file, without a byte order mark.
        separator: between fields, one character.
    """
    lines, begun, width, in_vain = list(io.StringIO(text, newline="")), 0, 0, 0
    while begun < len(lines):
        attempt = _Attempt(lines, begun, _MOST_LINES if in_vain < _MOST_IN_VAIN else _FEW_LINES)
        for end, cells in attempt.records(separator):
            if end - begun > 1 and width not in {0, len(cells)}:
                break
            width = width or len(cells)
            yield Record(begun + 1, cells)
            begun = end
        in_vain += attempt.read - begun
        if begun < len(lines):
            yield Record(begun + 1, _alone(lines[begun], separator))
            begun += 1


class _Attempt:
    """Reading well-formed records from a line on.

    Args:
        lines: of the file.
        begun: where the first record begins.
        most: lines of one record.

    Attributes:
        read: lines up to the end of what was read.
    """

    def __init__(self, lines: list[str], begun: int, most: int) -> None:
        self._lines, self._most = lines, most
        self.read = self._end = begun

    def records(self, separator: str) -> Iterator[tuple[int, list[str]]]:
        """The records, each with the number of lines up to its end, up to one that is not well-formed."""
        try:
            for cells in csv.reader(self._feed(), delimiter=separator, strict=True):
                yield self.read, cells
                self._end = self.read
        except csv.Error:
            return

    def _feed(self) -> Iterator[str]:
        while self.read < len(self._lines):
            if self.read - self._end >= self._most:
                raise csv.Error(f"more than {self._most} lines")
            self.read += 1
            yield self._lines[self.read - 1]


def _alone(line: str, separator: str) -> list[str] | None:
    """The fields of a line by itself, as far as its quotes close; else None."""
    try:
        read = list(csv.reader([line, "end"], delimiter=separator))
    except csv.Error:  # a field is too long
        return None
    return read[0] if len(read) > 1 else None
