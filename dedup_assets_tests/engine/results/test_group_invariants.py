"""What must be true of evidence and groups: true results pass, and each fault is named."""

import polars as pl
import pytest

from dedup_assets.engine.core.match_records import Evidence, Groups, Relation
from dedup_assets.engine.core.match_tables import EVIDENCE_SCHEMA, GROUPS_SCHEMA, IMAGES_SCHEMA, RELATED_SCHEMA
from dedup_assets.engine.results.group_invariants import check_evidence, check_groups, check_members

NAMES = pl.Series([b"a", b"b", b"c", b"d"], dtype=pl.Binary)
G, H = "g-000000000001", "g-000000000002"


def evidence_of(*pairs: tuple[bytes, bytes, str], counts: dict[str, int] | None = None) -> Evidence:
    rows = [(a, b, 0.9, relation, "", None, None, None, None, None, "") for a, b, relation in pairs]
    counted = {relation: sum(each == relation for _, _, each in pairs) for relation in Relation}
    table = pl.DataFrame(rows, schema=EVIDENCE_SCHEMA, orient="row")
    return Evidence(table, pl.DataFrame(schema=IMAGES_SCHEMA), counted if counts is None else counts)


def groups_of(*rows: tuple[bytes, str, str, bytes, str]) -> Groups:
    full = [(name, group, role, keep, 1.0, relation, "", "why", "", None) for name, group, role, keep, relation in rows]
    table = pl.DataFrame(full, schema=GROUPS_SCHEMA, orient="row")
    return Groups(table, pl.DataFrame(schema=RELATED_SCHEMA))


PAIR = [(b"a", G, "keep", b"a", ""), (b"b", G, "copy", b"a", "copy")]


def test_true_results_pass_with_their_counts() -> None:
    evidence, groups = evidence_of((b"a", b"b", "copy"), (b"b", b"c", "variant")), groups_of(*PAIR)
    assert check_evidence(evidence, NAMES).problem == ""
    assert check_groups(groups).problem == ""
    assert check_groups(groups).facts == {"groups": 1, "images": 2}
    assert check_members(groups, evidence).problem == ""


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        ([(b"b", b"a", "copy")], "1 pairs whose first name is not before the second"),
        ([(b"a", b"b", "copy"), (b"a", b"b", "copy")], "1 pairs listed twice"),
        ([(b"a", b"x", "copy")], "1 pairs with an image that has no vector"),
        ([(b"a", b"b", "alike")], "1 pairs with an unknown relation"),
    ],
)
def test_what_is_wrong_with_evidence_is_said(pairs: list[tuple[bytes, bytes, str]], problem: str) -> None:
    assert check_evidence(evidence_of(*pairs), NAMES).problem == problem


def test_counts_that_differ_from_the_rows_are_noticed() -> None:
    found = evidence_of((b"a", b"b", "copy"), counts={"copy": 2})
    assert check_evidence(found, NAMES).problem == "counts differ from the rows: copy"


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([*PAIR, (b"b", H, "keep", b"b", ""), (b"c", H, "copy", b"b", "copy")], "1 images are in several groups"),
        ([*PAIR, (b"c", G, "best", b"a", "copy")], "1 images have no known role"),
        ([*PAIR, (b"c", G, "keep", b"c", "")], "1 groups do not have exactly one kept image"),
        ([(b"a", G, "keep", b"a", "")], "1 groups have a single image"),
        (
            [(b"a", "g-1", "keep", b"a", ""), (b"b", "g-1", "copy", b"a", "copy")],
            "1 groups have no id of the documented form",
        ),
    ],
)
def test_what_is_wrong_with_groups_is_said(rows: list[tuple[bytes, str, str, bytes, str]], problem: str) -> None:
    assert check_groups(groups_of(*rows)).problem == problem


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        ([], "1 images are in a group without evidence"),
        ([(b"a", b"b", "variant")], "1 images are in a group without evidence"),
        ([(b"a", b"b", "exact")], "1 images have another relation than their evidence"),
    ],
)
def test_a_member_without_evidence_of_its_own_is_noticed(pairs: list[tuple[bytes, bytes, str]], problem: str) -> None:
    assert check_members(groups_of(*PAIR), evidence_of(*pairs)).problem.startswith(problem)
