"""The data scripts of the pages are complete and hold only data."""

import json
import os
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.gallery.pages.data_scripts import write_bad_images, write_facts, write_results
from dedup_assets.engine.gallery.pages.numbering import number_results
from dedup_assets.engine.gallery.pages.shown_files import tabulate
from dedup_assets_tests.support.gallery_pages import illustrate, make_bad, make_components, make_pairs

CALL = re.compile(r'results\.add\("(\w+)", (.*)\);\n')


def read_call(script: bytes) -> tuple[str, dict[str, Any], list[str]]:
    """The data in a script; fails if the script holds anything else."""
    found = CALL.fullmatch(script.decode("ascii"))
    assert found is not None
    columns, *folders = json.loads(f"[{found[2]}]")
    return found[1], columns, folders[0] if folders else []


@given(
    st.lists(
        st.binary(min_size=1, max_size=20) | st.text(min_size=1).map(lambda text: text.encode("utf-8", "ignore")),
        min_size=2,
        max_size=5,
        unique=True,
    )
)
def test_names_of_any_bytes_come_through_and_break_out_of_nothing(names: list[bytes]) -> None:
    names = [name for name in names if name] or [b"x"]
    pairs = make_pairs(*((name, b"/other", 0.9) for name in names))
    numbered = number_results(pairs, make_pairs(), *make_components(1))
    facts = tabulate(illustrate(name) for name in numbered.names)
    script = next(content for kind, content in write_results(numbered, facts) if kind == "files")
    assert not re.search(rb"[<>&]|[^\x20-\x7e\n]", script)
    _, columns, folders = read_call(script)
    read = [folders[place] + base for place, base in zip(columns["folder"], columns["base"], strict=True)]
    assert [os.fsencode(name) for name in read] == numbered.names.to_list()


def test_every_file_pair_outlier_component_and_member_has_a_row() -> None:
    components, names = make_components(3, 2)
    pairs = make_pairs(("/c0/0.jpg", "/c0/1.jpg", 0.987654), ("/c1/0.jpg", "/c1/1.jpg", 1.0))
    numbered = number_results(pairs, make_pairs(("/c0/2.jpg", "/c1/0.jpg", 0.1)), components, names)
    facts = tabulate(illustrate(name) for name in numbered.names)
    tables = {kind: read_call(script)[1] for kind, script in write_results(numbered, facts)}
    assert len(tables["files"]["base"]) == 5
    assert tables["files"]["group"] == [0, 0, 0, 1, 1]
    assert tables["pairs"]["similarity"] == [1000000, 987654]
    assert (tables["outliers"]["a"], tables["outliers"]["b"]) == ([2], [3])
    assert tables["components"]["count"] == [3, 2]
    assert tables["members"]["file"] == [0, 1, 2, 3, 4]
    assert tables["components"]["freed"] == [2 * 12345, 12345]


def test_many_rows_are_split_into_several_scripts_in_their_order() -> None:
    pairs = make_pairs(*((f"/a/{i}", "/b", 0.9) for i in range(45_000)))
    numbered = number_results(pairs, make_pairs(), *make_components(1))
    facts = tabulate(illustrate(name) for name in numbered.names)
    parts = [read_call(script)[1] for kind, script in write_results(numbered, facts) if kind == "pairs"]
    assert [len(part["a"]) for part in parts] == [20_000, 20_000, 5_000]
    assert [a for part in parts for a in part["a"]] == numbered.pairs["a"].to_list()


def test_bad_images_have_their_code_size_and_reason() -> None:
    bad = make_bad(("/a", "ERROR_X", 5, "</script>\u2028"), ("/b", "ERROR_Y", -1, "r"), ("/c", "ERROR_Y", 7, "r"))
    codes, rows = (read_call(script)[1] for _, script in write_bad_images(bad))
    assert codes["code"] == ["ERROR_Y", "ERROR_X"]
    assert (rows["code"], rows["size"], rows["reason"][0]) == ([1, 0, 0], [5, None, 7], "</script>\u2028")


def test_no_results_need_no_scripts() -> None:
    numbered = number_results(make_pairs(), make_pairs(), *make_components(1))
    assert list(write_results(numbered, tabulate([]))) == []
    ((_, script),) = write_facts(way="../")
    facts = json.loads(script.decode("ascii").removeprefix("results.facts = ").removesuffix(";\n"))
    assert facts["way"] == "../"
    assert facts["bands"][0] == [1_000_000, "identical"]
