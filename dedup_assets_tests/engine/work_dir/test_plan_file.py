"""plan.jsonl: read back as written, shortened by hand, and refused where a name was changed."""

import json
from pathlib import Path

import pytest

from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.work_dir.plan_file import parse_plan, plan_text, read_plan
from dedup_assets_tests.support.plans import plan_for, save_copies

GROUPS = {"a.jpg": ["with \udcff byte.jpg", "two\nlines.jpg"], "b.jpg": ["ü \U0001f5bc.jpg"]}


@pytest.fixture
def text(tmp_path: Path) -> bytes:
    save_copies(tmp_path, GROUPS)
    return plan_text(plan_for(tmp_path, GROUPS))


def test_names_of_any_bytes_come_back(tmp_path: Path, text: bytes) -> None:
    plan, written = parse_plan(text, "plan.jsonl"), plan_for(tmp_path, GROUPS)
    assert plan.rows.equals(written.rows)
    assert (plan.roots, plan.action, plan.only, plan.generation) == (
        written.roots, written.action, written.only, written.generation,
    )  # fmt: skip
    assert "ü \U0001f5bc.jpg".encode() in text


def test_lines_may_be_removed_and_laid_out_anew(text: bytes) -> None:
    header, first, *others = text.splitlines()
    spaced = json.dumps(json.loads(first), indent=None, separators=(" , ", " : ")).encode()
    plan = parse_plan(b"\n".join([header, b"", spaced, *others[1:], b""]), "plan.jsonl")
    assert (len(plan), plan.planned) == (2, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("filename", "/elsewhere.jpg"),
        ("keep", "/elsewhere.jpg"),
        ("content", "0" * 64),
        ("action", "delete"),
        ("group_id", "g-aaaaaaaaaaaa"),
        ("similarity", 0.5),
        ("new", 1),
    ],
)
def test_a_changed_line_is_refused_with_its_number(text: bytes, name: str, value: object) -> None:
    lines = text.splitlines()
    lines[2] = json.dumps(json.loads(lines[2]) | {name: value}).encode()
    with pytest.raises(PlanError, match=r"line 3: .*changed"):
        parse_plan(b"\n".join(lines), "plan.jsonl")


def test_a_changed_header_and_lines_of_another_plan_are_refused(tmp_path: Path, text: bytes) -> None:
    header, *rows = text.splitlines()
    with pytest.raises(PlanError, match="header"):
        parse_plan(header.replace(b'"trash"', b'"delete"') + b"\n" + rows[0], "plan.jsonl")
    other = plan_text(plan_for(tmp_path, {"a.jpg": GROUPS["a.jpg"]})).splitlines()
    with pytest.raises(PlanError, match="line 2: it belongs to another plan"):
        parse_plan(header + b"\n" + other[1], "plan.jsonl")
    with pytest.raises(PlanError, match="lines 2 and 3 name the same file"):
        parse_plan(b"\n".join([header, rows[0], rows[0]]), "plan.jsonl")


@pytest.mark.parametrize("content", [b"", b"filename,keep\n", b'{"format": "x"}\n', b"[1]\n", b"\xff\n"])
def test_another_file_is_no_plan(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plan.jsonl").write_bytes(content)
    with pytest.raises(PlanError, match=r"plan\.jsonl"):
        read_plan(str(tmp_path / "plan.jsonl"))


def test_a_missing_plan_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="dedup-assets plan"):
        read_plan(str(tmp_path / "plan.jsonl"))
