"""The columns of evidence and groups; `match_records` says what they mean."""

import polars as pl

EVIDENCE_SCHEMA = pl.Schema(
    [
        *(("a", pl.Binary), ("b", pl.Binary), ("similarity", pl.Float64), ("relation", pl.String), ("kind", pl.String)),
        ("transform", pl.List(pl.Float64)),
        *(("overlap_a", pl.Float64), ("overlap_b", pl.Float64), ("residual", pl.Float64), ("inliers", pl.Int64)),
        ("edited", pl.String),
    ]
)
IMAGES_SCHEMA = pl.Schema(
    [
        *(("filename", pl.Binary), ("content", pl.String), ("width", pl.Int64), ("height", pl.Int64)),
        *(("size_bytes", pl.Int64), ("frames", pl.Int64), ("format", pl.String), ("is_lossless", pl.Boolean)),
        *(("jpeg_quality", pl.Int64), ("camera", pl.String), ("taken", pl.String), ("carries", pl.String)),
        ("spectrum", pl.List(pl.Float64)),
    ]
)
FINDINGS_SCHEMA = pl.Schema({"key": pl.Binary, "found": pl.String, "unused": pl.UInt16})
GROUPS_SCHEMA = pl.Schema(
    {
        **{"filename": pl.Binary, "group_id": pl.String, "role": pl.String, "keep": pl.Binary},
        **{"similarity_to_keep": pl.Float64, "relation": pl.String, "kind": pl.String, "reason": pl.String},
        **{"review": pl.String, "twin": pl.Binary},
    }
)
LABEL_CONFLICTS_SCHEMA = pl.Schema(
    {"group_id": pl.String, "filename": pl.Binary, "role": pl.String, "label": pl.String}
)
SETTLED_SCHEMA = pl.Schema({"a": pl.Binary, "b": pl.Binary, "relation": pl.String})
RELATED_SCHEMA = pl.Schema(
    {
        **{"group_id": pl.String, "other_group_id": pl.String, "filename": pl.Binary, "similarity": pl.Float64},
        "relation": pl.String,
    }
)
