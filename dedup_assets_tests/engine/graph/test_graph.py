"""Pairs, outliers and components against a small reference."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from dedup_assets.engine.core.graph_settings import GraphSettings
from dedup_assets.engine.core.records import Neighbors
from dedup_assets.engine.graph import PairCount, build_components, count_pairs, find_outliers, similar_pairs
from dedup_assets.engine.graph.edges import UndirectedEdges
from dedup_assets.engine.graph.pagerank import pagerank

Edge = tuple[int, int, float]
EVERYTHING = GraphSettings(ccthreshold=0.5, run_cc=True, run_pagerank=True, run_degree=True)
_SCHEMA = {"from": pl.UInt32, "to": pl.UInt32, "similarity": pl.Float32}

scores = st.sampled_from([0.0, 0.3, 0.499999, 0.5, 0.500001, 0.85, 0.9, 1.0, -0.2])


@st.composite
def graphs(draw: st.DrawFn) -> Neighbors:
    """Directed graphs of up to 12 images with up to 30 edges, each at most once in a direction."""
    images = draw(st.integers(1, 12))
    nodes = st.integers(0, images - 1)
    given_edges = draw(st.dictionaries(st.tuples(nodes, nodes), scores, max_size=30))
    # Both directions of a pair have the same similarity, as the search computes them.
    edges = [
        (a, b, given_edges[min((a, b), (b, a), key=lambda pair: (pair not in given_edges, pair))])
        for a, b in given_edges
        if a != b
    ]
    return neighbors_of(images, *edges)


def neighbors_of(images: int, *edges: Edge) -> Neighbors:
    table = pl.DataFrame(list(edges), schema=_SCHEMA, orient="row")
    return Neighbors(table.sort("from", "similarity", "to", descending=[False, True, False]), images)


def names_of(images: int) -> pl.Series:
    """Names in the reverse order of the rows."""
    return pl.Series([b"%03d" % (999 - row) for row in range(images)], dtype=pl.Binary)


def groups(images: int, edges: list[tuple[int, int]]) -> list[set[int]]:
    """Components by plain union-find, largest first; those of equal size are ordered by their first image."""
    parent = list(range(images))

    def root(node: int) -> int:
        while parent[node] != node:
            node = parent[node]
        return node

    for left, right in edges:
        parent[root(left)] = root(right)
    members: dict[int, set[int]] = {}
    for node in range(images):
        members.setdefault(root(node), set()).add(node)
    return sorted(members.values(), key=lambda group: (-len(group), min(group)))


# Components


@given(graphs())
def test_components_are_those_of_a_union_find_largest_first(neighbors: Neighbors) -> None:
    found = build_components(neighbors, EVERYTHING)
    edges = [(a, b) for a, b, score in neighbors.edges.iter_rows() if round(score, 6) > 0.5]
    expected = groups(neighbors.images, edges)
    ids = found.images["component_id"].to_list()
    assert [{row for row, own in enumerate(ids) if own == number} for number in range(max(ids) + 1)] == expected
    assert found.info["component_id"].to_list() == list(range(len(expected)))
    assert found.info["count"].to_list() == [len(group) for group in expected]
    assert found.images["count"].to_list() == [len(expected[own]) for own in ids]
    assert found.info["count"].sum() == neighbors.images
    assert found.images["__id"].to_list() == list(range(neighbors.images))


@given(graphs())
def test_pagerank_sums_to_one_and_degree_counts_different_images(neighbors: Neighbors) -> None:
    images = build_components(neighbors, EVERYTHING).images
    assert images["pagerank"].sum() == pytest.approx(1)
    assert images["pagerank"].min() > 0
    joined: dict[int, set[int]] = {row: set() for row in range(neighbors.images)}
    for left, right, score in neighbors.edges.iter_rows():
        if round(score, 6) > 0.5:
            joined[left].add(right)
            joined[right].add(left)
    assert images["degree"].to_list() == [len(joined[row]) for row in range(neighbors.images)]


def test_similarities_of_a_component_are_those_of_its_edges_each_counted_once() -> None:
    neighbors = neighbors_of(5, (0, 1, 0.9), (1, 0, 0.9), (1, 2, 0.6), (3, 4, 0.4))
    info = build_components(neighbors, EVERYTHING).info
    assert info.rows() == [(0, 3, 0.75, 0.6, 0.9), (1, 1, None, None, None), (2, 1, None, None, None)]


def test_an_edge_joins_only_above_ccthreshold() -> None:
    neighbors = neighbors_of(3, (0, 1, 0.85), (1, 2, 0.850001))
    settings = GraphSettings(ccthreshold=0.85, run_cc=True, run_pagerank=False, run_degree=False)
    assert build_components(neighbors, settings).images["component_id"].to_list() == [1, 0, 0]


def test_a_computation_that_is_switched_off_is_an_absent_column() -> None:
    neighbors = neighbors_of(3, (0, 1, 0.9))
    every = build_components(neighbors, EVERYTHING).images.columns
    assert every == [
        "__id", "component_id", "pagerank", "degree", "count", "mean_distance", "min_distance", "max_distance",
    ]  # fmt: skip
    of_components = {"component_id", "count", "mean_distance", "min_distance", "max_distance"}
    for switch, gone in (("run_cc", of_components), ("run_pagerank", {"pagerank"}), ("run_degree", {"degree"})):
        flags = {"run_cc": True, "run_pagerank": True, "run_degree": True, switch: False}
        found = build_components(neighbors, GraphSettings(ccthreshold=0.5, **flags))
        assert found.images.columns == [column for column in every if column not in gone]
        assert found.images.height == 3
        assert found.info.is_empty() == (switch == "run_cc")
        assert found.info.columns == ["component_id", "count", "mean", "min", "max"]


def test_a_graph_without_edges_is_single_images_of_equal_rank() -> None:
    found = build_components(neighbors_of(4), EVERYTHING)
    assert found.info["count"].to_list() == [1, 1, 1, 1]
    assert np.allclose(found.images["pagerank"], 0.25)
    assert found.images["degree"].to_list() == [0, 0, 0, 0]


def test_an_image_between_many_has_the_highest_rank() -> None:
    star = neighbors_of(5, *((row, 0, 0.9) for row in range(1, 5)))
    assert build_components(star, EVERYTHING).images["pagerank"].arg_max() == 0


def test_ranks_are_where_the_steps_of_a_random_walk_along_similarities_end() -> None:
    """Brin and Page 1998: 0.85 of a rank flows to neighbours by weight, the rest to all images equally."""
    random = np.random.default_rng(0)
    pairs = {(int(low), int(low + step)) for low, step in zip(*random.integers(1, 9, (2, 60)), strict=True)}
    similarities = random.uniform(0.6, 1, len(pairs)).round(6)
    edges = [(a, b, float(score)) for (a, b), score in zip(sorted(pairs), similarities, strict=True)]
    weights = np.zeros((20, 20))
    for a, b, score in edges:
        weights[a, b] = weights[b, a] = score
    strength = weights.sum(axis=0)
    flow = np.where(strength > 0, weights / np.where(strength > 0, strength, 1), 1 / 20)
    ranks = np.full(20, 1 / 20)
    for _ in range(300):
        ranks = 0.15 / 20 + 0.85 * flow @ ranks
    found = build_components(neighbors_of(20, *edges), EVERYTHING).images["pagerank"]
    assert np.allclose(found, ranks, rtol=1e-6)


def test_edges_are_joined_block_by_block_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    pairs = {(int(a), int(b)) for a, b in random.integers(0, 60, (90, 2)) if a != b}
    neighbors = neighbors_of(60, *((a, b, round(0.4 + (a + b) / 200, 6)) for a, b in pairs))
    at_once = build_components(neighbors, EVERYTHING), list(similar_pairs(neighbors, names_of(60), 0.5))
    monkeypatch.setattr("dedup_assets.engine.graph.edges.BLOCK_EDGES", 7)
    in_blocks = build_components(neighbors, EVERYTHING), list(similar_pairs(neighbors, names_of(60), 0.5))
    assert in_blocks[0].images.equals(at_once[0].images)
    assert in_blocks[0].info.equals(at_once[0].info)
    assert in_blocks[1] == at_once[1]


# Pairs


@given(graphs(), scores)
def test_a_pair_that_both_images_found_counts_once(neighbors: Neighbors, threshold: float) -> None:
    count = count_pairs(neighbors, threshold, names_of(neighbors.images))
    found = [({a, b}, round(score, 6)) for a, b, score in neighbors.edges.iter_rows()]
    assert count.similar == len({frozenset(pair) for pair, score in found if score >= threshold})
    assert count.identical == len({frozenset(pair) for pair, score in found if score >= 1})


def test_in_a_test_set_a_pair_counts_once_where_both_images_are_in_both_sets() -> None:
    tested = pl.Series([b"a", b"b", b"new"], dtype=pl.Binary)
    train = pl.Series([b"x", b"b", b"a"], dtype=pl.Binary)
    neighbors = neighbors_of(3, (0, 1, 1.0), (1, 2, 1.0), (2, 0, 0.9), (2, 1, 0.9), (0, 0, 0.9))
    assert count_pairs(neighbors, 0.5, tested, found_names=train) == PairCount(4, 1)


@given(graphs())
def test_pairs_of_ascending_names_are_in_the_order_of_names_too(neighbors: Neighbors) -> None:
    names = pl.Series([b"%03d" % row for row in range(neighbors.images)], dtype=pl.Binary)
    pairs = list(similar_pairs(neighbors, names, 0.3))
    assert pairs == sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))


def test_pairs_of_equal_names_are_in_the_order_of_what_they_lead_to() -> None:
    names = pl.Series([b"a", b"a", b"c", b"b"], dtype=pl.Binary)
    neighbors = neighbors_of(4, (0, 2, 0.9), (1, 3, 0.9))
    assert list(similar_pairs(neighbors, names, 0.5)) == [(b"a", b"b", 0.9), (b"a", b"c", 0.9)]


def test_pairs_at_the_threshold_are_stored_and_those_below_are_not() -> None:
    neighbors = neighbors_of(4, (0, 1, 0.85), (1, 0, 0.85), (2, 3, 0.849999), (3, 2, 0.849999))
    assert [row[2] for row in similar_pairs(neighbors, names_of(4), 0.85)] == [0.85, 0.85]


def test_pairs_are_sorted_by_similarity_and_ties_by_the_names_of_both() -> None:
    neighbors = neighbors_of(4, (0, 1, 0.9), (0, 2, 0.9), (1, 0, 0.9), (2, 3, 0.95), (3, 2, 0.95))
    names = names_of(4)
    assert list(similar_pairs(neighbors, names, 0.0)) == [
        (names[3], names[2], 0.95),
        (names[2], names[3], 0.95),
        (names[1], names[0], 0.9),
        (names[0], names[2], 0.9),
        (names[0], names[1], 0.9),
    ]


@given(graphs(), scores)
def test_pairs_are_all_edges_at_least_as_similar_as_the_threshold(neighbors: Neighbors, threshold: float) -> None:
    names = names_of(neighbors.images)
    pairs = list(similar_pairs(neighbors, names, threshold))
    expected = {(names[a], names[b], round(score, 6)) for a, b, score in neighbors.edges.iter_rows()}
    assert set(pairs) == {edge for edge in expected if edge[2] >= threshold}
    assert pairs == sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))


# Outliers


@given(graphs(), scores)
def test_outliers_are_images_whose_best_similarity_is_below_the_threshold(
    neighbors: Neighbors, threshold: float
) -> None:
    names = names_of(neighbors.images)
    best: dict[int, float] = {}
    for row, _, score in neighbors.edges.iter_rows():
        best[row] = max(best.get(row, -1), round(score, 6))
    outliers = list(find_outliers(neighbors, names, threshold))
    assert {(row, score) for row, _, score in outliers} == {
        (names[row], score) for row, score in best.items() if score < threshold
    }
    assert outliers == sorted(outliers, key=lambda pair: (pair[2], pair[0], pair[1]))


def test_an_outlier_stands_with_its_nearest_neighbour_most_isolated_first() -> None:
    neighbors = neighbors_of(4, (0, 1, 0.2), (0, 2, 0.1), (1, 0, 0.2), (2, 0, 0.1), (3, 0, 0.3))
    names = names_of(4)
    assert list(find_outliers(neighbors, names, 0.3)) == [
        (names[2], names[0], 0.1),
        (names[1], names[0], 0.2),
        (names[0], names[1], 0.2),
    ]


def test_one_image_alone_has_neither_pairs_nor_outliers() -> None:
    alone = neighbors_of(1)
    assert len(similar_pairs(alone, names_of(1), 0.0)) == 0
    assert len(find_outliers(alone, names_of(1), 1.0)) == 0
    assert build_components(alone, EVERYTHING).info["count"].to_list() == [1]


def test_the_pagerank_of_a_large_component_does_not_depend_on_threads() -> None:
    random, images = np.random.default_rng(1), 8_000
    pairs = np.concatenate(
        [
            np.stack([np.arange(images - 1), np.arange(1, images)], axis=1),
            np.sort(random.integers(0, images, (40_000, 2)), axis=1),
        ]
    )
    pairs = np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0).astype(np.uint32)
    scores = random.integers(900_000, 1_000_000, len(pairs)).astype(np.int32)
    edges = UndirectedEdges(pairs[:, 0], pairs[:, 1], scores)
    with threadpool_limits(4, user_api="openmp"):
        found = {pagerank(images, edges).tobytes() for _ in range(6)}
    assert len(found) == 1
