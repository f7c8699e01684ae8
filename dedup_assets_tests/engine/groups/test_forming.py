"""Groups are stars: each image is in at most one, and each member is itself the same picture as the kept image."""

import random
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.match_tables import EVIDENCE_SCHEMA, IMAGES_SCHEMA
from dedup_assets.engine.groups import find_kept, form_groups, hold_libraries

Row = tuple[int, int, str, str]

FIRST_SIMILARITY = 0.9
FIRST_BY_NAME = "first by name, as no rule before it tells them apart"


def name(number: int) -> bytes:
    return b"%03d.jpg" % number


def evidence(rows: Iterable[Row], *, sides: dict[int, int] | None = None, unproven: Iterable[Row] = ()) -> Evidence:
    """Evidence of pairs (a, b, relation, edited); an image is a square of 100 px unless `sides` says more or less."""
    table, numbers = [], set()
    for proof, some in ((0.1, rows), (None, unproven)):
        for a, b, relation, edited in some:
            similarity = FIRST_SIMILARITY - 0.001 * a - 0.00001 * b
            table.append((name(a), name(b), similarity, relation, f"{a} {b}", None, 1.0, 1.0, proof, 9, edited))
            numbers |= {a, b}
    images = [
        (name(number), f"{number:064x}", side, side, 10 * side, 1)
        for number in sorted(numbers)
        if (side := (sides or {}).get(number, 100))
    ]
    return Evidence(
        pl.DataFrame(table, schema=EVIDENCE_SCHEMA, orient="row"),
        images_table(images),
    )


