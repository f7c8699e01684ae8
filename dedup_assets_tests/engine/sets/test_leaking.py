"""The matrix of leaks is symmetric, and taking out what `fix` names leaves no leak, whatever sets and matches are."""

import os
from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.core.match_records import TOO_UNLIKE, Evidence, Groups
from dedup_assets.engine.core.match_tables import EVIDENCE_SCHEMA, GROUPS_SCHEMA, IMAGES_SCHEMA, RELATED_SCHEMA
from dedup_assets.engine.core.set_records import Tie
from dedup_assets.engine.core.set_tables import MEMBERS_SCHEMA
from dedup_assets.engine.core.verdict_records import GivenVerdict, Verdicts
from dedup_assets.engine.groups import form_groups
from dedup_assets.engine.sets import find_leaks, leaked_images, leaks_to_review, say_leaks

SETS = ("train", "val", "test")
IMAGES = 9
memberships = st.lists(st.sets(st.sampled_from(SETS)), min_size=IMAGES, max_size=IMAGES)
pairs = st.dictionaries(
    st.tuples(st.integers(0, IMAGES - 1), st.integers(0, IMAGES - 1)).filter(lambda pair: pair[0] < pair[1]),
    st.sampled_from(["exact", "pixels", "copy", "copy: text or overlay added", "variant", "unverified"]),
)


def image(number: int) -> bytes:
    return b"%d.jpg" % number


def members_of(memberships: list[set[str]]) -> pl.DataFrame:
    rows = [(name, image(i), image(i)) for name in SETS for i, sets in enumerate(memberships) if name in sets]
    return pl.DataFrame(rows, schema=MEMBERS_SCHEMA, orient="row")


def evidence_of(pairs: dict[tuple[int, int], str]) -> Evidence:
    said = [(image(a), image(b), 0.9, *text.partition(": ")[::2]) for (a, b), text in pairs.items()]
    rows = [(*pair, None, 1.0, 1.0, 0.1, 9, "") for pair in said]
    return Evidence(pl.DataFrame(rows, schema=EVIDENCE_SCHEMA, orient="row"), pl.DataFrame(schema=IMAGES_SCHEMA))


@given(memberships, pairs)
def test_the_matrix_is_symmetric_and_shares_are_of_the_set(
    memberships: list[set[str]], pairs: dict[tuple[int, int], str]
) -> None:
    evidence = evidence_of(pairs)
    leaks = find_leaks(members_of(memberships), evidence, form_groups(evidence, "name"), SETS[1:])
    cells = {(row["a"], row["b"]): row for row in leaks.matrix.to_dicts()}
    for (a, b), cell in cells.items():
        mirrored = cells[b, a]
        assert (cell["groups"], cell["exact"], cell["copy"]) == (
            mirrored["groups"],
            mirrored["exact"],
            mirrored["copy"],
        )
        assert (cell["images_of_a"], cell["images_of_b"]) == (mirrored["images_of_b"], mirrored["images_of_a"])
        assert cell["share_of_a"] == cell["images_of_a"] / leaks.sizes[a]
        assert cell["exact"] + cell["copy"] == cell["groups"]
        assert (cell["review_of_a"], cell["review_of_b"]) == (mirrored["review_of_b"], mirrored["review_of_a"])
        assert cell["review_of_a"] <= cell["images_of_a"]


@given(memberships, pairs)
def test_taking_out_what_fix_names_leaves_no_leak_between_sets(
    memberships: list[set[str]], pairs: dict[tuple[int, int], str]
) -> None:
    evidence = evidence_of(pairs)
    groups, members = form_groups(evidence, "name"), members_of(memberships)
    leaks = find_leaks(members, evidence, groups, SETS[1:])
    gone = leaks.fix.select("set", name="filename")
    left = find_leaks(members.join(gone, on=["set", "name"], how="anti"), evidence, groups, SETS[1:])
    assert set(left.rows["role"]) <= {"variant", "undecided"}
    assert leaked_images(left) == 0
    assert set(leaks.fix.filter(pl.col("action") == "drop")["set"]) <= {"train"}


def test_an_image_of_no_set_is_no_leak_and_a_variant_is_listed_and_does_not_count() -> None:
    evidence = evidence_of({(0, 1): "variant: text or overlay added", (2, 3): "exact", (0, 2): "variant"})
    none = Groups(pl.DataFrame(schema=GROUPS_SCHEMA), pl.DataFrame(schema=RELATED_SCHEMA))
    leaks = find_leaks(members_of([{"train"}, {"test"}, {"train"}, set()]), evidence, none, ["test"])
    (listed,) = leaks.rows.select("a", "b", "verified", "relation", "kind", "role").rows()
    assert listed == (image(0), image(1), False, "variant", "text or overlay added", "variant")
    assert (leaked_images(leaks), leaks.fix.height, leaks.matrix["groups"].sum()) == (0, 0, 0)


def test_pairs_that_do_not_count_come_last_and_the_most_similar_of_them_first() -> None:
    evidence = evidence_of({(0, 1): "unverified", (2, 1): "exact", (3, 1): "unverified", (4, 1): "variant"})
    scores = pl.Series("similarity", [0.5, 0.9, 0.8, 0.4])
    evidence = Evidence(evidence.rows.with_columns(scores), evidence.images)
    sets = [{"train"}, {"test"}, {"train"}, {"train"}, {"train"}]
    leaks = find_leaks(members_of(sets), evidence, form_groups(evidence, "name"), ["test"])
    rows = leaks.rows.select("a", "verified", "role").rows()
    undecided = (False, "undecided")
    last = [(image(4), False, "variant"), (image(3), *undecided), (image(0), *undecided)]
    assert rows == [(image(2), True, "certain"), *last]


