"""The summary page."""

from dataclasses import replace

import polars as pl
import pytest

from dedup_assets.engine.core.records import Components
from dedup_assets.engine.gallery.pages import Frame, Page, Summary, Uncompared, summary_page
from dedup_assets.engine.gallery.pages.pairing import merge_directions
from dedup_assets.engine.gallery.pages.summary import count_results, draw_histogram
from dedup_assets_tests.support.gallery_pages import (
    illustrate,
    make_bad,
    make_components,
    make_pairs,
    read_page,
    read_words,
)

COMPONENTS, NAMES = make_components(4, 2, 1, 1)
FACTS = Summary(
    names=NAMES,
    bad=make_bad(("/x.jpg", "ERROR_CORRUPT_IMAGE", 9, "noise"), ("/y.jpg", "ERROR_CORRUPT_IMAGE", 9, "noise")),
    pairs=make_pairs(
        ("/c0/0.jpg", "/c0/1.jpg", 0.99), ("/c0/1.jpg", "/c0/0.jpg", 0.99), ("/c1/0.jpg", "/c1/1.jpg", 0.9)
    ),
    components=COMPONENTS,
    outliers=make_pairs(("/c2/0.jpg", "/c0/0.jpg", 0.1)),
    settings={"threshold": 0.85, "faiss_param": "", "input_dir": "/photos\n"},
)
EMPTY = Summary(
    pl.Series([], dtype=pl.Binary),
    make_bad(),
    make_pairs(),
    Components(pl.DataFrame(), pl.DataFrame()),
    make_pairs(),
    {},
)


def test_counts_are_those_of_the_results() -> None:
    counts = count_results(FACTS, merge_directions(FACTS.pairs))
    assert (counts.images, counts.good, counts.bad) == (10, 8, 2)
    assert (counts.pairs, counts.outliers) == (2, 1)
    assert (counts.components, counts.in_components, counts.largest, counts.redundant) == (2, 6, 4, 4)


def test_counts_are_shown() -> None:
    words = read_words(summary_page(FACTS, illustrate))
    assert "4 of 8 good images (50%) repeat or resemble another image. 2 images could not be used." in words
    for tile in ("10 images 8 good", "2 bad 20%", "2 similar pairs", "2 components 6 images", "4 in the largest"):
        assert tile in words
    for tile in ("4 redundant 50% of good", "1 outlier 12.5% of good", "ERROR_CORRUPT_IMAGE 2"):
        assert tile in words


def test_an_empty_run_has_a_page() -> None:
    words = read_words(summary_page(EMPTY, illustrate))
    assert "There are no pairs." in words
    assert "0 similar pairs among 0 good images" in words


def test_nothing_is_said_of_redundancy_where_components_were_switched_off() -> None:
    off = Components(pl.DataFrame({"__id": range(8)}), pl.DataFrame())
    words = read_words(summary_page(replace(FACTS, components=off), illustrate))
    assert "2 similar pairs among 8 good images; components were not computed." in words
    assert "edundant" not in words
    assert "8 80% Bad 2 20%" in words


def test_a_run_without_similar_images_says_so() -> None:
    components, names = make_components(1, 1, 1)
    facts = replace(EMPTY, components=components, names=names)
    assert "None of 3 good images repeats or resembles another image." in read_words(summary_page(facts, illustrate))


def test_examples_of_each_finding_are_shown() -> None:
    content = read_page(summary_page(FACTS, illustrate))
    assert [len(content.find(kind)) for kind in ("pair", "component", "outlier")] == [2, 2, 1]


@pytest.mark.parametrize("pages", [(), (Page.DUPLICATES,), (Page.BAD_IMAGES, Page.COMPONENTS)])
def test_only_pages_that_exist_are_linked(pages: tuple[Page, ...]) -> None:
    addresses = read_page(summary_page(FACTS, illustrate, frame=Frame(pages=pages))).collect("href")
    linked = {address.partition("#")[0] for address in addresses if ".html" in address}
    assert linked - {"index.html"} == {page.value for page in pages}


def test_settings_are_listed_with_their_values() -> None:
    words = read_words(summary_page(FACTS, illustrate))
    assert r"Settings of this run threshold 0.85 faiss_param empty input_dir /photos\n" in words
    assert "Settings" not in read_words(summary_page(replace(FACTS, settings={}), illustrate))


def test_the_histogram_holds_every_pair() -> None:
    bars = draw_histogram(pl.Series([0.853, 0.9, 0.9, 0.999999, 1.0]))
    assert sum(bar.count for bar in bars) == 5
    assert bars[0].low == pytest.approx(0.85)
    assert bars[-1].high == pytest.approx(1)
    assert bars[-1].count == 2


@pytest.mark.parametrize("similarities", [[1.0], [1.0, 1.0], [-0.3, 0.2], [1.0000001]])
def test_any_range_has_a_histogram(similarities: list[float]) -> None:
    assert sum(bar.count for bar in draw_histogram(pl.Series(similarities))) == len(similarities)


def test_the_histogram_is_described_for_those_who_do_not_see_it() -> None:
    labels = read_page(summary_page(FACTS, illustrate)).collect("aria-label")
    assert "Histogram of 2 pairs by similarity, from 0.90 to 1.00. The tallest bar has 1." in labels


def test_what_was_not_compared_is_counted_by_kind() -> None:
    uncompared = Uncompared({".txt": 3, ".<b>": 1200, "hidden": 7}, links=2, empty_images=5)
    words = read_words(summary_page(replace(FACTS, uncompared=uncompared), illustrate))
    assert "What was not compared" in words
    assert "Further names of the same files in links.csv; never a pair 2" in words
    assert "Images that show nothing flat, black or blank; only exact copies of them match 5" in words
    assert "Files and folders that were not read .<b> 1,200 hidden 7 .txt 3" in words


def test_rare_kinds_of_files_are_counted_together() -> None:
    reasons = Uncompared({f".x{number:02d}": 100 - number for number in range(20)}).reasons
    assert len(reasons) == 13
    assert reasons[-1] == ("8 more kinds", sum(range(81, 89)))
    assert sum(count for _, count in reasons) == sum(range(81, 101))


def test_where_all_was_compared_nothing_is_said_of_it() -> None:
    assert "not compared" not in read_words(summary_page(FACTS, illustrate))
