"""Assets are materialized as Dagster does it: by job, partition, backfill and selection."""

import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
import pytest
from PIL import Image

import dedup_assets
from dedup_assets.definitions import build_definitions
from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.pipeline.jobs import ASSETS_OF_MODE
from dedup_assets.pipeline.loading import load
from dedup_assets.scoring import defs
from dedup_assets_tests.support.chosen_assets import materialize
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
KEYS = ["000000000000-000000000004", "000000000004-000000000008", "000000000008-000000000012"]
AFTER_EXTRACTION = (*ASSETS_OF_MODE[RunMode.EVERYTHING][1:], "plan")


class Pipeline:
    """One work_dir, one instance, and runs on them."""

    def __init__(self, instance: dg.DagsterInstance, input_dir: Path, work_dir: Path) -> None:
        self.instance, self.input_dir, self.work_dir = instance, input_dir, work_dir

    def run(
        self, *assets: str, tags: dict[str, str] | None = None, raises: bool = True, **settings: Any
    ) -> dg.ExecuteInProcessResult:
        config = {"input_dir": str(self.input_dir), "work_dir": str(self.work_dir), "shard_size": 4, **settings}
        return materialize(
            "dedup_assets.scoring", *assets, instance=self.instance, settings=config, tags=tags, raises=raises
        )

    def metadata(self, result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
        found = [event.materialization for event in result.get_asset_materialization_events()]
        return next(
            {key: value.value for key, value in event.metadata.items()}
            for event in found
            if event.asset_key.to_user_string() == asset
        )

    def computed(self, result: dg.ExecuteInProcessResult) -> int:
        return int(self.metadata(result, "features")["computed_images"])

    def files(self) -> dict[str, bytes]:
        return {
            path.name: path.read_bytes()
            for path in self.work_dir.iterdir()
            if path.is_file() and path.name not in {"config.json", ".published.json"}  # with folders
        }


def save_photos(photos: Path) -> Path:
    """Ten images in three ranges of four: nine good ones, two of them copies, and a broken one."""
    for number in range(8):
        save_jpeg(photos / f"{number}.jpg", photo_like(number))
    save_jpeg(photos / "8 copy of 2.jpg", photo_like(2), quality=70)
    (photos / "9 broken.jpg").write_bytes(b"\xff\xd8 no picture")
    return photos


@pytest.fixture
def pipeline(instance: dg.DagsterInstance, tmp_path: Path) -> Pipeline:
    """Photographs that only this test uses, and no run yet."""
    return Pipeline(instance, save_photos(tmp_path / "photos"), tmp_path / "work")


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dg.ExecuteInProcessResult]:
    """Photographs and the results of a whole run over them in `work`; a copy of both; and the run."""
    top = tmp_path_factory.mktemp("complete")
    with dg.DagsterInstance.ephemeral(settings={"telemetry": {"enabled": False}}) as instance:
        result = Pipeline(instance, save_photos(top / "now" / "photos"), top / "now" / "work").run()
    return top / "now", Path(shutil.copytree(top / "now", top / "copy")), result


@pytest.fixture
def finished(instance: dg.DagsterInstance, complete: tuple[Path, Path, dg.ExecuteInProcessResult]) -> Pipeline:
    """As `pipeline` after a whole run; in the same place for each test, because results name files by their paths."""
    place, copy, _ = complete
    shutil.rmtree(place)
    shutil.copytree(copy, place)
    return Pipeline(instance, place / "photos", place / "work")


@pytest.fixture
def whole_run(complete: tuple[Path, Path, dg.ExecuteInProcessResult]) -> dg.ExecuteInProcessResult:
    """The run that made what `finished` has."""
    return complete[2]


def test_one_run_does_the_whole_job_and_every_check_passes(
    finished: Pipeline, whole_run: dg.ExecuteInProcessResult
) -> None:
    result = whole_run
    assert result.success
    assert finished.metadata(result, "bad_images")["good_images"] == 9
    assert finished.metadata(result, "similarity")["pairs"] >= 1
    assert (finished.work_dir / "gallery" / "index.html").exists()
    checks = result.get_asset_check_evaluations()
    assert len(checks) == 19
    assert [(check.check_name, check.description) for check in checks if not check.passed] == []


