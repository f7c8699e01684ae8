"""The file of verdicts grows whole or not at all, also beside other processes, on disks and on stores."""

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.verdict_records import COLUMNS, GivenVerdict
from dedup_assets.engine.work_dir.verdict_file import VerdictFile
from dedup_assets_tests.support.faulty_server import faulty_bucket

A, B = "a" * 64, "b" * 64
SAME = GivenVerdict("", "", "ann", "same", A, B, b"a.jpg", b"b.jpg")
names = st.binary(min_size=1, max_size=20).map(lambda name: name.replace(b"\0", b"0"))


def add(path: str, *rows: GivenVerdict) -> list[GivenVerdict]:
    return VerdictFile(path).add(lambda _: list(rows))


def add_some(path: str, by: str) -> None:
    for _ in range(5):
        add(path, replace(SAME, by=by))


@given(st.lists(st.tuples(names, names, st.text(max_size=20).map(lambda note: note.replace("\0", ""))), max_size=4))
def test_rows_are_read_back_whatever_names_and_notes_hold(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[bytes, bytes, str]]
) -> None:
    path = str(tmp_path_factory.mktemp("verdicts") / "verdicts.csv")
    rows = [
        replace(SAME, a_name=one, b_name=other, note=note.encode("utf-8", "replace").decode())
        for one, other, note in said
    ]
    added = [row for each in rows for row in add(path, each)]
    found = VerdictFile(path).read()
    assert [replace(row, line=0) for row in found.given] == added
    assert [replace(row, verdict_id="", time="") for row in added] == rows
    assert [row.time for row in added] == sorted({row.time for row in added})
    assert not found.bad


def test_a_verdict_is_newer_than_those_of_a_clock_that_is_ahead(tmp_path: Path) -> None:
    path = str(tmp_path / "verdicts.csv")
    add(path, replace(SAME, time="2999-01-01T00:00:00Z"))
    (later,) = add(path, replace(SAME, relation="different"))
    assert later.time == "2999-01-01T00:00:00.000001Z"
    assert [row.relation for row in VerdictFile(path).read().active()] == ["different"]


@pytest.mark.parametrize("broken", ['"a quote that stays open', 'v-1,,"', "x" * 200_000])
def test_a_row_that_a_person_broke_hides_no_other_verdict(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "verdicts.csv"
    add(str(path), replace(SAME, note="one"))
    with path.open("a") as file:
        file.write(f"{broken}\n")
    add(str(path), replace(SAME, note="of two\nlines"), replace(SAME, note="three"))
    found = VerdictFile(str(path)).read()
    assert [row.note for row in found.given] == ["one", "of two\nlines", "three"]
    assert [row.line for row in found.bad] == [3]


def test_a_link_to_a_foreign_file_leaves_nothing_beside_that_file(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.csv").write_text("mine\n")
    (tmp_path / "verdicts.csv").symlink_to(tmp_path / "notes" / "mine.csv")
    with pytest.raises(WorkDirError, match="is not a file of verdicts"):
        add(str(tmp_path / "verdicts.csv"), SAME)
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["mine.csv"]


def test_a_foreign_file_is_refused_in_one_line_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    path.write_text("id;said\n1;yes\n")
    with pytest.raises(
        WorkDirError, match=r"verdicts.csv' is not a file of verdicts: its first line is 'id;said'"
    ) as one:
        VerdictFile(str(path)).read()
    with pytest.raises(WorkDirError, match="nothing is read from it or added to it"):
        add(str(path), SAME)
    assert "\n" not in str(one.value)
    assert path.read_text() == "id;said\n1;yes\n"


def test_bad_rows_are_named_by_line_and_the_others_count(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    time = "2026-01-01T00:00:00Z"
    rows = [
        f'v-1,{time},ann,same,{A},{B},"a\n.jpg",b.jpg,,',
        "v-2,too few",
        f"v-3,{time},ann,alike,{A},{B},,,,",
        f"v-4,{time},ann,keep,{A},{B},,,,",
        f"v-5,2026-13-01T00:00:00Z,ann,same,{A},{B},,,,",
        f"v-6,{time},ann,same,{A},{A},,,,",
        f"v-7,{time},ann,same,{A},0000,,,,",
        f"v-1,{time},ann,protect,{A},,,,,",
        f"v-9,{time},ann,,,,,,,v-0",
        f"v-10,{time},ann,protect,{A},,,,,",
    ]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([",".join(COLUMNS), *rows]).encode())
    found = VerdictFile(str(path)).read()
    assert [(row.verdict_id, row.line) for row in found.given] == [("v-1", 2), ("v-10", 12)]
    assert [(bad.line, bad.problem.split()[0]) for bad in found.bad] == [
        *(
            (4, "2"),
            (5, "relation"),
            (6, "keep"),
            (7, "time"),
            (8, "a"),
            (9, "b_content"),
            (10, "v-1"),
            (11, "revokes"),
        ),
    ]
    add(str(path), SAME)
    assert len(VerdictFile(str(path)).read().given) == 3


def test_rows_are_added_all_or_none(tmp_path: Path) -> None:
    path = str(tmp_path / "verdicts.csv")
    with pytest.raises(ValueError, match="b_content"):
        add(path, SAME, replace(SAME, b_content="no hash"))
    assert not Path(path).exists()


def test_a_link_stays_a_link_and_the_file_behind_it_grows(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "verdicts.csv").symlink_to(tmp_path / "shared" / "ours.csv")
    add(str(tmp_path / "verdicts.csv"), SAME)
    assert (tmp_path / "verdicts.csv").is_symlink()
    assert len(VerdictFile(str(tmp_path / "shared" / "ours.csv")).read().given) == 1


def test_no_verdict_of_several_processes_is_lost(tmp_path: Path) -> None:
    path = str(tmp_path / "verdicts.csv")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=add_some, args=(path, str(number))) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    found = VerdictFile(path).read()
    assert sorted(row.by for row in found.given) == sorted(["0", "1", "2"] * 5)
    assert len({row.verdict_id for row in found.given}) == 15


def test_no_verdict_is_lost_on_a_store() -> None:
    with faulty_bucket("shared") as (_, _):
        path = "s3://shared/team/verdicts.csv"
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda by: add(path, replace(SAME, by=by)), ["0", "1", "2"]))
        found = VerdictFile(path).read()
    assert sorted(row.by for row in found.given) == ["0", "1", "2"]
    assert (found.place, found.bad) == (path, [])


def test_there_need_be_no_file(tmp_path: Path) -> None:
    found = VerdictFile.of("", os.fspath(tmp_path)).read()
    assert (found.given, found.digest, found.place) == ((), "", str(tmp_path / "verdicts.csv"))
