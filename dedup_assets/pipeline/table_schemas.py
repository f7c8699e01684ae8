"""The columns of each asset that is a table, as Dagster's catalog shows them and as other assets read them."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.plan_records import Plan
from dedup_assets.engine.core.records import BadImages, Components, FeatureStream, Manifest, Pairs, Similarity
from dedup_assets.engine.core.set_records import Leaks

_MEANINGS = {
    "filename": "name of the image, as it was listed",
    "size_bytes": "size of the file; -1 if it is not known before it is read",
    "error_code": "kind of the problem",
    "error": "the problem in words",
    "from": "name of the image",
    "to": "name of the image that resembles it",
    "distance": "similarity, 1 is identical",
    "similarity": "of the embeddings, 1 is identical",
    "component_id": "images of one component are joined by similarities, also through others",
    "group_id": "images of one group are one picture",
    "role": "keep, copy, review or protected",
    "keep": "name of the image that is kept",
    "relation": "why two images match: exact, pixels, copy; or variant, unverified",
    "kind": "what was done to the copy",
    "a": "name of the image",
    "b": "name of the other image",
    "vector": "embedding, as the model gave it",
}


def schema_of(value: object) -> dict[str, Any]:
    """`dagster/column_schema` of a value as metadata; none if the value is no table."""
    schema = _columns(value)
    if schema is None:
        return {}
    columns = [
        dg.TableColumn(name, _kind(kind), description=_MEANINGS.get(name)) for name, kind in dict(schema).items()
    ]
    return {"dagster/column_schema": dg.TableSchema(columns)}


def _columns(value: object) -> Mapping[str, Any] | None:
    match value:
        case Manifest():
            return value.images.schema
        case FeatureStream():
            return {"filename": pl.String, "vector": pl.Array(pl.Float32, value.dimension)}
        case Similarity():
            return value.pairs.rows.schema
        case Components():  # read with names, see `loading`
            first, *others = value.images.schema.items()
            return dict([first, ("filename", pl.String), *others])
        case BadImages() | Pairs() | Evidence() | Groups() | Plan() | Leaks():
            return value.rows.schema
    return None


def _kind(kind: Any) -> str:  # noqa: ANN401 - a type of polars
    """The type as others read it: names are text, unless one of them is not UTF-8."""
    return str(kind).replace("Binary", "String")
