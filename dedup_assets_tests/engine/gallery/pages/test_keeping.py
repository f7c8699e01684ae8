"""Which file to keep, and why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from dedup_assets.engine.gallery.pages import Picture, Reason
from dedup_assets.engine.gallery.pages.keeping import choose, choose_of_pairs
from dedup_assets.engine.gallery.pages.pictures import tabulate

BASE = Picture("/a.jpg", None, 640, 480, 1000, datetime(2024, 5, 3, tzinfo=UTC))
LATER = datetime(2024, 5, 4, tzinfo=UTC)


def decide(*pictures: Picture) -> tuple[int, Reason]:
    members = pl.DataFrame({"group": [0] * len(pictures), "file": range(len(pictures))})
    row = choose(members, tabulate(pictures)).row(0, named=True)
    return row["keep"], Reason(row["reason"])


@pytest.mark.parametrize(
    ("better", "reason"),
    [
        (replace(BASE, width=641, size_bytes=1, modified=LATER), Reason.PIXELS),
        (replace(BASE, size_bytes=1001, modified=LATER), Reason.BYTES),
        (replace(BASE, modified=datetime(2024, 5, 2, tzinfo=UTC)), Reason.OLDER),
    ],
)
def test_pixels_decide_then_bytes_then_age(better: Picture, reason: Reason) -> None:
    assert decide(BASE, better, BASE) == (1, reason)
    assert decide(better, BASE) == (0, reason)


def test_the_first_name_is_kept_where_all_else_is_equal() -> None:
    assert decide(BASE, BASE, BASE) == (0, Reason.NAME)


def test_what_is_unknown_of_one_file_decides_nothing() -> None:
    huge = replace(BASE, width=9999, size_bytes=2000)
    assert decide(huge, replace(BASE, width=None, height=None, size_bytes=3000)) == (1, Reason.BYTES)
    assert decide(replace(BASE, size_bytes=None), replace(BASE, modified=LATER)) == (0, Reason.OLDER)


def test_the_date_of_an_archive_says_nothing_of_the_age_of_an_image() -> None:
    inside = replace(BASE, container="/all.zip", modified=datetime(2000, 1, 1, tzinfo=UTC))
    assert decide(BASE, inside) == (0, Reason.NAME)


def test_what_could_be_freed_leaves_out_the_kept_one_and_parts_of_containers() -> None:
    files = [
        replace(BASE, size_bytes=5000),
        BASE,
        replace(BASE, container="/all.zip"),
        replace(BASE, size_bytes=None),
        replace(BASE, size_bytes=7),
    ]
    members = pl.DataFrame({"group": [0, 0, 0, 1, 1], "file": [0, 1, 2, 3, 4]})
    chosen = choose(members, tabulate(files))
    assert chosen.select("keep", "others", "freed", "unsized").rows() == [(0, 1, 1000, 0), (3, 1, 7, 0)]


def test_each_pair_has_its_own_choice() -> None:
    files = [
        BASE,
        replace(BASE, width=2000),
        replace(BASE, width=1000, modified=BASE.modified and BASE.modified + timedelta(1)),
    ]
    pairs = pl.DataFrame({"a": [0, 1, 2], "b": [1, 2, 0]}, schema={"a": pl.UInt32, "b": pl.UInt32})
    chosen = choose_of_pairs(pairs, tabulate(files))
    assert chosen["side"].to_list() == [1, 0, 0]
    assert set(chosen["reason"]) == {Reason.PIXELS}


def test_no_pairs_need_no_choice() -> None:
    none = pl.DataFrame({"a": [], "b": []}, schema={"a": pl.UInt32, "b": pl.UInt32})
    assert choose_of_pairs(none, tabulate([])).is_empty()
