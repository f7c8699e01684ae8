"""Alignments are the evidence's maps of pixels, in units of thumbnails."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.gallery.pages.aligning import UNITS, align_pairs, frame_of, read_transform

SIZES = [(640, 480), (300, 600), (640, 480)]


def align(transform: list[float] | None, *, turned: bool = False, relation: str = "copy", b: int = 1) -> str | None:
    pairs = pl.DataFrame(
        {"a": [0], "b": [b], "relation": [relation], "transform": [transform], "turned": [turned]},
        schema_overrides={"transform": pl.List(pl.Float64)},
    )
    facts = pl.DataFrame(SIZES, schema={"width": pl.Int64, "height": pl.Int64}, orient="row")
    found: str | None = align_pairs(pairs, facts)[0]
    return found


def move(transform: Any, point: Any) -> Any:
    moved = np.reshape(transform, (3, 3)) @ [*point, 1]
    return moved[:2] / moved[2]


_NUMBERS = st.floats(-2, 2).map(lambda number: round(number, 3))


@given(st.tuples(_NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS), st.tuples(st.integers(-200, 200), st.integers(-200, 200)))
def test_a_place_of_b_lands_where_the_transform_says(linear: tuple[float, ...], shift: tuple[int, int]) -> None:
    a, b, c, d = linear
    transform = [a, b, shift[0], c, d, shift[1], 0, 0, 1]
    found = align(transform)
    assert found is not None
    unit_a, unit_b = UNITS / 640, UNITS / 600
    for point in ([0, 0], [300, 600], [120, 77]):
        wanted = move(transform, point) * unit_a
        assert read_transform(found) @ [*(np.array(point) * unit_b), 1] == pytest.approx(wanted, abs=0.05)


def test_a_pair_in_the_other_order_has_the_inverse() -> None:
    transform = [2.0, 0, 30, 0, 2, 10, 0, 0, 1]
    there, back = align(transform, b=2), align(transform, turned=True, b=2)
    assert there is not None
    assert back is not None
    both = np.vstack([read_transform(there), [0, 0, 1]]) @ np.vstack([read_transform(back), [0, 0, 1]])
    assert both == pytest.approx(np.eye(3), abs=1e-2)


def test_same_pixels_need_no_transform() -> None:
    assert align(None, relation="exact", b=2) == "1.0 0.0 0.0 1.0 0.0 0.0"
    assert align(None, relation="exact") is None  # the file has changed since: its size is another
    assert align(None, b=2) is None


@pytest.mark.parametrize("transform", [[0.0] * 9, [float("nan")] * 9, [1.0, 2.0], [float("inf")] * 9, [1e308] * 9])
def test_a_damaged_transform_aligns_nothing(transform: list[float]) -> None:
    assert align(transform) is None
    assert align(transform, turned=True) is None


def test_a_perspective_is_shown_as_the_nearest_affine_map() -> None:
    transform = [1.0, 0.02, 10, 0.01, 1, 20, 1e-4, 5e-5, 1]
    found = align(transform)
    assert found is not None
    middle = np.array([150, 225])
    shown = read_transform(found) @ [*(middle * UNITS / 600), 1]
    assert shown == pytest.approx(move(transform, middle) * UNITS / 640, abs=4)


@pytest.mark.parametrize(
    ("align", "frame"),
    [
        ("1 0 0 1 0 0", (0, 0, 320, 240)),
        ("0.5 0 0 0.5 80 60", (0, 0, 320, 240)),
        ("2 0 0 2 -160 -120", (-160, -120, 640, 480)),
        ("0 1 -1 0 240 0", (0, 0, 320, 320)),
        ("90 0 0 90 -9000 -9000", (-320, -320, 960, 880)),
    ],
)
def test_the_frame_holds_both_pictures_within_bounds(align: str, frame: tuple[int, ...]) -> None:
    assert frame_of((320, 240), (320, 240), align) == frame


def test_of_a_file_of_unknown_size_nothing_is_aligned() -> None:
    pairs = pl.DataFrame({"a": [0], "b": [1], "relation": ["copy"], "transform": [[1.0] * 9], "turned": [False]})
    assert align_pairs(pairs, pl.DataFrame({"width": [None, 5], "height": [None, 5]})).to_list() == [None]


def test_no_pairs_need_no_alignment() -> None:
    columns = {"a": pl.UInt32, "b": pl.UInt32, "relation": pl.String, "transform": pl.List(pl.Float64)}
    pairs = pl.DataFrame(schema={**columns, "turned": pl.Boolean})
    assert align_pairs(pairs, pl.DataFrame(schema={"width": pl.Int64, "height": pl.Int64})).is_empty()
