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
    "index": "position in the full listing, from 0",
    "filename": "name of the image, as it was listed",
    "size_bytes": "size of the file; -1 if it is not known before it is read",
    "filesize": "size of the file in bytes; -1 if it is unknown",
    "bytes": "size of the file",
    "version": "changes with the content of the file",
    "container": "the archive or video that holds the image; null for a file of its own",
    "place": "where the image is in its container",
    "error_code": "kind of the problem",
    "error": "the problem in words",
    "from": "name of the image",
    "to": "name of the image that resembles it",
    "distance": "similarity, 1 is identical",
    "similarity": "of the embeddings, 1 is identical",
    "__id": "row of the features, from 0",
    "component_id": "images of one component are joined by similarities, also through others",
    "pagerank": "of the image in its component: high for one that many similar images link",
    "degree": "number of similarities that join the image to others",
    "count": "images of the component",
    "mean_distance": "mean similarity inside the component",
    "min_distance": "lowest similarity inside the component",
    "max_distance": "highest similarity inside the component",
    "group_id": "images of one group are one picture",
    "role": "keep, copy, review or protected",
    "keep": "name of the image that is kept",
    "similarity_to_keep": "of the embeddings of the image and the kept one, 1 is identical",
    "relation": "why two images match: exact, pixels, copy; or variant, unverified",
    "kind": "what was done to the copy",
    "reason": "the rule by which the kept image goes before this one; of the kept image, before its closest rival",
    "review": "why a person decides about the image: what the kept one lacks, or may lack",
    "twin": "name of the copy that is kept of those with the same bytes, if the kept image has others",
    "a": "name of the image",
    "b": "name of the other image",
    "transform": "maps pixels of b onto a: a 3 x 3 matrix, row by row",
    "overlap_a": "share of a that b shows, 0 to 1",
    "overlap_b": "share of b that a shows, 0 to 1",
    "residual": "share of the structure in the overlap that differs",
    "inliers": "number of keypoints on which the transform agrees",
    "edited": "which of the two was edited: a or b; empty if unknown",
    "vector": "embedding, as the model gave it",
    "action": "what an apply does with the file",
    "content": "SHA-256 of the file",
    "keep_content": "SHA-256 of the kept file",
    "set_a": "set of a",
    "set_b": "set of b",
    "verified": "whether the two are one picture by their bytes, pixels or a verdict",
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