def test_a_listed_pair_that_is_too_unlike_to_be_compared_is_no_leak() -> None:
    evidence = evidence_of({(0, 1): f"unverified: {TOO_UNLIKE}", (2, 1): "unverified"})
    leaks = find_leaks(members_of([{"train"}, {"test"}, {"train"}]), evidence, form_groups(evidence, "name"), ["test"])
    assert leaks.rows.select("a", "role").rows() == [(image(2), "undecided")]


def test_a_copy_is_to_review_for_what_its_edit_or_its_kept_image_says() -> None:
    text = "copy: cropped to 80 %, text or overlay added"
    evidence = evidence_of({(0, 1): text, (2, 3): "copy: recompressed", (5, 6): "copy: gray", (5, 7): text})
    sets = [{"train"}, {"test"}, {"train"}, {"test"}, set(), set(), {"train"}, {"test"}]
    leaks = find_leaks(members_of(sets), evidence, form_groups(evidence, "name"), ["test"])
    said = {Path(os.fsdecode(a)).stem: row for a, *row in leaks.rows.select("a", "verified", "role", "review").rows()}
    to_review = [False, "review", "text or overlay added"]
    assert said == {"0": to_review, "2": [True, "certain", ""], "6": to_review}
    assert (leaked_images(leaks), leaks_to_review(leaks)) == (3, 2)
    assert say_leaks(leaks) == "3 of 3 test images are in train (2 of them to review)"
    assert dict(leaks.fix.select("filename", "action").rows()) == {
        image(0): "decide",
        image(2): "drop",
        image(6): "decide",
    }


def test_an_image_with_a_certain_leak_is_to_be_dropped_whatever_else_it_resembles() -> None:
    evidence = evidence_of({(0, 1): "copy: text or overlay added", (0, 2): "exact"})
    leaks = find_leaks(members_of([{"train"}, {"test"}, {"test"}]), evidence, form_groups(evidence, "name"), ["test"])
    assert leaks.fix.select("filename", "action", "because_of").rows() == [(image(0), "drop", image(2))]


def decided(pairs: dict[tuple[int, int], str], *said: tuple[str, int, int]) -> tuple[Evidence, Groups]:
    """Evidence of images that have contents, and its groups with what people say of pairs."""
    contents = {number: f"{number:064x}" for number in range(IMAGES)}
    known = [(image(number), content, *[None] * (len(IMAGES_SCHEMA) - 2)) for number, content in contents.items()]
    evidence = Evidence(evidence_of(pairs).rows, pl.DataFrame(known, schema=IMAGES_SCHEMA, orient="row"))
    rows = [
        GivenVerdict(f"v-{n}", f"2026-01-01T00:00:0{n}Z", "", relation, contents[a], contents[b])
        for n, (relation, a, b) in enumerate(said)
    ]
    return evidence, form_groups(evidence, "name", Verdicts(rows, digest="any"))


def test_what_people_say_of_a_pair_counts_not_what_comparing_found() -> None:
    pairs = {(0, 1): "copy", (2, 3): "copy: text or overlay added", (4, 5): "unverified"}
    said = [("different", 0, 1), ("same", 2, 3), ("different", 4, 5), ("same", 6, 7)]
    evidence, groups = decided(pairs, *said)
    leaks = find_leaks(members_of([{"train"}, {"test"}] * 4), evidence, groups, ["test"])
    found = leaks.rows.select("a", "b", "role", "relation").rows()
    assert found == [(image(2), image(3), "certain", "same"), (image(6), image(7), "certain", "same")]


def test_a_verdict_on_two_copies_that_were_not_compared_settles_their_leak() -> None:
    captioned = {(5, 6): "copy: text or overlay added", (5, 7): "copy: text or overlay added"}
    sets: list[set[str]] = [*[set()] * 6, {"train"}, {"test"}]
    for said, roles in (([], ["review"]), ([("same", 6, 7)], ["certain"]), ([("different", 7, 6)], [])):
        evidence, groups = decided(captioned, *said)
        assert find_leaks(members_of(sets), evidence, groups, ["test"]).rows["role"].to_list() == roles


def test_a_file_that_another_set_loses_with_it_is_to_decide_about_and_says_so() -> None:
    evidence = evidence_of({(0, 1): "exact", (2, 3): "copy: recompressed"})
    rows = [("train", b"a", image(0)), ("val", b"link", image(0)), ("test", b"t", image(1))]
    rows += [("train", b"b", image(2)), ("val", b"v", image(3)), ("train", b"c", image(4)), ("val", b"hard", image(4))]
    members = pl.DataFrame([*rows, ("train", b"d", image(5)), ("test", b"d", image(5))], MEMBERS_SCHEMA, orient="row")
    leaks = find_leaks(members, evidence, form_groups(evidence, "name"), SETS[1:], {(b"a", b"link"): Tie.LINKED})
    said = {(a, b): row for a, b, *row in leaks.fix.select("filename", "other_set", "action", "review").rows()}
    assert said == {
        **{(b"a", other): ["decide", f"val {Tie.LINKED}"] for other in ("val", "test")},
        **{(b"b", "val"): ["drop", ""], (b"c", "val"): ["decide", ""], (b"link", "test"): ["decide", ""]},
        (b"d", "test"): ["decide", f"test {Tie.SHARED}"],
    }
