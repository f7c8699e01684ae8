"""Checks of results report no problem for good results and name each fault."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from dedup_assets.engine.core.graph_settings import GraphSettings
from dedup_assets.engine.core.records import (
    BadImages,
    Components,
    FeatureFiles,
    Features,
    ImageLedger,
    Manifest,
    Neighbors,
    Pairs,
)
from dedup_assets.engine.graph import build_components
from dedup_assets.engine.results.bad_images import find_bad_images
from dedup_assets.engine.results.invariants import (
    check_bad_images,
    check_bad_share,
    check_classes,
    check_component_share,
    check_components,
    check_duplicate_share,
    check_manifest,
    check_outliers,
    check_pairs,
    check_recall,
    check_vectors,
)


@pytest.fixture
def manifest() -> Manifest:
    """Four images, a to d, from position 3 on."""
    schema = {"index": pl.Int64, "filename": pl.Binary, "size_bytes": pl.Int64, "version": pl.String}
    rows = [(3 + row, name, 10, "") for row, name in enumerate([b"a", b"b", b"c\xff", b"d"])]
    return Manifest(pl.DataFrame(rows, schema=schema, orient="row"), 9, "")


@pytest.fixture
def files(manifest: Manifest) -> FeatureFiles:
    """Results for these images, of which the second is bad."""
    rows = manifest.images.with_columns(
        pl.Series("error_code", [None, "ERROR_CORRUPT_IMAGE", None, None], pl.String),
        pl.Series("error", [None, "broken", None, None], pl.String),
    )
    names = pl.Series([b"a", b"c\xff", b"d"], dtype=pl.Binary)
    return FeatureFiles(Features(names, np.ones((3, 2), np.float32)), ImageLedger(rows))


def pairs_of(*rows: tuple[bytes, bytes, float]) -> Pairs:
    schema = {"from": pl.Binary, "to": pl.Binary, "distance": pl.Float64}
    return Pairs(pl.DataFrame(list(rows), schema=schema, orient="row"))


def test_a_sound_listing_has_no_problem_and_disorder_and_gaps_are_counted(manifest: Manifest) -> None:
    assert check_manifest(manifest).problem == ""
    assert check_manifest(manifest).facts == {"images": 4}
    swapped = replace(manifest, images=manifest.images[[1, 0, 2, 3]])
    assert "1 names out of order" in check_manifest(swapped).problem
    repeated = replace(manifest, images=manifest.images.with_columns(filename=pl.lit(b"a")))
    assert "3 names out of order or repeated" in check_manifest(repeated).problem
    assert check_manifest(replace(manifest, images=manifest.images[[0, 1, 3]])).problem == "1 gaps in positions"
    assert check_manifest(replace(manifest, images=manifest.images[:1])).problem == ""


def test_every_image_stands_in_one_class_and_a_lost_one_is_noticed(manifest: Manifest, files: FeatureFiles) -> None:
    verdict = check_classes(manifest, files)
    assert (verdict.problem, verdict.facts) == ("", {"listed": 4, "good": 3, "bad": 1})
    lost = replace(files, ledger=ImageLedger(files.ledger.rows[:3]))
    assert "does not hold the images of the manifest" in check_classes(manifest, lost).problem
    renamed = replace(files, features=replace(files.features, names=pl.Series([b"a", b"c", b"d"], dtype=pl.Binary)))
    assert "does not name just the images" in check_classes(manifest, renamed).problem


def test_vectors_that_are_zero_or_not_finite_are_counted(files: FeatureFiles) -> None:
    assert check_vectors(files.features).problem == ""
    wrong = files.features.vectors.copy()
    wrong[0], wrong[1, 1] = 0, np.nan
    assert check_vectors(replace(files.features, vectors=wrong)).problem.startswith("2 vectors")
    assert check_vectors(replace(files.features, vectors=wrong[:2])).problem == "3 names, 2 vectors"


def test_bad_images_without_a_known_code_or_a_reason_are_counted(files: FeatureFiles) -> None:
    bad = find_bad_images(files.ledger)
    assert check_bad_images(bad, files.ledger).problem == ""
    odd = BadImages(bad.rows.with_columns(error_code=pl.lit("ERROR_ODD"), error=pl.lit("")))
    assert check_bad_images(odd, files.ledger).problem == "1 unknown codes; 1 without a reason"
    assert "does not name just" in check_bad_images(BadImages(bad.rows.clear()), files.ledger).problem


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], ""),
        ([(b"a", b"d", 1.0), (b"d", b"a", 0.85)], ""),
        ([(b"a", b"d", 0.9), (b"d", b"a", 0.95)], "1 pairs out of order"),
        ([(b"a", b"d", 0.8)], "1 pairs outside of [threshold, 1]"),
        ([(b"a", b"d", 1.1)], "1 pairs outside of [threshold, 1]"),
        ([(b"a", b"a", 1.0)], "1 pairs of an image with itself"),
        ([(b"a", b"b", 1.0)], "1 pairs with an image that has no vector"),
    ],
)
def test_what_is_wrong_with_pairs_is_said(
    files: FeatureFiles, rows: list[tuple[bytes, bytes, float]], problem: str
) -> None:
    assert check_pairs(pairs_of(*rows), files.features.names, 0.85).problem == problem


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], ""),
        ([(b"a", b"b", -0.1), (b"b", b"a", 0.2)], ""),
        ([(b"a", b"b", 0.2), (b"b", b"a", 0.1)], "1 outliers out of order"),
        ([(b"a", b"b", 0.3)], "1 outliers not below lower_threshold"),
        ([(b"a", b"b", 0.1), (b"a", b"c", 0.2)], "1 outliers named twice"),
    ],
)
def test_what_is_wrong_with_outliers_is_said(rows: list[tuple[bytes, bytes, float]], problem: str) -> None:
    assert check_outliers(pairs_of(*rows), 0.3).problem == problem


def test_counts_of_components_that_do_not_add_up_are_noticed() -> None:
    edges = pl.DataFrame(
        {"from": [0], "to": [1], "similarity": [0.9]},
        schema={"from": pl.UInt32, "to": pl.UInt32, "similarity": pl.Float32},
    )
    found = build_components(Neighbors(edges, 3), GraphSettings(0.5, run_cc=True, run_pagerank=True, run_degree=True))
    assert check_components(found, 3).problem == ""
    assert check_components(found, 3).facts == {"images": 3, "components": 2}
    assert "3 rows for 4 images" in check_components(found, 4).problem
    # fastdup counts edges, in both directions, as images
    doubled = Components(found.images, found.info.with_columns(pl.col("count") * 2))
    assert check_components(doubled, 3).problem.startswith("counts add up to 6, not to 3 images; 2 components")
    without = GraphSettings(0.5, run_cc=False, run_pagerank=True, run_degree=True)
    assert check_components(build_components(Neighbors(edges, 3), without), 3).problem == ""


# Limits of quality


def groups_of(*sizes: int) -> Components:
    """Components of these sizes."""
    rows = [(number, component) for component, size in enumerate(sizes) for number in range(size)]
    images = pl.DataFrame({"__id": [row for row, _ in rows], "component_id": [component for _, component in rows]})
    return Components(images, pl.DataFrame({"component_id": list(range(len(sizes))), "count": list(sizes)}))


def ledger_with(good: int, bad: int) -> ImageLedger:
    codes = [None] * good + ["ERROR_CORRUPT_IMAGE"] * bad
    return ImageLedger(pl.DataFrame({"error_code": codes}, schema={"error_code": pl.String}))


def test_a_share_at_its_limit_is_allowed_and_one_beyond_it_is_named() -> None:
    assert check_bad_share(ledger_with(9, 1), 0.1).problem == ""
    verdict = check_bad_share(ledger_with(8, 2), 0.1)
    assert verdict.problem == "2 of 10 images cannot be used, a share of 0.200: more than max_bad_share=0.1"
    assert verdict.facts == {"bad_share": 0.2, "limit": 0.1}


def test_duplicates_are_all_but_one_of_each_component() -> None:
    assert check_duplicate_share(groups_of(3, 1), 0.5).problem == ""
    assert check_duplicate_share(groups_of(3, 1), 0.4).problem.startswith("2 of 4 images repeat another")


def test_a_component_is_too_large_by_its_share_but_not_in_a_small_collection() -> None:
    assert check_component_share(groups_of(99), 0.1).problem == ""
    assert check_component_share(groups_of(100, *[1] * 900), 0.1).problem == ""
    assert "101 of 1001 images" in check_component_share(groups_of(101, *[1] * 900), 0.1).problem


def test_recall_below_its_limit_is_named_and_none_is_no_problem() -> None:
    assert check_recall(None, 1.0).problem == ""
    assert check_recall(0.99, 0.99).problem == ""
    assert "recall_target=0.99" in check_recall(0.98, 0.99).problem


def test_nothing_is_said_of_components_that_were_switched_off() -> None:
    off = Components(pl.DataFrame({"__id": [0, 1]}), pl.DataFrame(schema={"component_id": pl.Int64, "count": pl.Int64}))
    assert check_duplicate_share(off, 0.0).problem == ""
    assert check_component_share(off, 0.0).problem == ""
