"""Verdicts have priority over evidence; those that contradict newer ones are reported, and never silently resolved."""

import random
from collections.abc import Iterable
from itertools import combinations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.verdict_records import BadVerdict, Conflict, GivenVerdict, Verdicts
from dedup_assets.engine.groups import form_groups
from dedup_assets_tests.engine.groups.test_forming import Row, evidence, graphs, groups_of, name

Said = tuple[str, int, int]
"""Relation, a, b; b is ignored for keep and protect."""


def content(number: int) -> str:
    return f"{number:064x}"


def verdicts(said: Iterable[Said], *, bad: Iterable[BadVerdict] = ()) -> Verdicts:
    """Verdicts in the order of their times; the first is v-1 on line 2."""
    rows = []
    for place, (relation, a, b) in enumerate(said, 1):
        b_content = content(b) if relation in ("same", "different", "variant") else ""
        time = f"2026-01-01T00:00:{place:02d}Z"
        rows.append(GivenVerdict(f"v-{place}", time, "ann", relation, content(a), b_content, name(a), line=place + 1))
    return Verdicts(rows, tuple(bad), "digest", "verdicts.csv")


def decide(rows: Iterable[Row], *said: Said, **how: dict[int, int]) -> Groups:
    return form_groups(evidence(rows, **how), verdicts=verdicts(said))  # type: ignore[arg-type]


def conflicts(groups: Groups) -> list[Conflict]:
    assert groups.decided is not None
    return list(groups.decided.conflicts)


CLIQUE: list[Row] = [(a, b, "copy", "") for a, b in combinations(range(4), 2)]


@st.composite
def sayings(draw: st.DrawFn) -> list[Said]:
    relation = st.sampled_from(["same", "different", "different", "variant", "keep", "protect"])
    pair = st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda each: each[0] != each[1])
    return [(kind, a, b) for kind, (a, b) in draw(st.lists(st.tuples(relation, pair), max_size=7))]


@given(graphs(), sayings(), st.randoms(use_true_random=False))
def test_honoured_verdicts_hold_and_all_others_are_reported(
    rows: list[Row], said: list[Said], order: random.Random
) -> None:
    found, given_verdicts = evidence(rows), verdicts(said)
    file = {number: number for row in rows for number in row[:2]}  # equal bytes: one content
    for a, b, relation, _ in rows:
        if relation == "exact":
            low = min(file[a], file[b])
            file = {number: low if one in (file[a], file[b]) else one for number, one in file.items()}
    images = found.images.with_columns(
        content=pl.Series([content(file[int(each[:3])]) for each in found.images["filename"]], dtype=pl.String)
    )
    found = Evidence(found.rows, images)
    groups = form_groups(found, verdicts=given_verdicts)
    refused = {conflict.verdict_id for conflict in conflicts(groups)}
    group_of = dict(groups.rows.select("filename", "group_id").iter_rows())
    roles = dict(groups.rows.select("filename", "role").iter_rows())
    files: dict[str, list[bytes]] = {}
    for number, one in file.items():
        files.setdefault(content(one), []).append(name(number))
    for verdict in given_verdicts.active():
        ours, theirs = files.get(verdict.a_content, []), files.get(verdict.b_content, [])
        if verdict.verdict_id in refused or not ours or (verdict.b_content and not theirs):
            continue
        if verdict.relation == "same":
            assert len({group_of[each] for each in ours + theirs}) == 1
        elif verdict.relation in ("different", "variant"):
            assert {group_of.get(each) for each in ours}.isdisjoint({group_of.get(each, each) for each in theirs})
        elif verdict.relation == "keep":
            assert not set(ours) & group_of.keys() or "keep" in {roles[each] for each in ours}
        else:
            assert {roles.get(each, "keep") for each in ours} <= {"keep", "protected"}
    again = form_groups(
        Evidence(found.rows.sample(fraction=1, shuffle=True, seed=order.randrange(99)), images), verdicts=given_verdicts
    )
    assert_frame_equal(again.rows, groups.rows)
    assert again.decided == groups.decided


@given(graphs())
def test_without_verdicts_groups_are_those_of_the_evidence(rows: list[Row]) -> None:
    assert_frame_equal(decide(rows).rows, form_groups(evidence(rows)).rows)


