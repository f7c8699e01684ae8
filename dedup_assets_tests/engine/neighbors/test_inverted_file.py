"""The inverted file finds good candidates, and its bytes and results depend on the vectors alone."""

import faiss
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dedup_assets.engine.core.records import RowRange, SearchIndex
from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors import build_index, find_neighbors, indexes, search_rows
from dedup_assets.engine.neighbors.inverted_file.candidates import find_candidates
from dedup_assets.engine.neighbors.inverted_file.layout import as_inverted_file, inverted_file_of, set_nprobe
from dedup_assets.engine.neighbors.similarity import normalized

ROWS = 3000


@pytest.fixture(autouse=True)
def _small_sets_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "_EXACT_ROWS", 100)


@pytest.fixture(scope="module")
def photos() -> NDArray[np.float32]:
    """Clusters of ten, a pair of exact copies, and a row of zeros."""
    random = np.random.default_rng(3)
    centres = np.repeat(random.normal(size=(ROWS // 10, 48)), 10, axis=0)
    vectors = (centres + 0.5 * random.normal(size=(ROWS, 48))).astype(np.float32)
    vectors[2999] = vectors[5]
    vectors[77] = 0
    return vectors


def asked(**values: object) -> SearchSettings:
    return Settings.parse(**values).search


@pytest.mark.parametrize("distance", ["cosine", "euclidean", "squared_euclidean"])
def test_it_finds_the_share_of_true_neighbours_that_was_wanted(photos: NDArray[np.float32], distance: str) -> None:
    search = asked(distance=distance, nearest_neighbors_k=5)
    index = build_index(photos, search, 2)
    found = find_neighbors(photos, index, search, 2)
    assert found.recall_at_k is not None
    assert found.recall_at_k >= 0.99
    assert inverted_file_of(index.index).nprobe < inverted_file_of(index.index).list_count
    assert found.edges.filter(pl.col("from") == 5).row(0) == (5, 2999, 1.0)
    plain = asked(distance=distance, nearest_neighbors_k=5, faiss_mode="Flat")
    exact = find_neighbors(photos, build_index(photos, plain, 2), plain, 2).edges
    both = exact.join(found.edges, on=["from", "to"], suffix="_found")
    assert both["similarity"].equals(both["similarity_found"].alias("similarity"))
    assert both.height >= 0.99 * exact.height


def test_bytes_and_edges_do_not_depend_on_the_number_of_threads(photos: NDArray[np.float32]) -> None:
    search = asked()
    indexes = [build_index(photos, search, threads) for threads in (1, 2, 4)]
    first, *others = (faiss.serialize_index(index.index) for index in indexes)
    assert all(np.array_equal(other, first) for other in others)
    answers = [find_neighbors(photos, indexes[0], search, threads).edges for threads in (1, 2, 4)]
    assert all(answer.equals(answers[0]) for answer in answers)


def test_a_row_has_the_same_neighbours_whichever_rows_are_searched_with_it(photos: NDArray[np.float32]) -> None:
    search = asked()
    index = build_index(photos, search, 1)
    whole = search_rows(photos, index, search, 1, RowRange(0, ROWS))
    parts = [search_rows(photos, index, search, 1, RowRange(start, start + 750)) for start in range(0, ROWS, 750)]
    assert pl.concat(parts).equals(whole)


def test_among_thousands_of_identical_rows_each_has_k_others() -> None:
    vectors = np.random.default_rng(0).normal(size=(1500, 32)).astype(np.float32)
    vectors[200:1200] = vectors[200]
    search = asked(nearest_neighbors_k=4)
    edges = find_neighbors(vectors, build_index(vectors, search, 2), search, 2).edges
    copies = edges.filter(pl.col("from").is_between(200, 1199))
    assert copies.height == 4000
    assert copies["similarity"].unique().to_list() == [1.0]
    assert copies["to"].is_between(200, 1199).all()


@pytest.mark.parametrize("live", [1, 3, 20])
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_values_that_are_the_same_in_all_vectors_cost_no_recall(live: int, distance: str) -> None:
    vectors = np.random.default_rng(1).normal(size=(3000, 64)).astype(np.float32)
    vectors[:, live:] = 0.25
    search = asked(distance=distance)
    index = build_index(vectors, search, 2)
    assert not np.isnan(inverted_file_of(index.index).centroid_codes()[0]).any()
    found = find_neighbors(vectors, index, search, 2)
    assert found.edges.height == 6000
    assert (found.recall_at_k or 0) >= 0.97


@pytest.mark.parametrize("different", [1, 2])
def test_vectors_that_are_all_equal_or_of_two_kinds_have_k_neighbours(different: int) -> None:
    vectors = np.repeat(np.random.default_rng(2).normal(size=(different, 32)), 3000 // different, axis=0)
    search = asked(nearest_neighbors_k=3)
    edges = find_neighbors(vectors.astype(np.float32), build_index(vectors.astype(np.float32), search, 2), search, 2)
    assert edges.edges.height == 9000
    assert edges.edges["similarity"].unique().to_list() == [1.0]


def test_a_row_whose_lists_hold_too_few_others_is_compared_with_all() -> None:
    vectors = np.random.default_rng(3).normal(size=(2000, 32)).astype(np.float32)
    vectors[:1999] = vectors[0]
    search = asked()
    edges = find_neighbors(vectors, build_index(vectors, search, 1), search, 1).edges
    unit = normalized(vectors[[0, 1999]])
    assert edges.filter(pl.col("from") == 1999)["similarity"].to_list() == pytest.approx(
        [unit[0] @ unit[1]] * 2, abs=1e-5
    )


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_among_many_near_copies_the_nearest_are_found(distance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty originals in forty versions, which differ where the codes lose detail. Each version is there twice."""
    random = np.random.default_rng(4)
    originals = np.repeat(random.normal(size=(30, 64)) * np.repeat([1, 0.01], 32), 40, axis=0)
    versions = (originals + 0.15 * random.normal(size=(1200, 64)) * np.repeat([0.2, 1], 32)).astype(np.float32)
    vectors = np.concatenate([versions, versions])
    search = asked(distance=distance, nearest_neighbors_k=2)
    index = build_index(vectors, search, 2)
    assert (find_neighbors(vectors, index, search, 2).recall_at_k or 0) >= 0.98
    monkeypatch.setattr("dedup_assets.engine.neighbors.reranking._CROWD_WIDENING", 1)
    assert (find_neighbors(vectors, index, search, 2).recall_at_k or 0) < 0.9  # the second search finds them


def test_no_more_lists_are_searched_where_they_find_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dedup_assets.engine.neighbors.reranking._CROWD_WIDENING", 1)
    vectors = np.tile(np.random.default_rng(5).normal(size=(60, 64)), (40, 1)).astype(np.float32)
    vectors += 0.01 * np.random.default_rng(6).normal(size=vectors.shape).astype(np.float32)
    lists = inverted_file_of(build_index(vectors, asked(), 2).index)
    assert lists.nprobe < lists.list_count / 4


def test_candidates_of_all_lists_are_the_best_by_the_codes_ties_by_row(photos: NDArray[np.float32]) -> None:
    index = build_index(photos, asked(), 1).index
    set_nprobe(index, inverted_file_of(index).list_count)
    lists = inverted_file_of(index)
    queries = lists.project(normalized(photos[:50]))
    ((_, found),) = find_candidates(lists, queries, 7, 2)
    rows = np.concatenate([lists.rows(number) for number in range(lists.list_count)])
    codes = np.concatenate([lists.list_codes(number, 0)[0] for number in range(lists.list_count)])[np.argsort(rows)]
    steps = np.floor(queries @ codes.T / 16)
    expected = np.argsort(-steps, axis=1, kind="stable")[:, :7]
    assert np.array_equal(found, expected)


def test_faiss_itself_searches_the_file(photos: NDArray[np.float32]) -> None:
    index = faiss.deserialize_index(faiss.serialize_index(build_index(photos, asked(), 1).index))
    _, found = index.search(normalized(photos[:20]), 1)
    assert found[:, 0].tolist() == list(range(20))


def test_other_indexes_are_told_apart_from_it(photos: NDArray[np.float32]) -> None:
    for mode in ("Flat", "HNSW16", "IVF8,SQ8", "PCA16,IVF8,SQ8", "PCA16,Flat"):
        index: SearchIndex = build_index(photos, asked(faiss_mode=mode), 1)
        assert as_inverted_file(index.index) is None
        with pytest.raises(TypeError, match="no inverted file of projected"):
            inverted_file_of(index.index)


def test_which_index_is_planned() -> None:
    assert indexes.planned(asked(), 100).faiss_mode == "Flat"
    assert indexes.planned(asked(), 101).faiss_mode == "auto"
    assert indexes.planned(asked(distance="manhattan"), 101).faiss_mode == "HNSW32"
    assert indexes.planned(asked(faiss_param="efSearch=175"), 100).faiss_mode == "HNSW32"
    assert indexes.planned(asked(faiss_mode="IVF8,Flat"), 10**9).faiss_mode == "IVF8,Flat"
