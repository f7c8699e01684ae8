"""Which file to keep, and why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.gallery.pages import Reason, ShownFile
from dedup_assets.engine.gallery.pages.keeping import choose, choose_of_pairs
from dedup_assets.engine.gallery.pages.shown_files import tabulate

BASE = ShownFile(b"/a.jpg", None, 640, 480, 1000, datetime(2024, 5, 3, tzinfo=UTC))
LATER = datetime(2024, 5, 4, tzinfo=UTC)


def decide(*files: ShownFile) -> tuple[int, Reason]:
    members = pl.DataFrame({"group": [0] * len(files), "file": range(len(files))})
    row = choose(members, tabulate(files)).row(0, named=True)
    return row["keep"], Reason(row["reason"])


@pytest.mark.parametrize(
    ("better", "reason"),
    [
        (replace(BASE, width=641, size_bytes=1, modified=LATER), Reason.PIXELS),
        (replace(BASE, size_bytes=1001, modified=LATER), Reason.BYTES),
        (replace(BASE, modified=datetime(2024, 5, 2, tzinfo=UTC)), Reason.OLDER),
    ],
)
def test_pixels_decide_then_bytes_then_age(better: ShownFile, reason: Reason) -> None:
    assert decide(BASE, better, BASE) == (1, reason)
    assert decide(better, BASE) == (0, reason)


def test_the_first_name_is_kept_where_all_else_is_equal() -> None:
    assert decide(BASE, BASE, BASE) == (0, Reason.NAME)


def test_what_is_unknown_of_one_file_decides_nothing() -> None:
    huge = replace(BASE, width=9999, size_bytes=2000)
    assert decide(huge, replace(BASE, width=None, height=None, size_bytes=3000)) == (1, Reason.BYTES)
    assert decide(replace(BASE, size_bytes=None), replace(BASE, modified=LATER)) == (0, Reason.OLDER)


@pytest.mark.parametrize("problem", ["no such file", "not an image that can be read"])
def test_a_file_that_cannot_be_read_is_never_the_one_to_keep(problem: str) -> None:
    lost = ShownFile(b"/0.jpg", width=9999, height=9999, size_bytes=9999, problem=problem)
    assert decide(lost, BASE) == (1, Reason.READABLE)
    assert decide(ShownFile(b"/0.jpg", problem=problem), BASE, replace(BASE, width=641)) == (2, Reason.PIXELS)


def test_of_files_that_cannot_be_read_none_is_to_keep_and_none_can_go() -> None:
    lost = replace(BASE, problem="no such file")
    members = pl.DataFrame({"group": [0, 0, 1, 1], "file": [0, 1, 2, 3]})
    chosen = choose(members, tabulate([lost, lost, BASE, lost]))
    assert chosen.select("keep", "reason", "others", "freed").rows() == [(None, None, 0, 0), (2, Reason.READABLE, 0, 0)]
    pairs = pl.DataFrame({"a": [0], "b": [1]}, schema={"a": pl.UInt32, "b": pl.UInt32})
    assert choose_of_pairs(pairs, tabulate([lost, lost])).row(0) == (None, None, False)


_PAIRS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda pair: pair[0] != pair[1]), max_size=40)


@given(_PAIRS, st.lists(st.sampled_from(["", "gone", "archived"]), min_size=9, max_size=9), st.permutations(range(9)))
def test_each_file_that_can_go_has_a_kept_one_that_stays(
    rows: list[tuple[int, int]], states: list[str], widths: list[int]
) -> None:
    files = [
        replace(
            BASE,
            width=100 + width,
            problem="no such file" if state == "gone" else None,
            container=b"/all.zip" if state == "archived" else None,
        )
        for state, width in zip(states, widths, strict=True)
    ]
    pairs = pl.DataFrame(rows, schema={"a": pl.UInt32, "b": pl.UInt32}, orient="row")
    chosen = choose_of_pairs(pairs, tabulate(files))
    removed = {
        pair[1 - side]: pair[side]
        for pair, side, remove in zip(rows, chosen["side"], chosen["remove"], strict=True)
        if remove
    }
    assert not removed.keys() & set(removed.values())
    assert all(states[file] == "" for file in removed)
    assert all(states[file] != "gone" for file in removed.values())


def test_the_date_of_an_archive_says_nothing_of_the_age_of_an_image() -> None:
    inside = replace(BASE, container=b"/all.zip", modified=datetime(2000, 1, 1, tzinfo=UTC))
    assert decide(BASE, inside) == (0, Reason.NAME)


def test_what_could_be_freed_leaves_out_the_kept_one_and_parts_of_containers() -> None:
    files = [
        replace(BASE, size_bytes=5000),
        BASE,
        replace(BASE, container=b"/all.zip"),
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