def test_same_joins_images_without_evidence_and_the_relation_says_so() -> None:
    groups = decide([(0, 1, "copy", ""), (2, 3, "copy", "")], ("same", 1, 2))
    assert groups_of(groups) == [[1, 0, 2, 3]] or len(groups_of(groups)) == 1
    said = {row["filename"]: row for row in groups.rows.iter_rows(named=True)}
    keep = groups.rows["keep"][0]
    relations = {int(each[:3]): said[each]["relation"] for each in said if each != keep}
    assert list(relations.values()).count("same") == 2  # all but the copy of the kept image itself
    assert conflicts(groups) == []


def test_same_joins_images_where_the_evidence_has_exact_copies_alone() -> None:
    groups = decide([(0, 1, "exact", ""), (2, 3, "unverified", "")], ("same", 2, 3))
    assert sorted(map(sorted, groups_of(groups))) == [[0, 1], [2, 3]]
    assert conflicts(groups) == []


@pytest.mark.parametrize("relation", ["copy", "variant"])
@pytest.mark.parametrize(("original", "edit", "edited"), [(0, 1, "b"), (1, 0, "a")])
def test_same_never_keeps_the_edited_one_of_two(relation: str, original: int, edit: int, edited: str) -> None:
    groups = decide([(0, 1, relation, edited)], ("same", 0, 1), sides={edit: 300})  # the edit has more pixels
    assert groups_of(groups) == [[original, edit]]
    assert groups.rows["reason"].unique().to_list() == ["less edited"]
    said = groups.rows.filter(filename=name(edit)).row(0, named=True)
    assert (said["relation"], said["role"]) == (("copy", "copy") if relation == "copy" else ("same", "review"))


def test_same_leaves_the_other_copies_of_the_kept_image_as_they_are() -> None:
    rows: list[Row] = [(0, 1, "copy", "b"), (0, 2, "copy", "b"), (0, 3, "copy", ""), (4, 5, "copy", "")]
    without = decide(rows, sides={0: 90}).rows
    groups = decide(rows, ("same", 0, 1), sides={0: 90})
    assert_frame_equal(groups.rows, without)


def test_a_verdict_keeps_an_edit_of_a_same_image_and_that_one_is_for_review() -> None:
    groups = decide([(0, 1, "copy", "b")], ("same", 0, 1), ("keep", 1, 0))
    assert groups.rows.filter(filename=name(0)).select("role", "relation").row(0) == ("review", "copy")


@pytest.mark.parametrize("side", [99, 101])
def test_a_same_image_of_another_size_that_was_not_compared_is_for_review(side: int) -> None:
    """A smaller one may be what the kept one was enlarged from."""
    groups = decide([(0, 2, "copy", ""), (1, 3, "copy", "")], ("same", 0, 1), ("keep", 0, 0), sides={1: side})
    assert groups.rows.filter(filename=name(1)).select("role", "relation").row(0) == ("review", "same")
    assert groups.rows.filter(filename=name(3)).select("role", "relation").row(0) == ("copy", "same")


def test_of_two_different_images_the_one_farther_from_the_kept_image_leaves() -> None:
    groups = decide(CLIQUE, ("different", 1, 2), sides={0: 300})  # image 0 is kept; 0-1 is more similar than 0-2
    assert groups_of(groups) == [[0, 1, 3]]
    related = groups.related.select("filename", "relation").rows()
    assert (name(2), "different") in related or (name(2), "copy") in related
    kept_of_pair = decide(CLIQUE, ("different", 0, 1), sides={0: 300})
    assert groups_of(kept_of_pair) == [[0, 2, 3]]


def test_images_with_equal_pixels_can_be_separated_too() -> None:
    rows: list[Row] = [(0, 1, "pixels", ""), (0, 2, "pixels", ""), (1, 2, "pixels", "")]
    groups = decide(rows, ("variant", 1, 2))
    assert groups_of(groups) == [[0, 1]]
    assert groups.rows.filter(filename=name(1))["relation"].item() == "pixels"


