"""Sets that the config of a run names are looked at, whatever the code location names; a run without has no leaks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import yaml

import dedup_assets
from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.pipeline.building import build_definitions
from dedup_assets.pipeline.component import DedupComponent
from dedup_assets_tests.support.chosen_assets import materialize
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

FILES = ("leaks.csv", "leaks.parquet", "leak_matrix.csv", "split_fix.csv")


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, str]:
    """Two folders that share a photograph."""
    for place, name in enumerate(("train", "test")):
        save_jpeg(tmp_path / name / "same.jpg", photo_like(1))
        save_jpeg(tmp_path / name / "own.jpg", photo_like(10 + place))
    return {name: str(tmp_path / name) for name in ("train", "test")}


def leaked(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {each.check_name: each.passed for each in result.get_asset_check_evaluations() if "leak" in each.check_name}


def materialized(result: dg.ExecuteInProcessResult, name: str) -> dict[str, Any]:
    events = [event.materialization for event in result.get_asset_materialization_events()]
    (found,) = (event for event in events if event.asset_key.to_user_string() == name)
    return {key: value.value for key, value in found.metadata.items()}


@pytest.mark.parametrize("location", ["definitions", "scale_out", "scoring"])
def test_sets_of_the_run_config_are_looked_at_at_every_location(
    instance: dg.DagsterInstance, tmp_path: Path, sets: dict[str, str], location: str
) -> None:
    out = tmp_path / "out"
    config = {"work_dir": str(out), "sets": [f"{name}={place}" for name, place in sets.items()]}
    names = ("image_manifest", "features", "bad_images", "faiss_index", "similarity", "evidence", "groups", "leaks")
    chosen = names if location == "scale_out" else ()  # there, the group waits for ranges that workers make
    given = {"instance": instance, "settings": config, "raises": False}
    result = materialize(f"dedup_assets.{location}", *chosen, **given)
    assert leaked(result) == {"leaks": False}
    assert not result.success
    assert pl.read_csv(out / "leaks.csv").filter(pl.col("verified")).height == 1
    assert materialized(result, "leaks")["leaks"] == "1 of 2 test images are in train"


@pytest.mark.parametrize("by", ["the command line", "Dagster"])
def test_a_run_without_sets_has_no_leaks_and_takes_former_ones_away(
    instance: dg.DagsterInstance, tmp_path: Path, sets: dict[str, str], by: str
) -> None:
    out, train = tmp_path / "out", sets["train"]
    config: dict[str, object] = {"input_dir": train, "work_dir": str(out)}

    def run(**more: object) -> dg.ExecuteInProcessResult:
        return materialize("dedup_assets.definitions", instance=instance, settings={**config, **more})

    if by == "Dagster":
        run(sets=sets, max_leaks=1)
    else:
        assert dedup_assets.run(work_dir=out, sets=sets, max_leaks=1) == 0
    assert all((out / name).exists() for name in FILES)
    for _ in range(2):
        result = run()
        assert leaked(result) == {"leaks": True}
        assert not any((out / name).exists() for name in FILES)
        found = materialized(result, "leaks")
        assert found["leaks"] == "no sets are named"
        assert not {"dagster/uri", *FILES} & found.keys()
    (out / "leaks.csv").write_text("of a person")  # a run that writes no leaks takes no offence
    run()
    assert (out / "leaks.csv").read_text() == "of a person"


def test_another_asset_reads_an_empty_table_of_leaks_of_a_run_without_sets(
    instance: dg.DagsterInstance, tmp_path: Path, sets: dict[str, str]
) -> None:
    seen = list[pl.DataFrame]()

    @dg.asset
    def report(leaks: pl.DataFrame) -> None:
        seen.append(leaks)

    made = build_definitions(sets["train"], str(tmp_path / "out"), executor=None)
    definitions = dg.Definitions.merge(made, dg.Definitions(assets=[report]))
    everything = definitions.resolve_implicit_global_asset_job_def()
    chosen = dg.AssetSelection.groups("dedup") | dg.AssetSelection.assets("report")
    keys = chosen.resolve(definitions.resolve_asset_graph())
    assert everything.execute_in_process(instance=instance, asset_selection=list(keys)).success
    assert (seen[0].height, seen[0].columns[:4]) == (0, ["set_a", "a", "set_b", "b"])


def test_a_check_alone_that_is_asked_for_sets_does_not_pass_for_a_run_without(
    instance: dg.DagsterInstance, tmp_path: Path, sets: dict[str, str]
) -> None:
    config: dict[str, object] = {"input_dir": sets["train"], "work_dir": str(tmp_path / "out")}
    materialize("dedup_assets.definitions", instance=instance, settings=config)
    definitions = build_definitions()
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection=set(), asset_check_selection={dg.AssetCheckKey(dg.AssetKey("leaks"), "leaks")}
    )
    run_config = {"resources": {"settings": {"config": {**config, "sets": sets}}}}
    result = job.execute_in_process(instance=instance, run_config=run_config, raise_on_error=False)
    (found,) = result.get_asset_check_evaluations()
    assert not found.passed
    assert found.description == "sets=['train', 'test']: leaks was made by a run without sets; materialize it again"


def test_a_limit_of_leaks_without_sets_is_refused_before_a_run_and_by_a_location(
    instance: dg.DagsterInstance, tmp_path: Path, sets: dict[str, str]
) -> None:
    config = {"input_dir": sets["train"], "work_dir": str(tmp_path / "out"), "max_leaks": 3}
    said = (
        r"max_leaks=3: this run \(run_mode=0\) has no sets and finds no leaks; use --set .* set_column or set_folders"
    )
    with pytest.raises(SettingsError, match=said):
        materialize("dedup_assets.definitions", instance=instance, settings=config)
    assert not (tmp_path / "out" / "features.dat").exists()
    with pytest.raises(SettingsError, match=said):
        build_definitions(max_leaks=3)


def as_lists(sets: dict[str, str]) -> object:
    return [f"{name}={place}" for name, place in sets.items()]


def as_mapping_of_lists(sets: dict[str, str]) -> object:
    return {name: [place] for name, place in sets.items()}


def as_paths(sets: dict[str, str]) -> object:
    return {name: (Path(place),) for name, place in sets.items()}


@pytest.mark.parametrize("given", [dict, as_lists, as_mapping_of_lists, as_paths])
def test_a_location_takes_sets_as_run_does(
    instance: dg.DagsterInstance, tmp_path: Path, sets: dict[str, str], given: Callable[[dict[str, str]], object]
) -> None:
    location = build_definitions(
        work_dir=str(tmp_path / "out"), sets=given(sets), max_leaks=1, evaluation_sets="test", include="*.jpg"
    )
    job = location.resolve_job_def("dedup")
    result = job.execute_in_process(instance=instance)
    assert materialized(result, "leaks")["leaks"] == "1 of 2 test images are in train"


@pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated")  # of Dagster
@pytest.mark.parametrize("given", [dict, as_lists, as_mapping_of_lists])
def test_a_component_takes_sets_as_run_does(sets: dict[str, str], given: Callable[[dict[str, str]], object]) -> None:
    more = {"evaluation_sets": "test", "include": "*.jpg"}
    attributes = {"settings": {"work_dir": "out", "sets": given(sets), **more}}
    component = DedupComponent.resolve_from_yaml(yaml.safe_dump(attributes, sort_keys=False))
    definitions = component.build_defs(None)  # type: ignore[arg-type]  # reads no context
    dg.Definitions.validate_loadable(definitions)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"train": 3, "test": "b"}, "'train': 3: must be a path, a URL, or a list of these"),
        ({"train": {"a": "b"}, "test": "b"}, r"'train': \{'a': 'b'\}: must be a path"),
        ({"train": [], "test": "b"}, r"'train': \[\]: must be a path"),
        (7, "must be texts NAME=INPUT, or a mapping of names to inputs"),
    ],
)
def test_sets_of_another_kind_are_refused_in_words(wrong: object, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        build_definitions(sets=wrong)