TABLES = (
    "image_manifest",
    "features",
    "bad_images",
    "similarity",
    "outliers",
    "components",
    "evidence",
    "groups",
    "plan",
    "leaks",
)


def test_each_table_says_its_rows_and_the_columns_that_others_read(
    finished: Pipeline, whole_run: dg.ExecuteInProcessResult
) -> None:
    facts = {name: finished.metadata(whole_run, name) for name in TABLES}
    assert facts["features"]["dagster/row_count"] == 9
    for name, found in facts.items():
        columns = {column.name: column.type for column in found["dagster/column_schema"].columns}
        table = load(WorkDir(str(finished.work_dir)), name, pl.DataFrame, "cosine")
        assert isinstance(table, pl.DataFrame)
        assert columns == {column: str(kind) for column, kind in table.schema.items()}, name
        assert found["dagster/row_count"] == table.height, name
        assert [column.name for column in found["dagster/column_schema"].columns if not column.description] == [], name


def test_the_gallery_shows_counts_and_a_contact_sheet(finished: Pipeline, whole_run: dg.ExecuteInProcessResult) -> None:
    facts = finished.metadata(whole_run, "gallery")
    assert (facts["groups"], facts["copies"], facts["bad_images"]) == (1, 1, 1)
    assert facts["open"] == str(finished.work_dir / "gallery" / "index.html")
    assert "| 2 of one picture |" in facts["contact_sheet"]
    assert facts["contact_sheet"].count("data:image/jpeg;base64,") >= 2
    assert len(facts["contact_sheet"]) < 200_000


def test_a_run_without_an_input_says_where_to_name_it(pipeline: Pipeline) -> None:
    with pytest.raises(SettingsError, match=r"input_dir is not set: .* launchpad.* or set DEDUP_INPUT_DIR"):
        pipeline.run(input_dir="")


def test_the_manifest_registers_full_width_ranges(pipeline: Pipeline) -> None:
    pipeline.run("image_manifest")
    assert list(pipeline.instance.get_dynamic_partitions("offset_ranges")) == KEYS


def test_a_backfill_then_the_chain_gives_the_same_bytes_and_computes_once(pipeline: Pipeline, tmp_path: Path) -> None:
    whole = Pipeline(pipeline.instance, pipeline.input_dir, tmp_path / "whole")
    whole.run()
    pipeline.run("image_manifest")
    pipeline.run("feature_shards", tags={"dagster/partition": KEYS[1]})
    pipeline.run("feature_shards", tags={START: KEYS[0], END: KEYS[2]})
    result = pipeline.run(*AFTER_EXTRACTION)
    assert pipeline.computed(result) == 0
    assert pipeline.files() == whole.files()


