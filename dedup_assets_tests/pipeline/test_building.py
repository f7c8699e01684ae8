"""The pipeline works inside another code location."""

import json
import urllib.parse
from pathlib import Path

import dagster as dg
import pytest

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.pipeline.building import build_definitions
from dedup_assets.pipeline.resources import DedupSettings
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


@dg.asset
def features() -> list[int]:
    """An asset of the other location, named like one of ours and stored by its own IO manager."""
    return [1, 2, 3]


@dg.asset(deps=[dg.AssetKey(["shop", "photos", "components"])])
def report(features: list[int]) -> int:
    return len(features)


def merged(tmp_path: Path) -> dg.Definitions:
    ours = build_definitions(
        str(tmp_path / "in"),
        str(tmp_path / "out"),
        key_prefix=["shop", "photos"],
        group_name="photos",
        owners=["team:shop"],
        executor=None,
        threshold=0.95,
    )
    theirs = dg.Definitions(
        assets=[features, report],
        resources={"io_manager": dg.FilesystemIOManager(base_dir=str(tmp_path / "theirs"))},
    )
    return dg.Definitions.merge(ours, theirs)


def test_assets_and_their_dependencies_have_prefix_groups_and_owners(tmp_path: Path) -> None:
    found = [spec for spec in merged(tmp_path).resolve_all_asset_specs() if spec.key.path[0] == "shop"]
    assert len(found) == 16
    assert {dep.asset_key.path[0] for spec in found for dep in spec.deps} == {"shop"}
    assert {spec.group_name for spec in found} == {"photos", "photos_ranges"}
    assert all(spec.owners == ["team:shop"] for spec in found)


def test_both_halves_run_in_one_location_and_write_where_they_should(
    whole_instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    for number in range(3):
        save_jpeg(tmp_path / "in" / f"{number}.jpg", photo_like(number))
    definitions = merged(tmp_path)
    job = definitions.resolve_job_def("shop_photos_dedup")
    assert job.execute_in_process(instance=whole_instance).success
    everything = definitions.resolve_implicit_global_asset_job_def()
    theirs = [dg.AssetKey("features"), dg.AssetKey("report")]
    assert everything.execute_in_process(instance=whole_instance, asset_selection=theirs).success
    ranges = set(whole_instance.get_dynamic_partitions("shop_photos_offset_ranges"))
    assert ranges
    assert whole_instance.get_materialized_partitions(dg.AssetKey(["shop", "photos", "feature_shards"])) == ranges
    assert not whole_instance.get_dynamic_partitions("offset_ranges")
    event = whole_instance.get_latest_materialization_event(dg.AssetKey(["shop", "photos", "similarity"]))
    assert (tmp_path / "out" / "features.dat").exists()
    assert (tmp_path / "out" / "gallery" / "index.html").exists()
    assert sorted(path.name for path in (tmp_path / "theirs").iterdir()) == ["features", "report"]
    assert json.loads((tmp_path / "out" / "config.json").read_text())["settings"]["threshold"] == 0.95
    assert event is not None
    assert event.asset_materialization is not None
    uri = str(event.asset_materialization.metadata["dagster/uri"].value)
    assert Path(urllib.parse.unquote(uri.removeprefix("file://"))) == tmp_path / "out" / "similarity.csv"


def test_every_asset_is_stored_by_our_io_manager_and_no_other_asset_is() -> None:
    definitions = build_definitions(test_set=True)
    assert set(definitions.resources or {}) == {"settings", "progress", "alerts", "dedup_io_manager"}
    for asset in definitions.assets or []:
        assert isinstance(asset, dg.AssetsDefinition)
        if not asset.is_materializable:  # verdicts, which people make
            continue
        assert {asset.get_io_manager_key_for_asset_key(key) for key in asset.keys} == {"dedup_io_manager"}


def test_a_wrong_setting_of_the_location_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"threshold=7: must be from 0 to 1"):
        build_definitions(threshold=7)
    with pytest.raises(SettingsError, match="unknown parameter 'treshold'"):
        build_definitions(treshold=0.9)
    with pytest.raises(SettingsError, match="threshold=True: must be a number from 0 to 1"):
        build_definitions(threshold=True)
    with pytest.raises(ValueError, match=r"threshold=True: must be a number \(from 0 to 1\)"):
        DedupSettings(threshold=True)  # Dagster takes a truth value for a number in the launchpad


def test_each_asset_links_to_its_source() -> None:
    for spec in build_definitions().resolve_all_asset_specs():
        assert "dagster/code_references" in spec.metadata, spec.key
