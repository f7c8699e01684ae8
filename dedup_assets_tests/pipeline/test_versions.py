"""A changed setting marks only what depends on it, in the code location and in a run."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.work_dir.identity import settings_read
from dedup_assets.pipeline.building import build_definitions
from dedup_assets.pipeline.jobs import ASSETS_OF_MODE
from dedup_assets.pipeline.versions import DATA_VERSION_TAG
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

CHAIN = ASSETS_OF_MODE[RunMode.EVERYTHING]
AFTER_INDEX = {"similarity", "outliers", "components", "evidence", "groups", "leaks", "gallery"}
AFTER_FEATURES = {"bad_images", "faiss_index", *AFTER_INDEX}

MARKED = [
    ({"threshold": 0.9}, AFTER_INDEX - {"outliers"}),
    ({"lower_threshold": 0.5}, {"outliers", "gallery"}),
    ({"turi_param": "ccthreshold=0.95"}, {"components", "gallery"}),
    ({"nearest_neighbors_k": 3}, {"faiss_index", *AFTER_INDEX}),  # an index that `auto` chooses is tuned to k
    ({"faiss_param": "efSearch=64"}, {"faiss_index", *AFTER_INDEX}),  # an index is built with it
    ({"range_search": True}, {"faiss_index", *AFTER_INDEX}),
    ({"evidence": "off"}, {"evidence", "groups", "leaks", "gallery"}),
    ({"compute": "gpu"}, {"features", *AFTER_FEATURES}),
    ({"faiss_mode": "Flat"}, {"faiss_index", *AFTER_INDEX}),
    ({"bounding_box": "rows=0,cols=0,width=99,height=99"}, {"features", *AFTER_FEATURES}),
    ({"min_offset": 1}, {"image_manifest", "features", *AFTER_FEATURES}),
    ({"gallery_pairs": 5}, {"gallery"}),
    ({"num_threads": 1}, set()),
    ({"shard_size": 4}, set()),
    ({"max_bad_share": 0.5, "stop_on_failed_checks": True}, set()),
    ({"nnmodel": "lsh"}, set()),  # of the other provider
]


def code(**settings: Any) -> dict[str, str]:
    specs = build_definitions("in", "out", **settings).resolve_all_asset_specs()
    return {spec.key.to_user_string(): str(spec.code_version) for spec in specs}


@pytest.mark.parametrize(("changed", "marked"), MARKED, ids=[str(changed) for changed, _ in MARKED])
def test_a_setting_of_the_code_location_marks_what_depends_on_it(changed: dict[str, Any], marked: set[str]) -> None:
    before, after = code(), code(**changed)
    assert {name for name in CHAIN if before[name] != after[name]} == marked


def test_the_number_of_neighbours_changes_nothing_of_an_index_that_is_named() -> None:
    few, many = code(faiss_mode="HNSW32"), code(faiss_mode="HNSW32", nearest_neighbors_k=9)
    assert {name for name in CHAIN if few[name] != many[name]} == AFTER_INDEX


def test_both_spellings_of_an_index_are_one_version() -> None:
    assert code(faiss_mode="HSNW32") == code(faiss_mode="HNSW32")  # fastdup documents the spelling HSNW32


def test_a_code_version_names_what_is_not_as_usual() -> None:
    assert code(threshold=0.9)["similarity"].endswith(" threshold=0.9")


def test_other_folders_mark_everything() -> None:
    other = build_definitions("elsewhere", "out").resolve_all_asset_specs()
    before = code()
    made = [spec for spec in other if spec.key.to_user_string() != "verdicts"]  # which people make
    assert all(spec.code_version != before[spec.key.to_user_string()] for spec in made)


def test_every_setting_that_changes_results_is_read_by_an_asset() -> None:
    """A new setting must be named in `settings_read`, or here as one that changes nothing."""
    changes_nothing = {
        "work_dir", "version", "verbose", "num_threads", "run_mode", "shard_size", "search_range_size",
        "image_seconds",  # an image that it stops is tried again
        "max_bad_share", "max_duplicate_share", "max_component_share", "max_removed_share", "max_leaks",
        "stop_on_failed_checks",
    }  # fmt: skip
    named = {name for asset in CHAIN for provider in ("faiss", "turi") for name in _read(asset, provider)}
    parts_of_turi_param = {"ccthreshold", "run_cc", "run_pagerank", "run_degree"}
    assert named - parts_of_turi_param == set(Settings.model_fields) - changes_nothing - {"turi_param"}


def _read(asset: str, provider: str) -> set[str]:
    return set(settings_read(asset, Settings.parse(nn_provider=provider, range_search=True)))


def test_a_setting_of_a_run_gives_new_data_versions_to_what_depends_on_it(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    for number in range(3):
        save_jpeg(tmp_path / "in" / f"{number}.jpg", photo_like(number))
    first = _versions(instance, tmp_path)
    assert _versions(instance, tmp_path, num_threads=1, shard_size=2) == first
    changed = _versions(instance, tmp_path, lower_threshold=0.9)
    assert {name for name in CHAIN if changed[name] != first[name]} == {"outliers", "gallery"}
    save_jpeg(tmp_path / "in" / "new.jpg", photo_like(7))
    grown = _versions(instance, tmp_path)
    assert all(grown[name] != first[name] for name in CHAIN)


def _versions(instance: dg.DagsterInstance, folder: Path, **settings: Any) -> dict[str, str]:
    job = build_definitions(str(folder / "in"), str(folder / "out")).resolve_job_def("dedup")
    config = {"resources": {"settings": {"config": settings}}}
    assert job.execute_in_process(instance=instance, run_config=config).success
    events = (instance.get_latest_materialization_event(dg.AssetKey(name)) for name in CHAIN)
    made = [event.asset_materialization for event in events if event]
    return {each.asset_key.path[-1]: (each.tags or {})[DATA_VERSION_TAG] for each in made if each}
