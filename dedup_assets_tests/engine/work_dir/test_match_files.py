"""Evidence and groups have the documented columns and are read back as written, whatever bytes names hold."""

import csv
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.work_dir import WorkDir, match_files

names = st.binary(min_size=1, max_size=20).map(lambda name: b"n" + name.replace(b"\0", b""))
shares = st.floats(0, 1)


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    row = st.tuples(
        names,
        names,
        shares,
        st.sampled_from(["copy", "variant"]),
        st.text(max_size=20),
        st.none() | st.lists(st.floats(-1e4, 1e4), min_size=9, max_size=9),
        *(st.none() | shares,) * 3,
        st.none() | st.integers(0, 400),
        st.sampled_from(["", "a", "b", "both"]),
    )
    rows = pl.DataFrame(draw(st.lists(row, max_size=5)), schema=match_files.EVIDENCE_SCHEMA, orient="row")
    own = (names, st.just("0" * 64), *(st.integers(1, 9),) * 3, st.just(1))
    said = (st.sampled_from(["", "JPEG"]), st.none() | st.booleans(), st.none() | st.integers(1, 100))
    spectrum = st.none() | st.lists(st.floats(0, 1e9), min_size=24, max_size=24)
    image = st.tuples(*own, *said, *(st.text(max_size=5),) * 3, spectrum)
    images = pl.DataFrame(draw(st.lists(image, max_size=3)), schema=match_files.IMAGES_SCHEMA, orient="row")
    return Evidence(rows, images, {"compared": rows.height})


@given(evidence())
def test_evidence_is_read_back_as_written(tmp_path_factory: pytest.TempPathFactory, found: Evidence) -> None:
    work_dir = WorkDir(str(tmp_path_factory.mktemp("evidence")))
    match_files.write_evidence(work_dir, found)
    back = match_files.read_evidence(work_dir)
    assert_frame_equal(back.rows, found.rows)
    assert_frame_equal(back.images, found.images)
    assert back.counts == found.counts


def test_csv_has_a_row_per_pair_with_the_matrix_as_nine_numbers(tmp_path: Path) -> None:
    row = (b"a,1.jpg", b"b.jpg", 0.9, "copy", "gray, mirrored", [1.0, 0, 0, 0, 1, 0, 0, 0, 1], 1.0, None, 0.25, 12, "b")
    rows = pl.DataFrame([row], schema=match_files.EVIDENCE_SCHEMA, orient="row")
    match_files.write_evidence(WorkDir(str(tmp_path)), Evidence(rows, pl.DataFrame(schema=match_files.IMAGES_SCHEMA)))
    with (tmp_path / "evidence.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert found == [
        {
            **{"a": "a,1.jpg", "b": "b.jpg", "similarity": "0.900000", "relation": "copy", "kind": "gray, mirrored"},
            **{"transform": "1 0 0 0 1 0 0 0 1", "overlap_a": "1.000000", "overlap_b": "", "residual": "0.250000"},
            **{"inliers": "12", "edited": "b"},
        }
    ]


def test_groups_and_related_are_read_back_as_written(tmp_path: Path) -> None:
    rows = [
        (b"\xff.jpg", "g-0123456789ab", "keep", b"\xff.jpg", 1.0, "", "", "only one of full size", "", None),
        (b"b\n.jpg", "g-0123456789ab", "copy", b"\xff.jpg", 0.91, "copy", "cropped to 56 %", "only one", "has", b"c"),
    ]
    related = [("g-0123456789ab", "", b"c.jpg", 0.88, "variant")]
    groups = Groups(
        pl.DataFrame(rows, schema=match_files.GROUPS_SCHEMA, orient="row"),
        pl.DataFrame(related, schema=match_files.RELATED_SCHEMA, orient="row"),
    )
    work_dir = WorkDir(str(tmp_path))
    match_files.write_groups(work_dir, groups)
    back = match_files.read_groups(work_dir)
    assert_frame_equal(back.rows, groups.rows)
    assert_frame_equal(back.related, groups.related)
    assert (tmp_path / "related.csv").read_text().splitlines()[1] == "g-0123456789ab,,c.jpg,0.880000,variant"


@pytest.mark.parametrize("name", [match_files.GROUPS, match_files.RELATED])
def test_a_table_of_somebody_else_is_named(tmp_path: Path, name: str) -> None:
    work_dir = WorkDir(str(tmp_path))
    empty = Groups(pl.DataFrame(schema=match_files.GROUPS_SCHEMA), pl.DataFrame(schema=match_files.RELATED_SCHEMA))
    match_files.write_groups(work_dir, empty)
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / name)
    with pytest.raises(WorkDirError, match=name):
        match_files.read_groups(work_dir)
