"""The assets of a test set (docs/reference.md, "Run modes"): new images scored against a train set.

They write the files of the chain to `test/`, read the train set's `features` and `faiss_index`, and change nothing of
the train set. Rows of pairs are test → train. As in `assets.py`, an asset is its contract and a few lines.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from dedup_assets.engine.core.own_files import GALLERY, TEST
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.core.records import (
    BadImages,
    Features,
    FeatureStream,
    Gallery,
    ImageLedger,
    Manifest,
    Pairs,
    SearchIndex,
)
from dedup_assets.engine.extraction.scoring import check_comparable, check_is_another_set, open_scored_set, say_shared
from dedup_assets.engine.gallery.building import build_gallery
from dedup_assets.engine.gallery.found import Results
from dedup_assets.engine.gallery.uncompared import read_uncompared
from dedup_assets.engine.neighbors import (
    SearchData,
    check_index,
    match_exact_copies_alone,
    search_train_set,
    usable_index,
)
from dedup_assets.engine.results.bad_images import find_bad_images
from dedup_assets.engine.work_dir.ledger_file import read_listed_files, read_low_information
from dedup_assets.engine.workers import thread_count
from dedup_assets.pipeline import metadata, versions
from dedup_assets.pipeline.contracts import ONE_RUN, SHARED, asset, search_output, search_results
from dedup_assets.pipeline.resources import SettingsResource

TEST_SET = "test_set"
_COMMON: dict[str, Any] = {"group_name": TEST_SET, "automation_condition": None}  # a person starts them


def _of_test(name: str) -> dg.AssetIn:
    return dg.AssetIn(key=[TEST, name])


def _of_train(name: str) -> dg.AssetIn:
    return dg.AssetIn(key=[name])


@asset(
    key=[TEST, "image_manifest"],
    kinds={"python", "file"},
    **_COMMON,
)
def scored_image_manifest(
    context: dg.AssetExecutionContext, settings: SettingsResource, features: Features, faiss_index: SearchIndex
) -> Manifest:
    """The images to score: those of `input_dir`, or with run_mode 4 those whose features are stored there.

    The features, index and model of the train set are checked here, before the first image is read. Images that are
    files of the train set are counted, because each finds itself; the train set itself is refused.
    """
    parsed = settings.parsed()
    if not faiss_index.by_fastdup:
        check_index(faiss_index, features.vectors)
    scored = open_scored_set(parsed)
    train_dir = settings.open_work_dir()
    check_comparable(scored, features, train_dir)
    manifest = scored.list()
    check_is_another_set(manifest, features, train_dir, parsed)
    versions.stamp(context, content=manifest.digest)
    shared = say_shared(manifest, features)
    if shared:
        context.log.warning(shared)
    context.add_output_metadata({**metadata.of_manifest(manifest), **({SHARED: shared} if shared else {})})
    return manifest


@asset(
    key=[TEST, "features"],
    ins={"image_manifest": _of_test("image_manifest")},
    kinds={"onnx", "numpy"},
    **_COMMON,
)
def scored_features(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    progress: dg.ResourceParam[ProgressReporter],
    image_manifest: Manifest,
) -> FeatureStream:
    """The embedding of every test image, `test/features.dat`; with run_mode 4 the vectors stored in `input_dir`."""
    parsed = settings.parsed()
    scored = open_scored_set(parsed)
    with progress.counting(len(image_manifest)):
        outcomes, stream = scored.embed(image_manifest, progress.advance)
    versions.stamp(context, parsed, stream.model_sha256)
    context.add_output_metadata(metadata.of_features(outcomes, progress, stream.dimension))
    return stream


@asset(
    key=[TEST, "bad_images"],
    ins={"features": _of_test("features")},
    kinds={"csv"},
    **_COMMON,
)
def scored_bad_images(context: dg.AssetExecutionContext, features: ImageLedger) -> BadImages:
    """Each test image without a vector: `test/features.bad.csv` and `test/features.dat.bad`."""
    bad = find_bad_images(features)
    versions.stamp(context)
    context.add_output_metadata(metadata.of_bad_images(bad, features))
    return bad


@dg.multi_asset(
    name="test_nearest_neighbors",
    ins={"tested": _of_test("features"), "features": _of_train("features"), "faiss_index": _of_train("faiss_index")},
    outs={
        "similarity": search_output(
            "Pairs test → train with at least `threshold` similarity, closest first: `test/similarity.csv`.",
            key_prefix=TEST,
            **_COMMON,
        ),
        "outliers": search_output(
            "Test images whose similarity to every train image is below `lower_threshold`: `test/outliers.csv`.",
            key_prefix=TEST,
            **_COMMON,
        ),
    },
    can_subset=True,
    backfill_policy=ONE_RUN,
)
def scored_nearest_neighbors(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    tested: Features,
    features: Features,
    faiss_index: SearchIndex,
) -> Iterator[dg.Output]:  # type: ignore[type-arg]
    """One search for the train images nearest to each test image: similar pairs, and test images unlike all others."""
    parsed = settings.parsed()
    threads = thread_count(parsed.num_threads)
    index = usable_index(faiss_index, features.vectors, parsed.search, threads)
    neighbors = search_train_set(tested.vectors, features.vectors, index, parsed.search, threads)
    marks = (
        read_low_information(settings.open_test_dir(), tested.names),
        read_low_information(settings.open_work_dir(), features.names),
    )
    data = SearchData(tested.vectors, features.vectors, is_self_search=False)
    neighbors = match_exact_copies_alone(neighbors, data, marks, index, parsed.search, threads)
    versions.stamp(context, parsed)
    yield from search_results(context, parsed, neighbors, tested.names, features.names)


@asset(
    key=[TEST, "gallery"],
    ins={name: _of_test(name) for name in ("features", "bad_images", "similarity", "outliers")},
    kinds={"html"},
    **_COMMON,
)
def scored_gallery(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    features: Features,
    bad_images: BadImages,
    similarity: Pairs,
    outliers: Pairs,
) -> Gallery:
    """The report on the test set, `test/gallery/index.html`: each test image beside the train image it resembles."""
    parsed, train, scored = settings.parsed(), settings.open_work_dir(), settings.open_test_dir()
    results = Results(
        names=features.names,
        bad=bad_images,
        pairs=similarity,
        components=None,
        outliers=outliers,
        subtitle=f"Test set, compared with the train set in {parsed.work_dir}",
        folder=scored.path(GALLERY),
        depth=2,
        listed=pl.concat([read_listed_files(train), read_listed_files(scored)]),
        uncompared=read_uncompared(scored),
    )
    pages = build_gallery(results, parsed)
    versions.stamp(context, parsed)
    context.add_output_metadata(metadata.of_gallery(pages, scored))
    return pages
