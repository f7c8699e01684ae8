"""The matrix of leaks is symmetric, and taking out what `fix` names leaves no leak, whatever sets and matches are."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.match_tables import EVIDENCE_SCHEMA, GROUPS_SCHEMA, IMAGES_SCHEMA, RELATED_SCHEMA
from dedup_assets.engine.core.set_tables import MEMBERS_SCHEMA
from dedup_assets.engine.groups import form_groups
from dedup_assets.engine.sets import find_leaks, leaked_images

SETS = ("train", "val", "test")
IMAGES = 9
memberships = st.lists(st.sets(st.sampled_from(SETS)), min_size=IMAGES, max_size=IMAGES)
pairs = st.dictionaries(
    st.tuples(st.integers(0, IMAGES - 1), st.integers(0, IMAGES - 1)).filter(lambda pair: pair[0] < pair[1]),
    st.sampled_from(["exact", "pixels", "copy", "variant", "unverified"]),
)


def image(number: int) -> bytes:
    return b"%d.jpg" % number


def members_of(memberships: list[set[str]]) -> pl.DataFrame:
    rows = [(name, image(i), image(i)) for name in SETS for i, sets in enumerate(memberships) if name in sets]
    return pl.DataFrame(rows, schema=MEMBERS_SCHEMA, orient="row")


def evidence_of(pairs: dict[tuple[int, int], str]) -> Evidence:
    rows = [(image(a), image(b), 0.9, relation, "", None, 1.0, 1.0, 0.1, 9, "") for (a, b), relation in pairs.items()]
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


@given(memberships, pairs)
def test_taking_out_what_fix_names_leaves_no_leak_between_sets(
    memberships: list[set[str]], pairs: dict[tuple[int, int], str]
) -> None:
    evidence = evidence_of(pairs)
    groups, members = form_groups(evidence, "name"), members_of(memberships)
    leaks = find_leaks(members, evidence, groups, SETS[1:])
    gone = leaks.fix.select("set", name="filename")
    left = find_leaks(members.join(gone, on=["set", "name"], how="anti"), evidence, groups, SETS[1:])
    assert not left.rows["verified"].any()
    assert leaked_images(left) == 0
    assert set(leaks.fix.filter(pl.col("action") == "drop")["set"]) <= {"train"}


def test_an_image_of_no_set_and_a_variant_are_no_leak() -> None:
    evidence = evidence_of({(0, 1): "variant", (2, 3): "exact"})
    none = Groups(pl.DataFrame(schema=GROUPS_SCHEMA), pl.DataFrame(schema=RELATED_SCHEMA))
    leaks = find_leaks(members_of([{"train"}, {"test"}, {"train"}, set()]), evidence, none, ["test"])
    assert len(leaks) == 0


def test_undecided_pairs_come_after_all_leaks_and_the_most_similar_of_them_first() -> None:
    evidence = evidence_of({(0, 1): "unverified", (2, 1): "exact", (3, 1): "unverified"})
    scores = pl.Series("similarity", [0.5, 0.9, 0.8])
    evidence = Evidence(evidence.rows.with_columns(scores), evidence.images)
    leaks = find_leaks(
        members_of([{"train"}, {"test"}, {"train"}, {"train"}]), evidence, form_groups(evidence, "name"), ["test"]
    )
    rows = leaks.rows.select("a", "verified").rows()
    assert rows == [(image(2), True), (image(3), False), (image(0), False)]
