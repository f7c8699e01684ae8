"""What the rows of a table hold beside their images: labels, captions, boxes, and so on, as JSON can hold it.

A label of Hugging Face's `ClassLabel` is a number there; its name is given beside it, as `COLUMN_name`.
"""

import json
import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from dedup_assets.engine.inputs.containers.image_columns import image_columns
from dedup_assets.engine.inputs.containers.tables import open_table, row_of

if TYPE_CHECKING:
    import pyarrow as pa

_NAMED = "_name"


class TableRows:
    """The rows of a table without its images. They are read forwards; an earlier one is read from its part's start.

    Args:
        name: path or URL of the file.

    Attributes:
        left_out: names of the columns that JSON cannot hold, because they are of bytes, but for the images; sorted.
        labels: the names of the classes of each column of labels.

    Raises:
        Exception: it is no such table, or cannot be read.
    """

    def __init__(self, name: bytes) -> None:
        self._table = open_table(name)
        first = next(self._table.read(0, self._table.schema.names), None) if self._table.firsts else None
        images = {
            column.name
            for column in image_columns(self._table.schema, lambda names: first.select(names) if first else None)
        }
        others = [field for field in self._table.schema if field.name not in images]
        self.left_out = sorted(field.name for field in others if _has_bytes(field.type))
        self._columns = [field.name for field in others if field.name not in self.left_out]
        self.labels = _labels(self._table.schema.metadata or {})
        self._part, self._first = -1, 0
        self._rows: Iterator[pa.RecordBatch] = iter(())
        self._held: pa.RecordBatch | None = None

    def beside(self, place: int) -> dict[str, Any]:
        """What the row of an image holds beside it, by the names of the columns.

        Args:
            place: of the image, as it was listed.

        Raises:
            IndexError: the table has no such row now.
            Exception: it cannot be read.
        """
        if not self._columns:
            return {}
        values = self._row(row_of(place))
        named = {
            f"{name}{_NAMED}": _named(values[name], texts) for name, texts in self.labels.items() if name in values
        }
        return {name: _plain(value) for name, value in values.items()} | {
            name: value for name, value in named.items() if name not in values
        }

    def _row(self, row: int) -> dict[str, Any]:
        part = bisect_right(self._table.firsts, row) - 1
        if self._held is None or part != self._part or row < self._first:
            self._part, self._rows = part, iter(self._table.read(part, self._columns))
            self._first, self._held = self._table.firsts[part], next(self._rows, None)
        while self._held is not None and row >= self._first + self._held.num_rows:
            self._first += self._held.num_rows
            self._held = next(self._rows, None)
        if self._held is None:
            raise IndexError(row)
        return {name: self._held.column(name)[row - self._first].as_py() for name in self._columns}


def _has_bytes(kind: "pa.DataType") -> bool:
    import pyarrow.types as kinds

    if kinds.is_binary(kind) or kinds.is_large_binary(kind) or kinds.is_binary_view(kind):
        return True
    if kinds.is_fixed_size_binary(kind):
        return True
    return any(_has_bytes(kind.field(index).type) for index in range(kind.num_fields))


def _labels(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """The names of the classes of each column of labels."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {
            name: [str(text) for text in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and isinstance(feature["names"], list)
        }
    except (KeyError, TypeError, ValueError, AttributeError):  # another program's, or none
        return {}


def _named(number: object, names: list[str]) -> str | None:
    return names[number] if isinstance(number, int) and 0 <= number < len(names) else None


def _plain(value: Any) -> Any:  # noqa: ANN401 - a value of any type of Arrow
    """A value as JSON can hold it; numbers that are none become null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)
