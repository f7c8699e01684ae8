"""Neighbours kept through any history of changes are those of a full search, and hardly any image is searched for."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors import SearchData, find_or_build_index, indexes
from dedup_assets.engine.neighbors.recall import exact_neighbors, share_found
from dedup_assets.engine.neighbors.row_ranges import RowRangeSearcher, SearchOutcome
from dedup_assets.engine.work_dir import WorkDir, files, index_file
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.identity import Result, file_records, read_config, record_results

HISTORIES = int(os.environ.get("DEDUP_HISTORIES", "10"))
VALUES = 32
Listing = dict[bytes, NDArray[np.float32]]


class Collection:
    """A work_dir whose features are replaced again and again."""

    def __init__(self, folder: Path, **values: Any) -> None:
        self.folder = folder
        self.settings = Settings.parse(
            work_dir=str(folder), num_threads=2, **({"search_range_size": 64, "nearest_neighbors_k": 3} | values)
        )

    def begin(self, listing: Listing) -> RowRangeSearcher:
        """Write features and index, as the steps before a search do."""
        work_dir = WorkDir(str(self.folder))
        names = sorted(listing)
        files.save_features(work_dir, names, np.stack([listing[name] for name in names]))
        features = files.read_features(work_dir)
        with generation(work_dir, "a run") as view:
            index = find_or_build_index(self.settings, features, view)
            index_file.write_index(view, index)
            recorded = file_records(view.written) or read_config(view).result("faiss_index").files
            record_results(view, {"faiss_index": Result(files=recorded, made_of=index.made_of)}, {}, {})
        return RowRangeSearcher(self.settings, features, index, work_dir)

    def reopen(self) -> RowRangeSearcher:
        """Another searcher of the same features and index."""
        return RowRangeSearcher(self.settings)

    def search(self, listing: Listing) -> tuple[pl.DataFrame, SearchOutcome]:
        """Neighbours of a listing, and how they were found."""
        searcher = self.begin(listing)
        outcome = SearchOutcome.of(searcher.complete_all())
        edges = searcher.merge().edges
        searcher.prune()
        return edges, outcome


def photos(count: int, random: np.random.Generator) -> Listing:
    """Vectors of which many are equal to others, or equally far from others."""
    vectors = random.normal(size=(count, VALUES)).astype(np.float32)
    for row in range(count):
        if random.random() < 0.4:
            vectors[row] = vectors[random.integers(0, count)] * random.choice([1.0, 2.0])
            vectors[row, :2] += random.choice([0.0, 1e-7, 1e-3, 0.5], size=2)
    numbers = random.integers(0, 10**12, count)
    return {b"a/%012d.jpg" % number: vector for number, vector in zip(numbers, vectors, strict=True)}


def changed(listing: Listing, change: str, amount: int, random: np.random.Generator) -> Listing:
    """A listing after a change."""
    names = sorted(listing)
    some = [names[place] for place in random.choice(len(names), min(amount, len(names) - 1), replace=False)]
    new = dict(listing)
    if change == "add":
        new |= photos(amount, random)
    elif change == "copy":
        new |= {b"b" + name: listing[name] for name in some}
    elif change == "edit":
        new |= dict(zip(some, photos(len(some), random).values(), strict=False))
    elif change == "rename a folder":
        new = {name.replace(b"a/", b"c/") if name in some else name: vector for name, vector in listing.items()}
    else:
        for name in some:
            moved = new.pop(name)
            if change == "move":
                new[b"%02d/%s" % (random.integers(0, 99), name)] = moved
    return new


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["add", "copy", "edit", "move", "rename a folder", "delete"]),
        st.integers(1, 15),
        st.sampled_from(["", "", "before the search", "in the search", "before the end"]),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), count=st.sampled_from([2, 5, 90, 200]), changes=CHANGES)
def test_any_history_of_changes_and_crashes_gives_the_bytes_of_one_search(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, changes: list[tuple[str, int, str]]
) -> None:
    random = np.random.default_rng(seed)
    listing = photos(count, random)
    living = Collection(tmp_path_factory.mktemp("living"))
    living.search(listing)
    for change, amount, crash in changes:
        listing = changed(listing, change, amount, random)
        if crash:
            searcher = living.begin(listing)
            if crash == "in the search":
                searcher.complete(searcher.cut()[0])
            elif crash == "before the end":
                searcher.complete_all()
        else:
            living.search(listing)
    found, _ = living.search(listing)
    expected, full = Collection(tmp_path_factory.mktemp("full")).search(listing)
    assert full.searched == len(listing)
    assert found.equals(expected)


def test_few_images_are_searched_for_when_few_change(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    listing = photos(1000, random)
    living = Collection(tmp_path)
    assert living.search(listing)[1] == SearchOutcome(1000, 1000)
    assert living.search(listing)[1] == SearchOutcome(1000, 1000, found=1000)
    for change in ("add", "edit", "move", "delete"):
        listing = changed(listing, change, 10, random)
        outcome = living.search(listing)[1]
        assert outcome.rows == len(listing) == outcome.searched + outcome.kept
        assert outcome.searched <= 40, change


def test_a_renamed_folder_is_not_searched_for(tmp_path: Path) -> None:
    listing = photos(500, np.random.default_rng(1))
    living = Collection(tmp_path)
    living.search(listing)
    renamed = {name.replace(b"a/", b"z/"): vector for name, vector in listing.items()}
    assert living.search(renamed | {b"z/new.jpg": np.ones(VALUES, np.float32)})[1] == SearchOutcome(501, 1, 500)


def test_later_searchers_know_by_range_what_was_searched_for_and_what_was_kept(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    listing = photos(200, random)
    living = Collection(tmp_path)
    living.search(listing)
    first = living.begin(listing | {b"z/new.jpg": np.ones(VALUES, np.float32)})
    alone, *others = first.cut()
    made = {rows: first.complete_from(rows) for rows in (alone, *others)}
    assert sum(each.searched for each in made.values()) == 1
    assert made[others[-1]].searched == 1  # the new name is the last one
    assert all(each.kept == each.rows - each.searched and not each.found for each in made.values())
    later = living.reopen()
    assert later.complete_all() == [replace(each, found=each.rows) for each in made.values()]


@pytest.mark.parametrize(
    "values", [{"distance": "euclidean"}, {"faiss_mode": "HNSW32"}, {"range_search": True, "threshold": 0.9}]
)
def test_searches_that_cannot_be_kept_are_done_in_full(tmp_path: Path, values: dict[str, Any]) -> None:
    random = np.random.default_rng(2)
    listing = photos(200, random)
    living = Collection(tmp_path, **values)
    living.search(listing)
    assert living.search(changed(listing, "add", 5, random))[1] == SearchOutcome(205, 205)


def test_a_fifth_of_changes_other_settings_or_a_damaged_file_bring_a_full_search(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    random = np.random.default_rng(3)
    listing = photos(200, random)
    living = Collection(tmp_path)
    living.search(listing)
    more = changed(listing, "add", 60, random)
    assert living.search(more)[1].searched == 260
    assert Collection(tmp_path, nearest_neighbors_k=4).search(changed(more, "delete", 3, random))[1].kept == 0
    for path in tmp_path.glob("neighbors/*/rows.parquet"):
        path.write_bytes(path.read_bytes()[:-40] + bytes(40))
    fewer = changed(more, "delete", 2, random)
    found, outcome = living.search(fewer)
    assert outcome.searched == 258
    assert "rows.parquet' is damaged" in caplog.text
    assert found.equals(Collection(tmp_path / "full").search(fewer)[0])


@pytest.fixture
def with_large_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index of a large collection for a small one."""
    monkeypatch.setattr(indexes, "_EXACT_ROWS", 100)


