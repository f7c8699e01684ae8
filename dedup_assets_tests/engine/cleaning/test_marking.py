"""Lists of files that a person marked in the gallery become plans of these files, as far as a copy of each stays."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from dedup_assets.engine.cleaning import ApplyOptions, PlanOptions, apply_plan, plan_of, read_marks
from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.core.plan_records import Plan
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets_tests.support.plans import plan_for, save_copies, save_results

GROUPS = {"a.jpg": ["x/1.jpg", "x/2.jpg"], "b.jpg": ["x/3.jpg"], "c.jpg": []}
ROLES = {"x/2.jpg": ("review", "copy"), "x/3.jpg": ("copy", "copy")}
WILD = [b"/p/plain.jpg", b'/p/"quoted", twice.jpg', b"/p/\xff\xfe odd.jpg", "/p/ü\u202e.jpg".encode(), b"/p/a\\b.jpg"]
BROKEN = [*WILD, b"/p/two\nlines.jpg", b"/p/return\r.jpg"]


def quoted(name: bytes) -> bytes:
    is_plain = not any(each in name for each in (b",", b'"', b"\n", b"\r"))
    return name if is_plain else b'"' + name.replace(b'"', b'""') + b'"'


def text_of(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


FORMATS: Mapping[str, Callable[[Sequence[bytes]], bytes]] = {
    "lines": lambda names: b"".join(name + b"\n" for name in names),
    "nul": lambda names: b"".join(name + b"\0" for name in names),
    "csv": lambda names: b"filename,size_bytes\n" + b"".join(quoted(name) + b",12\n" for name in names),
    "json": lambda names: json.dumps([{"filename": text_of(name), "size_bytes": 1} for name in names]).encode(),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_of_the_gallery_is_read_whatever_the_file_is_called(kind: str, tmp_path: Path) -> None:
    names = WILD if kind == "lines" else BROKEN
    (tmp_path / "marks").write_bytes(FORMATS[kind](names))
    assert read_marks(str(tmp_path / "marks")) == names
    (tmp_path / "marks").write_bytes(b"\xef\xbb\xbf" + FORMATS[kind]([*names, names[0]]))
    assert read_marks(str(tmp_path / "marks")) == names


def test_a_list_that_an_editor_of_windows_has_saved_again_has_the_same_names(tmp_path: Path) -> None:
    marks = tmp_path / "marks.txt"
    for end in (b"\r\n", b""):
        marks.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(WILD) + end)
        assert read_marks(str(marks)) == WILD
    marks.write_bytes("/p/plain.jpg\r\n".encode("utf-16"))
    with pytest.raises(PlanError, match="saved as UTF-16: save it as UTF-8"):
        read_marks(str(marks))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "names no file"),
        (b"filename,size_bytes\n", "names no file"),
        (b"[]", "names no file"),
        (b'[{"name": "a.jpg"}]', "not a list of objects with a text 'filename' each"),
        (b'filename,size_bytes\n"a.jpg\n', "line 2: a quote does not close"),
        (b'{"format": "dedup-assets plan", "format_version": 1}\n', "is a plan"),
    ],
)
def test_what_is_no_list_of_marked_files_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "marks").write_bytes(content)
    with pytest.raises(PlanError, match=said):
        read_marks(str(tmp_path / "marks"))
    with pytest.raises(PlanError, match="there is no such file"):
        read_marks(str(tmp_path / "nothing"))


def marked(top: Path, *names: str, action: str = "trash", only: str | None = None) -> Plan:
    save_copies(top, GROUPS)
    options = PlanOptions.parse(action, only, marked=[os.fsencode(top / name) for name in names])
    return plan_for(top, GROUPS, options, roles=ROLES, others=1)


def planned(top: Path, plan: Plan) -> dict[str, str]:
    rows = plan.rows.select("filename", "relation").iter_rows()
    return {os.path.relpath(os.fsdecode(name), top): relation for name, relation in rows}


def not_taken(top: Path, plan: Plan) -> dict[str, str]:
    return {os.path.relpath(os.fsdecode(name), top): reason for name, reason in plan.not_taken}


def test_a_plan_of_marks_has_just_the_marked_copies_also_those_to_review(tmp_path: Path) -> None:
    plan = marked(tmp_path, "x/2.jpg", "x/3.jpg")
    assert planned(tmp_path, plan) == {"x/2.jpg": "copy", "x/3.jpg": "copy"}
    assert (plan.left_out, plan.not_taken) == ({}, [])
    assert all(reason.startswith("more pixels; marked by a person") for reason in plan.rows["reason"])


def test_marked_files_without_a_copy_that_stays_are_named_with_the_reason(tmp_path: Path) -> None:
    plan = marked(tmp_path, "a.jpg", "x/1.jpg", "single 0.jpg", "elsewhere.jpg")
    assert planned(tmp_path, plan) == {"x/1.jpg": "exact"}
    said = not_taken(tmp_path, plan)
    assert set(said) == {"a.jpg", "single 0.jpg", "elsewhere.jpg"}
    assert "the kept image of its group" in said["a.jpg"]
    assert "in no group" in said["single 0.jpg"]
    assert said["elsewhere.jpg"] == "not in the results"
    assert sum(plan.left_out.values()) == 3


def test_a_list_of_another_collection_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"none of the 2 marked files, such as '.*nothing\.jpg', is an image of these"):
        marked(tmp_path, "nothing.jpg", "nowhere.jpg")


def test_marks_are_narrowed_by_relations_and_by_what_an_action_can_do(tmp_path: Path) -> None:
    names = ("x/1.jpg", "x/2.jpg", "x/3.jpg")
    assert planned(tmp_path, marked(tmp_path, *names, only="exact,copy")) == {"x/1.jpg": "exact", "x/3.jpg": "copy"}
    linked = marked(tmp_path, *names, action="hardlink")
    assert planned(tmp_path, linked) == {"x/1.jpg": "exact"}
    assert set(not_taken(tmp_path, linked)) == {"x/2.jpg", "x/3.jpg"}


def test_a_marked_file_stays_for_what_lies_beside_it_and_takes_along_what_may_go(tmp_path: Path) -> None:
    save_copies(tmp_path, GROUPS)
    (tmp_path / "x" / "2.xmp").write_text("notes")
    for name in ("a.CR2", "x/1.CR2"):
        (tmp_path / name).write_text("raw")
    plan = marked(tmp_path, "x/1.jpg", "x/2.jpg")
    assert planned(tmp_path, plan) == {"x/1.CR2": "half", "x/1.jpg": "exact"}
    (reason,) = not_taken(tmp_path, plan).values()
    assert "the kept image has none with its bytes" in reason
    assert "--only" not in reason


def test_a_plan_of_marks_is_applied_with_all_checks(tmp_path: Path) -> None:
    top = tmp_path / "photos"
    save_copies(top, GROUPS)
    results = save_results(tmp_path / "results", top, GROUPS, roles=ROLES)
    names = [os.fsencode(top / name) for name in ("x/1.jpg", "x/2.jpg", "x/3.jpg")]
    plan = plan_of(results, PlanOptions.parse("trash", marked=names))
    (top / "b.jpg").write_bytes(b"changed")
    applied = apply_plan(plan, results, ApplyOptions(threads=1), ProgressReporter())
    assert (applied.done, len(applied.skipped)) == (2, 1)
    assert not any((top / name).exists() for name in ("x/1.jpg", "x/2.jpg"))
    assert (top / "a.jpg").exists()
    assert (top / "x" / "3.jpg").exists()