def test_keep_decides_the_kept_image_and_what_is_no_copy_of_it_leaves() -> None:
    rows: list[Row] = [(0, 1, "copy", ""), (0, 2, "copy", "")]
    groups = decide(rows, ("keep", 1, 0), sides={0: 300})
    assert groups_of(groups) == [[1, 0]]
    assert groups.rows["reason"].unique().to_list() == ["a verdict keeps it"]
    assert groups_of(decide(CLIQUE, ("keep", 2, 0))) == [[2, 0, 1, 3]]


def test_protect_is_the_role_of_a_copy_and_a_kept_image_stays_kept() -> None:
    groups = decide(CLIQUE, ("protect", 0, 0), ("protect", 3, 0), sides={0: 300})
    roles = {int(each[:3]): role for each, role in groups.rows.select("filename", "role").iter_rows()}
    assert roles == {0: "keep", 1: "copy", 2: "copy", 3: "protected"}


def test_the_newest_verdict_on_a_pair_wins_and_that_is_no_contradiction() -> None:
    groups = decide([(0, 1, "copy", "")], ("different", 0, 1), ("same", 1, 0))
    assert (groups_of(groups), conflicts(groups)) == ([[0, 1]], [])
    apart = decide([(0, 1, "copy", "")], ("same", 0, 1), ("variant", 1, 0))
    assert (groups_of(apart), conflicts(apart)) == ([], [])


@pytest.mark.parametrize(
    ("said", "refused", "against"),
    [
        ([("same", 0, 1), ("same", 1, 2), ("different", 0, 2)], "v-1", ("v-3", "v-2")),
        ([("different", 0, 2), ("same", 0, 1), ("same", 1, 2)], "v-1", ("v-2", "v-3")),
        ([("variant", 3, 0), ("same", 0, 1), ("same", 1, 2), ("same", 2, 3)], "v-1", ("v-4", "v-3", "v-2")),
    ],
)
def test_a_contradiction_names_the_newer_verdicts(said: list[Said], refused: str, against: tuple[str, ...]) -> None:
    (conflict,) = conflicts(decide(CLIQUE, *said))
    assert (conflict.verdict_id, set(conflict.against)) == (refused, set(against))
    assert conflict.problem.endswith(", ".join(conflict.against))
    assert conflict.line == int(refused[2:]) + 1


def test_two_kept_images_of_one_group_are_reported_and_the_newer_is_kept() -> None:
    groups = decide(CLIQUE, ("keep", 1, 0), ("keep", 2, 0))
    assert groups_of(groups) == [[2, 0, 1, 3]]
    (conflict,) = conflicts(groups)
    assert (conflict.verdict_id, conflict.against) == ("v-1", ("v-2",))
    assert "keeps another image of the same group" in conflict.problem


def test_rows_that_cannot_be_used_are_reported_by_line_beside_good_ones() -> None:
    given_verdicts = verdicts([("different", 0, 1)], bad=[BadVerdict(3, "2 fields, expected 10")])
    groups = form_groups(evidence([(0, 1, "copy", "")]), verdicts=given_verdicts)
    assert groups_of(groups) == []
    assert [(each.line, each.problem) for each in conflicts(groups)] == [
        (3, "the row cannot be used: 2 fields, expected 10")
    ]
    assert groups.decided
    assert (groups.decided.active, groups.decided.applied, groups.decided.elsewhere) == (1, 1, 0)


def test_verdicts_about_images_of_another_collection_are_counted_and_change_nothing() -> None:
    groups = decide([(0, 1, "copy", "")], ("different", 0, 7), ("keep", 8, 0), ("same", 7, 8))
    assert groups_of(groups) == [[0, 1]]
    assert groups.decided
    assert (groups.decided.active, groups.decided.applied, groups.decided.elsewhere) == (3, 0, 3)


def test_a_revoked_verdict_counts_no_more_and_a_revocation_can_be_revoked() -> None:
    rows = [
        GivenVerdict("v-1", "2026-01-01T00:00:01Z", "ann", "different", content(0), content(1)),
        GivenVerdict("v-2", "2026-01-01T00:00:02Z", "ann", "", revokes="v-1"),
        GivenVerdict("v-3", "2026-01-01T00:00:03Z", "ann", "", revokes="v-2"),
    ]
    assert [len(Verdicts(rows[:many]).active()) for many in (1, 2, 3)] == [1, 0, 1]