def clouds(count: int, random: np.random.Generator, first: int = 0, last: int = VALUES) -> Listing:
    """Vectors around some dozen centres, with some of their values other than zero."""
    centres = np.random.default_rng(7).normal(size=(60, VALUES))
    vectors = centres[random.integers(0, 60, count)] + 0.5 * random.normal(size=(count, VALUES))
    vectors[:, :first], vectors[:, last:] = 0, 0
    numbers = random.integers(0, 10**12, count)
    return {b"%012d.jpg" % number: vector.astype(np.float32) for number, vector in zip(numbers, vectors, strict=True)}


def share_of_true_neighbours(edges: pl.DataFrame, listing: Listing) -> float:
    vectors = np.stack([listing[name] for name in sorted(listing)])
    data = SearchData(vectors, vectors, is_self_search=True)
    search = Settings.parse(nearest_neighbors_k=3).search
    return share_found(edges, exact_neighbors(data, np.arange(len(vectors)), search))


@pytest.mark.usefixtures("with_large_index")
def test_a_large_index_is_extended_and_finds_what_was_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    random = np.random.default_rng(4)
    listing = clouds(1500, random)
    living = Collection(tmp_path)
    assert share_of_true_neighbours(living.search(listing)[0], listing) >= 0.99
    for _ in range(4):
        gone = set(random.choice(sorted(listing), 30, replace=False))
        listing = {name: vector for name, vector in listing.items() if name not in gone} | clouds(30, random)
        edges, outcome = living.search(listing)
        assert outcome.searched <= 40
        assert share_of_true_neighbours(edges, listing) >= 0.99
        assert edges.filter(pl.col("from") == pl.col("to")).is_empty()
        assert edges["from"].n_unique() == len(listing)
    assert caplog.text.count("images appended") == 4
    for _ in range(2):
        listing |= clouds(50, random)
        edges, outcome = living.search(listing)
    assert outcome.searched == len(listing)  # more than a fifth in all
    assert caplog.text.count("images appended") == 5


@pytest.mark.usefixtures("with_large_index")
def test_an_index_that_would_miss_the_recall_target_is_built_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    random = np.random.default_rng(5)
    listing = clouds(1500, random, last=VALUES // 2)
    living = Collection(tmp_path)
    living.search(listing)
    listing |= clouds(250, random, first=VALUES // 2)  # the former projection keeps nothing of these
    edges = living.search(listing)[0]
    assert "below recall_target=0.99: built again" in caplog.text
    assert share_of_true_neighbours(edges, listing) >= 0.99
