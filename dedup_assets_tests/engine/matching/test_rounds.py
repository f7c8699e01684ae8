"""Rounds and leader clustering with an oracle in place of pictures: what holds of any world."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dedup_assets.engine.core.match_records import Evidence, Groups, Relation
from dedup_assets.engine.matching import foreseeing
from dedup_assets.engine.matching.gathering import Matching
from dedup_assets_tests.engine.matching.worlds import World, match, random_world

# A seed in place of `st.randoms`: a failing test would shrink each of hundreds of draws, for minutes.
worlds = st.integers(0, 2**32).map(lambda seed: random_world(random.Random(seed)))  # noqa: S311 - worlds, no secret


def members_of(world: World, groups: Groups) -> dict[int, list[int]]:
    """The numbers of the images of each group, by that of the kept one."""
    found: dict[int, list[int]] = {}
    for filename, keep in groups.rows.select("filename", "keep").iter_rows():
        found.setdefault(world.number(keep), []).append(world.number(filename))
    return found


@given(worlds)
def test_of_any_world_each_claim_below_holds_and_threads_change_no_table(world: World) -> None:
    evidence, groups, matching = match(world)
    no_pair_is_compared_twice_and_rows_say_what_was_found(world, evidence, matching)
    each_member_is_itself_a_copy_of_the_kept_image_and_in_one_group(world, groups)
    candidates_that_are_copies_end_in_one_group_unless_a_better_star_took_one(world, groups, matching)
    each_pair_of_similarity_csv_has_one_row(world, evidence, groups)
    by_three, groups_by_three, _ = match(world, threads=3)
    assert_frame_equal(evidence.rows, by_three.rows)
    assert_frame_equal(evidence.images, by_three.images)
    assert_frame_equal(groups.rows, groups_by_three.rows)


def no_pair_is_compared_twice_and_rows_say_what_was_found(world: World, evidence: Evidence, matching: Matching) -> None:
    assert len(set(world.asked)) == len(world.asked)
    proven = evidence.rows.filter(evidence.rows["residual"].is_not_null())
    for a, b, relation in proven.select("a", "b", "relation").iter_rows():
        assert world.relation(world.number(a), world.number(b)) == relation
    assert matching.compared == len(world.asked)
    assert evidence.rows.select("a", "b").is_unique().all()
    assert (evidence.rows["a"] < evidence.rows["b"]).all()


def each_member_is_itself_a_copy_of_the_kept_image_and_in_one_group(world: World, groups: Groups) -> None:
    found = members_of(world, groups)
    images = [image for members in found.values() for image in members]
    assert len(images) == len(set(images))
    for kept, members in found.items():
        assert len(members) > 1
        assert all(world.relation(kept, member).is_same_picture for member in members)


def candidates_that_are_copies_end_in_one_group_unless_a_better_star_took_one(
    world: World, groups: Groups, matching: Matching
) -> None:
    group_of = dict(groups.rows.select("filename", "group_id").iter_rows())
    assert matching.left_out == 0
    for a, b in world.alike:
        if world.relation(a, b).is_same_picture:
            assert {world.name(a), world.name(b)} & group_of.keys()


def each_pair_of_similarity_csv_has_one_row(world: World, evidence: Evidence, groups: Groups) -> None:
    keep = dict(groups.rows.select("filename", "keep").iter_rows())
    said = {(a, b): relation for a, b, relation in evidence.rows.select("a", "b", "relation").iter_rows()}
    for pair in world.listed:
        a, b = sorted(world.name(image) for image in pair)
        assert (a, b) in said
        if keep.get(a, a) == keep.get(b, b):
            assert Relation(said[a, b]) is not Relation.VARIANT or world.relation(*pair) is Relation.VARIANT


def test_copies_whose_centres_are_no_copies_are_a_group_when_no_star_has_them() -> None:
    copies = dict.fromkeys([(0, 1), (1, 4), (2, 3), (0, 2), (2, 5)], Relation.COPY)
    alike = {(0, 3): 0.9, (1, 3): 0.97, (1, 4): 0.53, (2, 5): 0.6, (3, 5): 0.85}
    world = World(6, copies, alike, [3, 1, 3, 1, 2, 1])
    _, groups, _ = match(world)
    assert {1, 4} <= {image for members in members_of(world, groups).values() for image in members}


def test_a_chain_of_copies_is_no_group() -> None:
    chain = World(3, {(0, 1): Relation.COPY, (1, 2): Relation.COPY}, {(0, 1): 0.9, (1, 2): 0.9, (0, 2): 0.9}, [3, 2, 1])
    _, groups, _ = match(chain)
    assert members_of(chain, groups) == {0: [0, 1]}
    longer = World(4, {(a, a + 1): Relation.COPY for a in range(3)}, {(a, a + 1): 0.9 for a in range(3)}, [4, 3, 2, 1])
    _, groups, _ = match(longer)
    assert all(len(members) < 4 for members in members_of(longer, groups).values())


def test_a_crowd_of_exact_copies_costs_one_row_each_and_no_comparison() -> None:
    many = 500
    crowd = World(many, {}, {(a, a + 1): 1.0 for a in range(many - 1)}, [9] * many, [0] * many)
    evidence, groups, _ = match(crowd)
    assert (len(evidence), crowd.asked) == (many - 1, [])
    assert members_of(crowd, groups) == {0: list(range(many))}


def test_a_group_costs_a_comparison_per_member_not_per_pair() -> None:
    pairs = [(a, b) for b in range(40) for a in range(b)]
    group = World(40, dict.fromkeys(pairs, Relation.COPY), dict.fromkeys(pairs, 0.9), [100 - a for a in range(40)])
    _, groups, _ = match(group)
    assert len(group.asked) == 39
    assert [len(members) for members in members_of(group, groups).values()] == [40]


def test_a_better_image_than_the_largest_file_is_kept_when_it_is_proven() -> None:
    pairs = [(a, b) for b in range(5) for a in range(b)]
    group = World(5, dict.fromkeys(pairs, Relation.COPY), dict.fromkeys(pairs, 0.9), [3, 2, 1, 4, 5])
    _, groups, _ = match(group)  # the oracle says that the later one of two is the edited one
    assert list(members_of(group, groups)) == [0]
    assert set(groups.rows["reason"]) == {"less edited"}


def test_a_better_image_than_the_largest_file_becomes_the_centre_at_no_cost() -> None:
    pairs = [(a, b) for b in range(40) for a in range(b)]
    sizes = [99, 100, *range(98, 60, -1)]
    group = World(40, dict.fromkeys(pairs, Relation.COPY), dict.fromkeys(pairs, 0.9), sizes)
    _, groups, _ = match(group)  # the oracle says that the later one of two is the edited one
    assert len(group.asked) == 39
    assert list(members_of(group, groups)) == [0]


def test_pairs_between_sets_have_a_budget_of_their_own_and_name_what_is_left_out() -> None:
    pairs = [(a, b) for b in range(20) for a in range(b)]
    alike = {pair: 0.99 - 0.001 * place for place, pair in enumerate(pairs)}
    across = set(pairs[-8:])  # the least alike
    for budget, decided in ((10, 8), (3, 3)):
        world = World(20, dict.fromkeys(pairs, Relation.VARIANT), alike, [1] * 20)
        _, _, matching = match(world, budget=budget, across=across)
        asked = {(min(pair), max(pair)) for pair in world.asked}
        assert len(asked) == budget + decided
        assert len(asked & across) == decided
        assert len(matching.undecided) == len(across) - decided


@pytest.mark.parametrize("threads", [1, 2])
def test_the_budget_is_counted_in_pairs_and_the_most_alike_come_first(threads: int) -> None:
    pairs = {(a, a + 1): 0.9 - 0.001 * a for a in range(0, 200, 2)}
    world = World(200, dict.fromkeys(pairs, Relation.COPY), pairs, [1] * 200)
    _, groups, matching = match(world, threads, budget=30)
    assert (matching.compared, matching.left_out) == (30, 70)
    assert sorted(members_of(world, groups)) == list(range(0, 60, 2))


def test_where_copies_are_rare_the_rest_is_left_out() -> None:
    rng = random.Random(3)  # noqa: S311 - a fixed world
    pairs = {}
    while len(pairs) < 6000:
        a, b = sorted(rng.sample(range(5000), 2))
        pairs[a, b] = round(rng.uniform(0.45, 0.99), 6)
    world = World(5000, {}, pairs, [1] * 5000)
    _, _, matching = match(world)
    assert 512 <= matching.compared < 1100
    assert matching.compared + matching.left_out == 6000


@pytest.mark.parametrize("seed", range(8))
def test_answers_found_ahead_change_no_result(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead, alone = chained_world(seed), chained_world(seed)
    one, one_groups, matching = match(ahead, threads=3)
    monkeypatch.setattr(foreseeing, "_LARGE", 1000)
    other, other_groups, _ = match(alone)
    assert len(ahead.asked) > len(alone.asked) == matching.compared
    assert {*ahead.asked} > {*alone.asked}
    assert_frame_equal(one.rows, other.rows)
    assert_frame_equal(one.images, other.images)
    assert_frame_equal(one_groups.rows, other_groups.rows)


@pytest.mark.parametrize("seed", range(8))
def test_of_answers_found_ahead_few_are_left_over(seed: int) -> None:
    world = chained_world(seed)
    _, _, matching = match(world)
    assert len(world.asked) < 1.3 * matching.compared


def chained_world(seed: int) -> World:
    """Some 100 images that resemble each other in chains; few are copies."""
    rng = random.Random(seed)  # noqa: S311 - as above
    pairs: dict[tuple[int, int], float] = {}
    while len(pairs) < 900:
        a, b = sorted(rng.sample(range(100), 2))
        pairs[a, b] = round(rng.uniform(0.45, 0.99), 6)
    copies = {pair: Relation.COPY for pair in pairs if rng.random() < 0.1}
    return World(100, copies, pairs, [rng.randint(1, 3) for _ in range(100)])
