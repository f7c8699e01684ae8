"""Each file has one number, and results refer to files by these numbers."""

import os

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.core.records import Components
from dedup_assets.engine.gallery.pages.numbering import number_results, split_names
from dedup_assets_tests.support.gallery_pages import make_components, make_pairs

NOTHING = Components(pl.DataFrame(), pl.DataFrame())


def test_every_pair_outlier_and_member_keeps_its_names() -> None:
    components, names = make_components(2, 3, 1)
    pairs = make_pairs(("/z", b"/\xff", 0.9), (b"/\xff", "/z", 0.9), ("/c0/0.jpg", "/c0/1.jpg", 1.0))
    outliers = make_pairs(("/far", "/z", 0.2), ("/farther", "/far", 0.1))
    numbered = number_results(pairs, outliers, components, names)
    assert numbered.names.to_list() == sorted(set(numbered.names.to_list()))
    named = [(numbered.names[a], numbered.names[b], score) for a, b, score in numbered.pairs.drop("fold").iter_rows()]
    assert named == [(b"/c0/0.jpg", b"/c0/1.jpg", 1.0), (b"/z", b"/\xff", 0.9)]
    assert [numbered.names[a] for a in numbered.outliers["a"]] == [b"/farther", b"/far"]
    members = [(group, numbered.names[file]) for group, file in numbered.members.select("group", "file").iter_rows()]
    assert members == [(0, b"/c1/0.jpg"), (0, b"/c1/1.jpg"), (0, b"/c1/2.jpg"), (1, b"/c0/0.jpg"), (1, b"/c0/1.jpg")]
    assert b"/c2/0.jpg" not in numbered.names.to_list()  # alone in its component, so no result names it


def test_without_components_there_are_no_members() -> None:
    numbered = number_results(make_pairs(("a", "b", 0.9)), make_pairs(), NOTHING, pl.Series([], dtype=pl.Binary))
    assert numbered.members.is_empty()
    assert numbered.pairs.rows() == [(0, 1, 0.9, None)]


@given(st.lists(st.binary(min_size=1, max_size=12), unique=True))
def test_folder_and_base_give_the_name_back(names: list[bytes]) -> None:
    places, bases, folders = split_names(pl.Series(names, dtype=pl.Binary))
    joined = [os.fsencode(folders[place] + base) for place, base in zip(places, bases, strict=True)]
    assert joined == names