def test_a_run_of_the_chain_completes_all_partitions_and_says_what_each_has(
    whole_instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    pipeline = Pipeline(whole_instance, save_photos(tmp_path / "photos"), tmp_path / "work")
    result = pipeline.run(search_range_size=5)
    rows = {"000000000000-000000000005": 5, "000000000005-000000000010": 4}
    rates: list[Any] = []
    counted: dict[str, dict[Any, Any]] = {"feature_shards": {}, "neighbor_shards": {}, "evidence_shards": {}}
    for event in result.get_asset_materialization_events():
        if event.partition is not None:
            counted[event.asset_key.to_user_string()][event.partition] = event.materialization.metadata["images"].value
            rates.append(event.materialization.metadata.get("images_per_second"))
    assert len({rate.value for rate in rates if rate is not None}) > 1  # each range has one of its own
    of_features = dict(zip(KEYS, (4, 4, 2), strict=True))
    assert counted == {"feature_shards": of_features, "neighbor_shards": rows, "evidence_shards": rows}
    for name, partitions in counted.items():
        assert whole_instance.get_materialized_partitions(dg.AssetKey(name)) == set(partitions)


def test_ranges_that_no_worker_did_are_computed_by_features(pipeline: Pipeline) -> None:
    pipeline.run("image_manifest")
    pipeline.run("feature_shards", tags={"dagster/partition": KEYS[0]})
    assert pipeline.computed(pipeline.run("features")) == 6


def test_a_backfill_after_the_chain_finds_its_ranges_done(finished: Pipeline) -> None:
    finished.run("image_manifest")  # which registers the ranges with this instance
    result = finished.run("feature_shards", tags={START: KEYS[0], END: KEYS[2]})
    counts = [
        event.materialization.metadata["computed_images"].value for event in result.get_asset_materialization_events()
    ]
    assert counts == [0, 0, 0]
    events = result.get_asset_materialization_events()
    assert not any("images_per_second" in event.materialization.metadata for event in events)


def test_only_new_images_are_computed_wherever_they_sort(finished: Pipeline) -> None:
    save_jpeg(finished.input_dir / "0 before all others.jpg", photo_like(100))
    assert finished.computed(finished.run()) == 1


def test_a_listing_says_what_changed_since_the_last_one(pipeline: Pipeline) -> None:
    first = pipeline.metadata(pipeline.run("image_manifest"), "image_manifest")
    assert "since_the_last_listing" not in first
    paths = sorted(pipeline.input_dir.iterdir())
    paths[0].unlink()
    save_jpeg(paths[1], photo_like(101))
    save_jpeg(pipeline.input_dir / "new.jpg", photo_like(102))
    listing = pipeline.metadata(pipeline.run("image_manifest"), "image_manifest")
    left = len(paths) - 2
    assert listing["since_the_last_listing"] == f"1 added, 1 changed, 1 gone, {left} as before"
    counts = [listing[f"{name}_images"] for name in ("added", "changed", "gone", "unchanged")]
    assert counts == [1, 1, 1, left]


def test_a_range_beyond_a_shrunken_listing_is_empty(pipeline: Pipeline) -> None:
    pipeline.run("image_manifest")
    for path in sorted(pipeline.input_dir.iterdir())[3:]:
        path.unlink()
    listing = pipeline.metadata(pipeline.run("image_manifest"), "image_manifest")
    assert (listing["offset_ranges"], listing["stale_offset_ranges"]) == (1, 2)
    facts = pipeline.metadata(pipeline.run("feature_shards", tags={"dagster/partition": KEYS[2]}), "feature_shards")
    assert facts["images"] == 0
    assert "no such range any more" in facts["stale"]


def test_ranges_of_another_shard_size_cost_nothing(pipeline: Pipeline) -> None:
    pipeline.run("image_manifest")
    pipeline.run("image_manifest", shard_size=5)
    result = pipeline.run("feature_shards", tags={"dagster/partition": KEYS[0]}, shard_size=5)
    assert pipeline.metadata(result, "feature_shards")["images"] == 0


def test_a_last_range_that_grew_is_completed_by_features(pipeline: Pipeline) -> None:
    pipeline.run("image_manifest")
    pipeline.run("feature_shards", tags={START: KEYS[0], END: KEYS[2]})
    save_jpeg(pipeline.input_dir / "99 after all others.jpg", photo_like(99))
    listing = pipeline.metadata(pipeline.run("image_manifest"), "image_manifest")
    assert listing["offset_ranges"] == 3
    assert pipeline.computed(pipeline.run("features")) == 1


def test_a_range_that_failed_is_done_by_the_next_backfill_and_the_others_not_again(pipeline: Pipeline) -> None:
    pipeline.run("image_manifest")
    pipeline.run("feature_shards", tags={"dagster/partition": KEYS[0]})
    (pipeline.work_dir / "image_manifest.parquet").rename(pipeline.work_dir / "away")
    assert not pipeline.run("feature_shards", tags={"dagster/partition": KEYS[1]}, raises=False).success
    (pipeline.work_dir / "away").rename(pipeline.work_dir / "image_manifest.parquet")
    result = pipeline.run("feature_shards", tags={START: KEYS[0], END: KEYS[2]})
    events = [event.materialization for event in result.get_asset_materialization_events()]
    assert {event.partition: event.metadata["computed_images"].value for event in events} == {
        KEYS[0]: 0,
        KEYS[1]: 4,
        KEYS[2]: 2,
    }


def test_a_changed_threshold_needs_no_new_features(finished: Pipeline) -> None:
    result = finished.run("similarity", threshold=0.0)
    assert finished.metadata(result, "similarity")["dagster/row_count"] == 9 * 2


def test_a_setting_out_of_bounds_fails_the_run_by_name(pipeline: Pipeline) -> None:
    with pytest.raises(SettingsError, match=r"threshold=7.0: must be from 0 to 1"):
        pipeline.run(threshold=7.0)


def judged(finished: Pipeline, checks: dg.AssetSelection) -> dict[str, bool]:
    """Execute checks alone; returns whether each has passed."""
    config = {"input_dir": str(finished.input_dir), "work_dir": str(finished.work_dir)}
    result = dg.materialize(
        [*(defs.assets or []), *(defs.asset_checks or [])],  # type: ignore[list-item]
        selection=checks,
        instance=finished.instance,
        resources=dict(defs.resources or {}),
        raise_on_error=False,
        run_config={
            "resources": {"settings": {"config": config}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
    )
    return {found.check_name: found.passed for found in result.get_asset_check_evaluations()}


def test_a_damaged_result_fails_its_blocking_check_and_stops_what_follows(finished: Pipeline) -> None:
    names, vectors = dedup_assets.load_binary_feature(finished.work_dir)
    dedup_assets.save_binary_feature(finished.work_dir, names, np.full_like(vectors, np.nan))
    found = judged(finished, dg.AssetSelection.checks_for_assets("features"))
    assert [name for name, passed in found.items() if not passed] == ["vectors_are_finite"]
    assert len(found) == 3


def test_each_check_of_an_asset_can_be_executed_alone(finished: Pipeline) -> None:
    for name in ("few_images_are_bad", "every_image_is_in_one_class"):
        alone = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey("features"), name))
        assert judged(finished, alone) == {name: True}


def test_a_failed_run_leaves_the_last_good_result(finished: Pipeline) -> None:
    before = finished.files()
    shutil.rmtree(finished.input_dir)
    with pytest.raises(Exception, match="photos"):
        finished.run()
    assert finished.files() == before


def test_previews_are_small_pictures_that_escape_names(finished: Pipeline) -> None:
    wild = finished.input_dir / "1 <script>alert(1)</script>|`*.jpg".replace("/", "\u2215")
    save_jpeg(wild, photo_like(1))
    result = finished.run()
    preview = finished.metadata(result, "similarity")["closest_pairs"]
    assert "<script>" not in preview
    assert "data:image/jpeg;base64," in preview
    assert len(preview) < 200_000


def test_formats_other_than_jpeg_go_through(finished: Pipeline) -> None:
    picture = photo_like(50)
    for suffix in ("png", "webp", "gif", "bmp", "tiff", "avif", "jp2"):
        picture.save(finished.input_dir / f"x.{suffix}")
    picture.transpose(Image.Transpose.ROTATE_180).save(finished.input_dir / "x.PNG.TIF")
    result = finished.run()
    assert finished.metadata(result, "bad_images")["good_images"] == 9 + 8


@pytest.mark.parametrize("run_mode", [3, 4])
def test_the_assets_of_a_test_set_read_the_train_set_and_pass_their_checks(
    run_mode: int, finished: Pipeline, tmp_path: Path
) -> None:
    before = finished.files()
    save_jpeg(tmp_path / "new" / "again 5.jpg", photo_like(5))
    (tmp_path / "new" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    source = str(tmp_path / "new")
    if run_mode == 4:
        stored = Pipeline(finished.instance, tmp_path / "new", tmp_path / "stored")
        stored.run(*ASSETS_OF_MODE[RunMode.FEATURES])
        source = str(tmp_path / "stored")
    result = finished.run(*ASSETS_OF_MODE[RunMode(run_mode)], input_dir=source, run_mode=run_mode)
    assert finished.metadata(result, "test/similarity")["identical_pairs"] == 1
    assert finished.metadata(result, "test/bad_images")["bad_images"] == 1
    checks = result.get_asset_check_evaluations()
    assert len(checks) == 6
    assert all(check.passed or check.check_name == "few_images_are_bad" for check in checks)
    assert finished.files() == before


def test_a_job_scores_a_test_set_with_the_run_config_of_the_launchpad(finished: Pipeline, tmp_path: Path) -> None:
    save_jpeg(tmp_path / "new" / "again 5.jpg", photo_like(5))
    location = build_definitions(str(tmp_path / "new"), str(finished.work_dir), test_set=True)
    job = location.resolve_job_def("score_test_set")
    assert job.execute_in_process(instance=finished.instance).success
    assert "again 5.jpg" in (finished.work_dir / "test" / "similarity.csv").read_text()
