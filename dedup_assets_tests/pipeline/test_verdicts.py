"""In Dagster a new verdict marks groups and the gallery as stale, and nothing else; a run with it settles that."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from dedup_assets.api import VerdictBook
from dedup_assets.building import build_definitions
from dedup_assets.engine.core.settings import Settings
from dedup_assets.pipeline.verdicts import observe
from dedup_assets_tests.support.pictures import photo_like


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(2):
        photo_like(number, 160, 120).save(folder / f"{number}.png")
        photo_like(number, 160, 120).save(folder / f"{number}.jpg", quality=90)
    return folder


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def stale(definitions: dg.Definitions, instance: dg.DagsterInstance) -> set[str]:
    graph = definitions.get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    keys = [key for key in graph.materializable_asset_keys if "test" not in key.path]
    return {key.path[-1] for key in keys if resolver.get_status(key).value == "STALE"}


@pytest.mark.parametrize("prefix", ["", "album"])
def test_a_new_verdict_marks_groups_and_gallery_alone(
    photos: Path, tmp_path: Path, instance: dg.DagsterInstance, prefix: str
) -> None:
    out = tmp_path / "out"
    definitions = build_definitions(str(photos), str(out), key_prefix=prefix or ())
    source = dg.AssetKey([*filter(None, [prefix]), "verdicts"])
    settings = Settings.parse(input_dir=str(photos), work_dir=str(out))
    job = definitions.resolve_job_def("_".join(filter(None, [prefix, "dedup"])))

    assert job.execute_in_process(instance=instance).success
    assert stale(definitions, instance) == set()
    book = VerdictBook(out)
    book.add("different", photos / "0.png", photos / "0.jpg")
    observe(instance, source, settings)
    assert stale(definitions, instance) == {"groups", "gallery"}
    if not prefix:
        assert job.execute_in_process(instance=instance).success
        assert stale(definitions, instance) == set()
        observe(instance, source, settings)
        last, *others = instance.fetch_observations(source, limit=10).records
        assert len(others) == 1  # one for each state
        assert last.asset_observation is not None
        assert last.asset_observation.metadata["verdicts"].value == 1
    book.add("protect", photos / "1.png")
    assert job.execute_in_process(instance=instance).success  # observed by the run itself
    observe(instance, source, settings)
    assert stale(definitions, instance) == set()


def test_automation_does_not_wait_for_verdicts_that_there_are_not(photos: Path, tmp_path: Path) -> None:
    definitions = build_definitions(str(photos), str(tmp_path / "out"))
    groups = definitions.resolve_assets_def("groups")
    names = [str(condition.get_label()) for condition in _all_conditions(groups.automation_conditions_by_key)]
    assert "any_deps_missing" in names
    sensors = {sensor.name for sensor in definitions.sensors or []}
    assert "new_verdicts" in sensors


def _all_conditions(by_key: object) -> list[dg.AutomationCondition]:
    todo = list(by_key.values())  # type: ignore[attr-defined]
    found = []
    while todo:
        found.append(todo.pop())
        todo.extend(found[-1].children)
    return found


def test_the_sensor_notes_each_state_of_the_verdicts_once(
    photos: Path, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    definitions = build_definitions(str(photos), str(tmp_path), verdicts=str(tmp_path / "verdicts.csv"))
    sensor = next(each for each in definitions.sensors or [] if each.name == "new_verdicts")

    def tick() -> int:
        context = dg.build_sensor_context(instance=instance, definitions=definitions)
        result = sensor.evaluate_tick(context)  # type: ignore[union-attr]
        for event in result.asset_events:
            instance.report_runless_asset_event(event)
        return len(result.asset_events)

    assert [tick(), tick()] == [1, 0]
    VerdictBook(verdicts=tmp_path / "verdicts.csv").add("protect", photos / "1.png")
    assert [tick(), tick()] == [1, 0]
