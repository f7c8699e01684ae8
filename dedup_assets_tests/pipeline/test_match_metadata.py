"""What the UI shows of leaks: how many images of each set are in which other, as a heat map that no name can break."""

import polars as pl

from dedup_assets.engine.core.set_records import Leaks
from dedup_assets.engine.core.set_tables import FIX_SCHEMA, LEAKS_SCHEMA, MATRIX_SCHEMA
from dedup_assets.pipeline import match_metadata


def test_the_matrix_of_leaks_is_a_table_with_shares_whatever_sets_are_named() -> None:
    sizes, cells = (
        {"a|b": 8, "test": 4},
        [("a|b", "a|b", 0, 0), ("a|b", "test", 2, 2), ("test", "a|b", 4, 1), ("test", "test", 2, 0)],
    )
    rows = [(a, b, n, n, n, n / sizes[a], n / sizes[b], n, 0, review, 0) for a, b, n, review in cells]
    leaks = Leaks(
        rows=pl.DataFrame(schema=LEAKS_SCHEMA),
        matrix=pl.DataFrame(rows, schema=MATRIX_SCHEMA, orient="row"),
        fix=pl.DataFrame(schema=FIX_SCHEMA),
        sizes=sizes,
        evaluation=("test",),
    )
    assert str(match_metadata.of_leaks(leaks)["leak_matrix"].value).splitlines() == [
        "| images of | in a&#124;b | in test |",
        "| --- | --- | --- |",
        "| **a&#124;b** (8) | (0) | ░ 2 (25.0%) (to review) |",
        "| **test** (4) | █ 4 (100.0%) (1 of them to review) | (2) |",
    ]
