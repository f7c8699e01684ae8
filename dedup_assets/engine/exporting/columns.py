"""What a data set in a table says of its images, beside them: the columns that an export carries on."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dedup_assets.engine.core.errors import ExportError
from dedup_assets.engine.core.records import Source
from dedup_assets.engine.exporting.choosing import TABLE_SCHEMA
from dedup_assets.engine.inputs.containers import TableRows
from dedup_assets.engine.inputs.kinds import is_table

_TAKEN = {*TABLE_SCHEMA, "file_name", "source", "id"}
_UNLABELLED = -1  # as Hugging Face has it
_KINDS = {int: "number", float: "number"}


@dataclass(frozen=True)
class Columns:
    """The columns of the tables that hold images.

    Attributes:
        rows: for each image the values of all columns, null where its table has none; no columns, if no image is in a
            table that has some.
        left_out: columns that no export can hold, because they are of bytes.
        labels: the names of the classes of each column of labels, where all tables name them alike and each value
            has one.
    """

    rows: Sequence[dict[str, Any]]
    left_out: Sequence[str] = field(default_factory=list)
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The columns."""
        return list(self.rows[0]) if self.rows else []


def read_columns(sources: Sequence[Source]) -> Columns:
    """Read what tables hold beside their images. A column that has the name of one of ours is `data_NAME`.

    A column that holds values of several kinds in several tables is one of texts, in JSON.

    Args:
        sources: the images.

    Raises:
        ExportError: a table cannot be read, or has changed.
    """
    left_out = set[str]()
    tables: dict[bytes, TableRows] = {}
    found = list(_beside(sources, left_out, tables))
    kinds: dict[str, set[str]] = {}
    for row in found:
        for name, value in row.items():
            kinds.setdefault(name, set()).update(() if value is None else (_KINDS.get(type(value), str(type(value))),))
    as_text = {name for name, each in kinds.items() if len(each) > 1}
    names = {name: f"data_{name}" if name in _TAKEN else name for name in kinds}
    rows = [
        {new: _text(row.get(name)) if name in as_text else row.get(name) for name, new in names.items()}
        for row in found
    ]
    labels = _labels(list(tables.values()), rows, names)
    return Columns(rows, sorted(left_out), labels)


def _labels(
    tables: Sequence[TableRows], rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> dict[str, Sequence[str]]:
    """The names of classes by column, by the new names of columns."""
    found: dict[str, Sequence[str]] = {}
    for column, classes in (tables[0].labels if tables else {}).items():
        new = names.get(column)
        if new is None or any(table.labels.get(column) != classes for table in tables):
            continue
        values = {row[new] for row in rows} - {None}
        if all(type(value) is int and _UNLABELLED <= value < len(classes) for value in values):
            found[new] = classes
    return found


def _text(value: Any) -> Any:  # noqa: ANN401 - JSON
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _beside(sources: Sequence[Source], left_out: set[str], tables: dict[bytes, TableRows]) -> Iterator[dict[str, Any]]:
    for source in sources:
        name = source.container
        if name is None or source.place is None or not is_table(name):
            yield {}
            continue
        try:
            if name not in tables:
                tables[name] = TableRows(name)
                left_out.update(tables[name].left_out)
            yield tables[name].beside(source.place)
        except Exception as error:  # noqa: BLE001 - pyarrow has many
            shown = repr(name.decode("utf-8", "backslashreplace"))
            raise ExportError(
                f"the columns of {shown} cannot be read: {error!r:.200}; run again, then export"
            ) from None
