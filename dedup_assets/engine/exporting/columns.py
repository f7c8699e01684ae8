"""What a data set in a table says of its images, beside them: the columns that an export carries on."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dedup_assets.engine.core.errors import ExportError
from dedup_assets.engine.core.records import Source
from dedup_assets.engine.exporting.choosing import TABLE_SCHEMA
from dedup_assets.engine.inputs.containers import TableRows
from dedup_assets.engine.inputs.kinds import is_table

_TAKEN = {*TABLE_SCHEMA, "file_name", "source", "id"}
_KINDS = {int: "number", float: "number"}


@dataclass(frozen=True)
class Columns:
    """The columns of the tables that hold images.

    Attributes:
        rows: for each image the values of all columns, null where its table has none; no columns, if no image is in a
            table that has some.
        left_out: columns that no export can hold, because they are of bytes.
    """

    rows: Sequence[dict[str, Any]]
    left_out: Sequence[str] = field(default_factory=list)

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
    found = list(_beside(sources, left_out))
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
    return Columns(rows, sorted(left_out))


def _text(value: Any) -> Any:  # noqa: ANN401 - JSON
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _beside(sources: Sequence[Source], left_out: set[str]) -> Iterator[dict[str, Any]]:
    tables: dict[bytes, TableRows] = {}
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
