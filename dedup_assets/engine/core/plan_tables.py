"""The columns of a plan; `plan_records` says what they mean."""

import polars as pl

PLAN_SCHEMA = pl.Schema(
    {
        **{"group_id": pl.String, "filename": pl.Binary, "content": pl.String, "bytes": pl.Int64, "action": pl.String},
        **{"keep": pl.Binary, "keep_content": pl.String, "similarity": pl.Float64, "relation": pl.String},
        **{"kind": pl.String, "reason": pl.String},
    }
)
