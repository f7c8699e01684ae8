"""Which columns of a table hold images.

Hugging Face's datasets stores the type of each column in the metadata of the table, under `huggingface`; an image is a
struct of `bytes` and `path`. In other tables a column of bytes holds images if the first ones begin as images do. Lists
of images count, too.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from dedup_assets.engine.inputs.kinds import HEAD_BYTES, is_image_head

if TYPE_CHECKING:
    import pyarrow as pa

BYTES, PATH = "bytes", "path"


class ImageColumn(NamedTuple):
    """A column that holds images.

    Attributes:
        name: of the column.
        is_list: whether a cell holds a list of images.
        is_struct: whether an image is a struct of `BYTES` and, maybe, `PATH`; otherwise it is bytes.
    """

    name: str
    is_list: bool
    is_struct: bool


def image_columns(schema: "pa.Schema", first_rows: "Callable[[list[str]], pa.RecordBatch | None]") -> list[ImageColumn]:
    """Find them.

    Args:
        schema: of the table.
        first_rows: the first rows of some columns; None for a table without rows.
    """
    declared = _declared(schema.metadata or {})
    found = {field.name: column for field in schema if (column := _candidate(field)) is not None}
    unknown = [name for name in found if declared.get(name) is None]
    rows = first_rows(unknown) if unknown else None
    return [
        column
        for name, column in found.items()
        if declared.get(name) or (rows is not None and name in unknown and _begin_as_images(column, rows.column(name)))
    ]


def _candidate(field: "pa.Field") -> ImageColumn | None:
    """How a column would hold images; None for one that cannot."""
    import pyarrow.types as kinds

    kind, is_list = field.type, False
    if kinds.is_list(kind) or kinds.is_large_list(kind):
        kind, is_list = kind.value_type, True
    is_struct = kinds.is_struct(kind) and kind.get_field_index(BYTES) >= 0
    content = kind.field(BYTES).type if is_struct else kind
    is_bytes = kinds.is_binary(content) or kinds.is_large_binary(content) or kinds.is_binary_view(content)
    return ImageColumn(field.name, is_list, is_struct) if is_bytes else None


def _declared(metadata: dict[bytes, bytes]) -> dict[str, bool | None]:
    """Whether each column holds images, as Hugging Face's datasets says; None where it says bytes and no more."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {name: _is_image(feature) for name, feature in features.items()}
    except (KeyError, TypeError, ValueError, AttributeError):  # another program's, or none
        return {}


def _is_image(feature: Any) -> bool | None:  # noqa: ANN401 - JSON of another program
    while isinstance(feature, list) or (isinstance(feature, dict) and isinstance(feature.get("feature"), dict)):
        feature = feature[0] if isinstance(feature, list) else feature["feature"]
    kind = feature.get("_type")
    return None if kind == "Value" else kind == "Image"


def _begin_as_images(column: ImageColumn, values: "pa.Array") -> bool:
    cells = values.to_pylist()
    items = [item for cell in cells for item in (cell or [])] if column.is_list else cells
    contents = [(item or {}).get(BYTES) if column.is_struct else item for item in items]
    return any(is_image_head(content[:HEAD_BYTES]) for content in contents if content)
