"""The assets of a test set: the same files as the chain's, in `test/`, from scoring new images against a train run.

RUN.md, run_mode 3 and 4. They read the train run's `features` and `faiss_index` and change nothing of it. Rows of pairs
are test → train. As in `assets.py`, an asset is its contract over a few lines.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

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
    Similarity,
)
from dedup_assets.engine.extraction.scoring import check_comparable, open_test_set
from dedup_assets.engine.gallery.building import Results, build_gallery
from dedup_assets.engine.gallery.thumbnails import Effort
from dedup_assets.engine.graph import count_pairs, find_outliers, similar_pairs
from dedup_assets.engine.neighbors import check_index, score_test_set, trusted_index
from dedup_assets.engine.results.bad_images import find_bad_images
from dedup_assets.engine.work_dir.files import GALLERY, TEST, read_listed_sizes
from dedup_assets.engine.workers import thread_count
from dedup_assets.pipeline import metadata, versions
from dedup_assets.pipeline.assets import ONE_RUN, OWNERS, asset
from dedup_assets.pipeline.resources import IO_MANAGER, SettingsResource
from dedup_assets.pipeline.versions import CODE_VERSION

TEST_SET = "test_set"
_COMMON: dict[str, Any] = {"group_name": TEST_SET, "automation_condition": None}  # nothing starts them by itself


def _of_test(name: str) -> dg.AssetIn:
    return dg.AssetIn(key=[TEST, name])


def _of_train(name: str) -> dg.AssetIn:
    return dg.AssetIn(key=[name])


@asset(
    key=[TEST, "image_manifest"],
    kinds={"python", "file"},
    **_COMMON,
)
def test_image_manifest(
    context: dg.AssetExecutionContext, settings: SettingsResource, features: Features, faiss_index: SearchIndex
) -> Manifest:
    """Which images are to be scored: those of `input_dir`; with run_mode 4 those whose features are stored there.

    Whether the train set's features, index and model fit is checked here, before the first image is read.
    """
    parsed = settings.parsed()
    if not faiss_index.by_fastdup:
        check_index(faiss_index, features.vectors)
    test_set = open_test_set(parsed)
    check_comparable(test_set, features, settings.open_work_dir())
    manifest = test_set.list()
    versions.stamp(context, content=manifest.digest)
    context.add_output_metadata(metadata.of_manifest(manifest))
    return manifest


@asset(
    key=[TEST, "features"],
    ins={"image_manifest": _of_test("image_manifest")},
    kinds={"onnx", "numpy"},
    **_COMMON,
)
def test_features(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    progress: dg.ResourceParam[ProgressReporter],
    image_manifest: Manifest,
) -> FeatureStream:
    """The embedding of every test image, `test/features.dat`; with run_mode 4 the vectors stored in `input_dir`."""
    parsed = settings.parsed()
    test_set = open_test_set(parsed)
    with progress.counting(len(image_manifest)):
        outcomes, stream = test_set.embed(image_manifest, progress.advance)
    versions.stamp(context, parsed, stream.model_sha256)
    context.add_output_metadata(metadata.of_features(outcomes, progress, stream.dimension))
    return stream


@asset(
    key=[TEST, "bad_images"],
    ins={"features": _of_test("features")},
    kinds={"csv"},
    **_COMMON,
)
def test_bad_images(context: dg.AssetExecutionContext, features: ImageLedger) -> BadImages:
    """Each test image that gave no vector: `test/features.bad.csv` and `test/features.dat.bad`."""
    bad = find_bad_images(features)
    versions.stamp(context)
    context.add_output_metadata(metadata.of_bad_images(bad, listed=len(features)))
    return bad


def _out(description: str) -> dg.AssetOut:
    return dg.AssetOut(
        key_prefix=TEST,
        group_name=TEST_SET,
        kinds={"faiss", "csv"},
        owners=OWNERS,
        code_version=CODE_VERSION,
        io_manager_key=IO_MANAGER,
        tags={"domain": "image-deduplication"},
        is_required=False,
        description=description,
    )


@dg.multi_asset(
    name="test_nearest_neighbors",
    ins={"tested": _of_test("features"), "features": _of_train("features"), "faiss_index": _of_train("faiss_index")},
    outs={
        "similarity": _out("Pairs test → train at least `threshold` similar, closest first: `test/similarity.csv`."),
        "outliers": _out(
            "Test images whose best similarity to any train image is below `lower_threshold`: `test/outliers.csv`."
        ),
    },
    can_subset=True,
    backfill_policy=ONE_RUN,
)
def test_nearest_neighbors(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    tested: Features,
    features: Features,
    faiss_index: SearchIndex,
) -> Iterator[dg.Output]:  # type: ignore[type-arg]
    """The train images nearest to each test image: which test images are known, and which are unlike all."""
    parsed = settings.parsed()
    threads, effort = thread_count(parsed.num_threads), Effort.of(parsed)
    index = trusted_index(faiss_index, features.vectors, parsed.search, threads)
    neighbors = score_test_set(tested.vectors, features.vectors, index, parsed.search, threads)
    versions.stamp(context, parsed)
    if "similarity" in context.op_execution_context.selected_output_names:
        pairs = similar_pairs(neighbors, tested.names, parsed.threshold, found_names=features.names)
        count = count_pairs(neighbors, parsed.threshold, tested.names, found_names=features.names)
        facts = metadata.of_similarity(neighbors, pairs, count, parsed, effort)
        yield dg.Output(Similarity(neighbors, pairs), "similarity", metadata=facts)
    if "outliers" in context.op_execution_context.selected_output_names:
        lonely = find_outliers(neighbors, tested.names, parsed.lower_threshold, found_names=features.names)
        yield dg.Output(lonely, "outliers", metadata=metadata.of_outliers(lonely, len(tested), effort))


@asset(
    key=[TEST, "gallery"],
    ins={name: _of_test(name) for name in ("features", "bad_images", "similarity", "outliers")},
    kinds={"html"},
    **_COMMON,
)
def test_gallery(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    features: Features,
    bad_images: BadImages,
    similarity: Pairs,
    outliers: Pairs,
) -> Gallery:
    """The report on the test set: `test/gallery/index.html`, each test image beside the train image it resembles."""
    train = settings.open_work_dir()
    parsed = settings.parsed()
    results = Results(
        names=features.names,
        bad=bad_images,
        pairs=similarity,
        components=None,
        outliers=outliers,
        subtitle=f"Test set, compared with the train set in {parsed.work_dir}",
        folder=train.within(TEST).path(GALLERY),
        depth=2,
        sizes=pl.concat([read_listed_sizes(train), read_listed_sizes(train.within(TEST))]),
    )
    pages = build_gallery(results, parsed)
    versions.stamp(context, parsed)
    context.add_output_metadata(metadata.of_gallery(pages, settings.open_work_dir().within(TEST)))
    return pages
