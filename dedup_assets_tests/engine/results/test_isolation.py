"""Images are ranked by their mean similarity to the neighbours that were searched for."""

import polars as pl

from dedup_assets.engine.results.isolation import rank_isolated

NAMES = pl.Series([b"a", b"b", b"c", b"d"], dtype=pl.Binary)


def edges(*rows: tuple[int, int, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"from": pl.UInt32, "to": pl.UInt32, "similarity": pl.Float32}, orient="row")


def test_the_least_similar_to_all_neighbours_comes_first_with_its_nearest_one() -> None:
    found = rank_isolated(
        edges((0, 1, 0.75), (0, 2, 0.75), (1, 0, 0.75), (1, 2, 0.5), (2, 0, 0.75), (2, 1, 0.25)), NAMES, 0.75
    )
    assert found.rows() == [(b"c", b"a", 0.75, 0.5), (b"b", b"a", 0.75, 0.625), (b"a", b"b", 0.75, 0.75)]


def test_of_equal_images_the_first_comes_first_and_one_is_always_named() -> None:
    found = rank_isolated(edges((3, 2, 0.5), (2, 3, 0.5), (3, 1, 0.5), (2, 1, 0.5)), NAMES, 0.01)
    assert found.rows() == [(b"c", b"b", 0.5, 0.5)]
    assert rank_isolated(edges(), NAMES, 0.5).rows() == []