def images_table(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    """Rows with the first columns of `IMAGES_SCHEMA`; the others are unknown."""
    width = len(rows[0]) if rows else 0
    named = pl.DataFrame(rows, schema=dict(list(IMAGES_SCHEMA.items())[:width]), orient="row")
    return named.with_columns(
        pl.lit(None, kind).alias(name) for name, kind in IMAGES_SCHEMA.items() if name not in named.columns
    )


def groups_of(groups: Groups) -> list[list[int]]:
    """The numbers of the images of each group, the kept one first, sorted."""
    found: dict[str, list[int]] = {}
    for filename, group_id in groups.rows.select("filename", "group_id").iter_rows():
        found.setdefault(group_id, []).append(int(filename[:3]))
    return sorted(found.values())


@st.composite
def graphs(draw: st.DrawFn) -> list[Row]:
    """Random relations between up to nine images; exact copies and equal pixels are classes, as they are in life."""
    count = draw(st.integers(2, 9))
    file = [draw(st.integers(0, place)) for place in range(count)]  # equal numbers: equal bytes
    pixels = [draw(st.integers(0, place)) for place in range(count)]  # of a file: equal numbers, equal pixels
    rows = []
    for a, b in combinations(range(count), 2):
        alike = "exact" if file[a] == file[b] else "pixels" if pixels[file[a]] == pixels[file[b]] else ""
        relation = alike or draw(st.sampled_from(["copy", "variant", "unverified", ""]))
        if relation:
            rows.append((a, b, relation, draw(st.sampled_from(["", "a", "b", "both"]))))
    return rows


@given(graphs(), st.randoms(use_true_random=False))
def test_each_image_is_in_one_star_of_its_copies_for_any_order_of_rows(rows: list[Row], order: random.Random) -> None:
    groups = form_groups(evidence(rows))
    same = {frozenset(row[:2]): row[2] for row in rows if row[2] in ("exact", "pixels", "copy")}
    alike = {pair for pair, relation in same.items() if relation != "copy"}
    found = groups_of(groups)
    members = [number for group in found for number in group]
    assert len(members) == len(set(members))
    assert all(len(group) > 1 for group in found)
    for kept, *others in found:
        twins = {kept} | {number for pair in alike if kept in pair for number in pair}
        for other in others:
            near = {other} | {number for pair in alike if other in pair for number in pair}
            assert any(one == two or frozenset({one, two}) in same for one in twins for two in near), (kept, other)
    lonely = {number for row in rows for number in row[:2]} - set(members)
    assert not any(pair <= lonely for pair in same)
    assert groups.rows["group_id"].n_unique() == len(found)
    kept = find_kept(evidence(rows)).sort("filename")
    assert_frame_equal(kept, groups.rows.select(kept.columns).sort("filename"))
    shuffled = order.sample(rows, len(rows))
    again = form_groups(evidence(shuffled))
    assert_frame_equal(again.rows, groups.rows)
    assert_frame_equal(again.related, groups.related)


@given(graphs())
def test_related_neighbours_are_of_another_group_or_of_none(rows: list[Row]) -> None:
    groups = form_groups(evidence(rows))
    group_of = dict(groups.rows.select("filename", "group_id").iter_rows())
    related = list(groups.related.select("group_id", "other_group_id", "filename").iter_rows())
    assert len(set(related)) == len(related)
    for group, other, filename in related:
        assert group != other
        assert group_of.get(filename, "") == other
    pairs = {(group, other or filename) for group, other, filename in related}
    for a, b, _, _ in rows:
        ours, theirs = group_of.get(name(a), ""), group_of.get(name(b), "")
        if ours != theirs:
            assert not ours or (ours, theirs or name(b)) in pairs
            assert not theirs or (theirs, ours or name(a)) in pairs


def test_a_chain_joins_only_the_copies_of_the_kept_image() -> None:
    groups = form_groups(evidence([(0, 1, "copy", ""), (1, 2, "copy", ""), (2, 3, "copy", "")]))
    assert groups_of(groups) == [[1, 0, 2]]
    kept = groups.rows.filter(role="keep")["filename"].to_list()
    related = groups.related.select("filename", "relation").rows()
    assert (kept, related) == ([name(1)], [(name(3), "copy")])


def test_rows_that_follow_from_groups_prove_nothing() -> None:
    found = form_groups(evidence([(0, 1, "copy", "")], unproven=[(1, 2, "copy", "")]))
    assert groups_of(found) == [[0, 1]]


def test_the_kept_image_is_less_edited_then_larger_then_first_by_name() -> None:
    edited = form_groups(evidence([(0, 1, "copy", "a")], sides={0: 300, 1: 200}))
    assert edited.rows.select("keep", "reason").row(0) == (name(1), "less edited")
    larger = form_groups(evidence([(0, 1, "copy", "both")], sides={0: 200, 1: 300}))
    assert larger.rows.select("keep", "reason").row(0) == (name(1), "more pixels")
    first = form_groups(evidence([(0, 1, "exact", "")]))
    assert first.rows.select("keep", "reason").row(0) == (name(0), FIRST_BY_NAME)


@pytest.mark.parametrize(
    ("edited", "kind", "overlaps", "kept", "reason"),
    [
        ("b", "cropped to 56 %", (0.56, 1.0), 0, "shows more"),
        ("a", "gray", (0.56, 1.0), 0, "shows more"),  # in doubt the image that shows more, though it is the edited one
        ("", "recoloured", (1.0, 0.7), 1, "shows more"),
        ("b", "border added", (1.0, 0.7), 0, "less edited"),
        ("b", "page around added, gray", (1.0, 0.7), 0, "less edited"),
        ("b", "margin added or cut off", (1.0, 0.7), 0, "less edited"),
        ("both", "border added, blurred", (1.0, 0.7), 0, FIRST_BY_NAME),
        ("both", "cropped to 56 %, border added", (0.6, 0.9), 0, "shows more"),
        ("b", "gray", (1.0, 0.99), 0, "less edited"),
    ],
)
def test_an_image_that_shows_more_is_kept_unless_that_is_a_border_or_a_page(
    edited: str, kind: str, overlaps: tuple[float, float], kept: int, reason: str
) -> None:
    said = evidence([(0, 1, "copy", edited)])
    rows = said.rows.with_columns(kind=pl.lit(kind), overlap_a=pl.lit(overlaps[0]), overlap_b=pl.lit(overlaps[1]))
    groups = form_groups(Evidence(rows, said.images))
    assert groups.rows.select("keep", "reason").row(0) == (name(kept), reason)


@pytest.mark.parametrize("kept_by_pixels", [False, True])
@pytest.mark.parametrize(
    "kind",
    [
        "margin added or cut off",
        "page around added, gray",
        "resized, text or overlay added",
        "recompressed, small text may differ",
    ],
)
def test_an_image_that_may_have_another_margin_or_text_is_for_review(kept_by_pixels: bool, kind: str) -> None:
    said = evidence([(0, 1, "copy", "b")])
    rows = said.rows.with_columns(kind=pl.lit(kind), overlap_a=pl.lit(1.0), overlap_b=pl.lit(0.7))
    groups = form_groups(Evidence(rows, said.images), "pixels" if kept_by_pixels else "photos")
    assert groups.rows["role"].to_list() == ["keep", "review"]


def test_a_better_image_that_not_all_are_copies_of_is_not_kept() -> None:
    rows = [(0, 1, "copy", ""), (0, 2, "copy", ""), (0, 3, "copy", ""), (1, 2, "copy", "")]
    found = form_groups(evidence(rows, sides={1: 300}))
    assert groups_of(found) == [[0, 1, 2, 3]]
    assert found.rows["reason"].to_list() == ["the others are copies of it"] * 2 + [FIRST_BY_NAME] * 2
    assert found.rows.filter(role="review").select("filename", "review").rows() == [
        (name(1), "may be the original: nothing says which of the two was made from the other")
    ]
    all_of_them = form_groups(evidence([*rows, (1, 3, "copy", "")], sides={1: 300}))
    assert groups_of(all_of_them) == [[1, 0, 2, 3]]


@pytest.mark.parametrize("kind", ["border added, recoloured", "page around added"])
def test_an_image_in_a_frame_of_unknown_side_is_no_reason_to_remove_the_other(kind: str) -> None:
    said = evidence([(0, 1, "copy", ""), (2, 3, "copy", "")], sides={0: 300, 2: 300})
    rows = said.rows.with_columns(kind=pl.lit(kind), overlap_a=pl.lit(1.0), overlap_b=pl.lit(1.0))
    groups = form_groups(Evidence(rows, said.images))
    assert groups.rows.sort("filename")["role"].to_list() == ["keep", "review"] * 2


@pytest.mark.parametrize("kind", ["gray", "resized, gray", "rotated by 2°, cropped to 84 %, recoloured"])
def test_an_image_that_the_kept_one_may_show_again_is_for_review(kind: str) -> None:
    """A scan beside its colourised form, a print beside a photograph of it on a table."""
    said = evidence([(0, 1, "copy", "b")])
    rows = said.rows.with_columns(kind=pl.lit(kind), overlap_a=pl.lit(0.84), overlap_b=pl.lit(1.0))
    groups = form_groups(Evidence(rows, said.images))
    assert groups.rows["role"].to_list() == ["keep", "review"]


def test_an_image_that_looks_blurred_beside_a_little_larger_one_is_for_review() -> None:
    """The larger one may be enlarged and sharpened, which is too little to be measured."""
    said = evidence([(0, 1, "copy", "b")], sides={1: 97})
    groups = form_groups(Evidence(said.rows.with_columns(kind=pl.lit("blurred")), said.images))
    assert groups.rows["role"].to_list() == ["keep", "review"]
    assert "may be the original" in groups.rows["review"][1]


def test_copies_inside_a_photo_library_wait_for_a_person_whatever_their_bytes_are() -> None:
    said = evidence([(0, 1, "exact", ""), (2, 3, "exact", "")])
    moved = {name(1): b"z/My.photoslibrary/resources/1.jpg"}
    rows = said.rows.with_columns(pl.col("a", "b").replace(moved))
    images = said.images.with_columns(pl.col("filename").replace(moved))
    found = hold_libraries(form_groups(Evidence(rows, images)).rows)
    roles = dict(found.select("filename", "role").iter_rows())
    assert roles == {name(0): "keep", moved[name(1)]: "review", name(2): "keep", name(3): "copy"}


def test_exact_copies_of_a_member_have_its_relation_to_the_kept_image() -> None:
    rows = [(0, 1, "exact", ""), (2, 3, "exact", ""), (1, 3, "copy", "b"), (4, 2, "pixels", "")]
    found = form_groups(evidence(rows))
    said = {row["filename"]: row for row in found.rows.iter_rows(named=True)}
    assert [said[name(number)]["relation"] for number in range(5)] == ["", "exact", "copy", "copy", "copy"]
    assert {said[name(number)]["kind"] for number in (2, 3, 4)} == {"1 3"}
    assert {said[name(number)]["similarity_to_keep"] for number in (0, 1)} == {1.0}


def test_an_id_is_that_of_the_contents_whatever_the_names_are() -> None:
    one = evidence([(0, 1, "copy", "")])
    other = Evidence(
        one.rows.with_columns(a=pl.lit(b"x"), b=pl.lit(b"y")),
        one.images.with_columns(filename=pl.Series([b"x", b"y"])),
    )
    assert form_groups(one).rows["group_id"].to_list() == form_groups(other).rows["group_id"].to_list()


def test_no_evidence_gives_no_groups() -> None:
    found = form_groups(evidence([]))
    assert (found.rows.height, found.related.height) == (0, 0)


@pytest.mark.parametrize("finer_first", [False, True])
@pytest.mark.parametrize(("growth", "role"), [(0.5, "review"), (0.99, "copy"), (2.0, "copy")])
def test_a_copy_in_finer_detail_than_the_kept_image_is_for_review(growth: float, role: str, finer_first: bool) -> None:
    """`growth`: how long a pixel of the part is in the image that shows all of it, and is kept."""
    whole, part = (1, 0) if finer_first else (0, 1)
    scale = 1 / growth if finer_first else growth  # pixels of b onto a
    found = evidence([(0, 1, "copy", "")], sides={whole: 100, part: 60})
    overlaps = {f"overlap_{'ab'[whole]}": 0.3, f"overlap_{'ab'[part]}": 1.0}
    rows = found.rows.with_columns(
        transform=pl.Series([[scale, 0, 0, 0, scale, 0, 0, 0, 1]], dtype=pl.List(pl.Float64)),
        **{column: pl.lit(share) for column, share in overlaps.items()},
    )
    detailed = found.images.with_columns(spectrum=pl.lit([1.0] * 24, pl.List(pl.Float64)))
    groups = form_groups(Evidence(rows, detailed)).rows
    assert groups.select("filename", "role").rows() == [(name(whole), "keep"), (name(part), role)]
    unproven = form_groups(Evidence(rows, found.images)).rows
    assert unproven["role"].to_list() == ["keep", "copy" if role == "copy" and growth < 1.05 else "review"]


@pytest.mark.parametrize("collage", [0, 1, 2])
@pytest.mark.parametrize(("left_of_second", "role"), [(100, "review"), (95, "review"), (40, "copy")])
def test_two_parts_of_the_kept_image_that_do_not_overlap_are_for_review(
    collage: int, left_of_second: int, role: str
) -> None:
    """A collage of 200 x 200 pixels, and two members of 100 x 100, as two photographs side by side are."""
    first, second = (each for each in range(3) if each != collage)
    pairs = [(min(collage, each), max(collage, each)) for each in (first, second)]
    found = evidence([(*pair, "copy", "") for pair in sorted(pairs)], sides={collage: 200})
    table = []
    for part, left in ((first, 0), (second, left_of_second)):
        shift = left if collage < part else -left  # pixels of b onto a
        low = min(collage, part)
        table.append((name(low), name(max(collage, part)), [1.0, 0, shift, 0, 1, 0, 0, 0, 1], low))
    maps = pl.DataFrame(
        {
            **{"a": [each[0] for each in table], "b": [each[1] for each in table]},
            "transform": pl.Series([each[2] for each in table], dtype=pl.List(pl.Float64)),
            "overlap_a": [0.25 if each[3] == collage else 1.0 for each in table],
            "overlap_b": [1.0 if each[3] == collage else 0.25 for each in table],
        }
    )
    groups = form_groups(replace(found, rows=found.rows.update(maps, on=["a", "b"]))).rows
    assert groups.select("filename", "role").rows() == [
        (name(collage), "keep"),
        (name(first), role),
        (name(second), role),
    ]


def test_where_a_frame_and_a_page_make_a_circle_the_framed_picture_is_kept() -> None:
    border, original, page = 0, 1, 2
    said = evidence(
        [(border, original, "copy", "a"), (border, page, "copy", "b"), (original, page, "copy", "a")],
        sides={border: 140, original: 100, page: 120},
    )
    kinds = pl.DataFrame(
        {
            **{"a": [name(border), name(border), name(original)], "b": [name(original), name(page), name(page)]},
            "kind": ["border added", "cropped to 87 %", "cropped to 61 %"],
            **{"overlap_a": [0.5, 0.87, 1.0], "overlap_b": [1.0, 0.94, 0.61]},
        }
    )
    looped = replace(said, rows=said.rows.update(kinds, on=["a", "b"]))
    rows = form_groups(looped).rows
    assert dict(rows.select("filename", "role").iter_rows()) == {
        name(original): "keep",
        name(border): "review",
        name(page): "review",
    }


def test_of_a_circle_the_image_is_kept_that_most_others_are_edits_of() -> None:
    tone, blur, original, gray, caption = range(5)
    rows = [
        (tone, blur, "copy", "b"),
        (blur, original, "copy", "b"),  # a mistake
        (tone, original, "copy", ""),
        (original, gray, "copy", "b"),
        (original, caption, "copy", "b"),
        (tone, gray, "copy", ""),
        (tone, caption, "copy", ""),
        (blur, gray, "copy", ""),
        (blur, caption, "copy", ""),
    ]
    for order in (rows, rows[::-1]):
        found = form_groups(evidence(order, sides={original: 110})).rows
        roles = dict(found.select("filename", "role").iter_rows())
        assert {image: roles.pop(name(image)) for image in (tone, blur, original)} == {
            original: "keep",
            tone: "review",
            blur: "review",
        }
        assert set(roles.values()) == {"copy"}
        contradicted = "comparisons contradict each other, and most of them speak for it"
        said = found.sort("filename")["reason"].to_list()
        assert said == ["more pixels", contradicted, contradicted, "less edited", "less edited"]


def test_an_image_beside_which_others_are_better_gives_way_to_one_of_more_edits() -> None:
    blur, original, gray, caption, tone = range(5)
    rows = [(blur, original, "copy", "b"), (blur, tone, "copy", "a")]  # a mistake; no other image is a copy of the tone
    rows += [(original, other, "copy", "b") for other in (gray, caption)] + [(original, tone, "copy", "")]
    rows += [(blur, other, "copy", "") for other in (gray, caption)]
    roles = dict(form_groups(evidence(rows)).rows.select("filename", "role").iter_rows())
    assert [roles[name(image)] for image in (original, blur)] == ["keep", "review"]
