"""The columns of named sets and of the leaks between them; `set_records` says what they mean."""

import polars as pl

from dedup_assets.engine.core.set_records import Leaks

MEMBERS_SCHEMA = pl.Schema({"set": pl.String, "name": pl.Binary, "image": pl.Binary})
LEAKS_SCHEMA = pl.Schema(
    {
        **{"set_a": pl.String, "a": pl.Binary, "set_b": pl.String, "b": pl.Binary, "verified": pl.Boolean},
        **{"relation": pl.String, "kind": pl.String, "similarity": pl.Float64},
        **{"role": pl.String, "review": pl.String},
    }
)
MATRIX_SCHEMA = pl.Schema(
    {
        **{"a": pl.String, "b": pl.String, "groups": pl.Int64, "images_of_a": pl.Int64, "images_of_b": pl.Int64},
        **{"share_of_a": pl.Float64, "share_of_b": pl.Float64, "exact": pl.Int64, "copy": pl.Int64},
        **{"review_of_a": pl.Int64, "review_of_b": pl.Int64},
    }
)
FIX_SCHEMA = pl.Schema(
    {
        **{"set": pl.String, "filename": pl.Binary, "action": pl.String, "other_set": pl.String},
        **{"because_of": pl.Binary, "relation": pl.String, "review": pl.String},
    }
)

NO_LEAKS = Leaks(LEAKS_SCHEMA.to_frame(), MATRIX_SCHEMA.to_frame(), FIX_SCHEMA.to_frame(), {}, ())
"""Of a run without sets."""
