"""Assets of other people take ours as tables or paths, without a class of this package."""

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
import pytest

import dedup_assets
from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import Pairs, SearchIndex
from dedup_assets.pipeline.building import build_definitions
from dedup_assets.pipeline.io_manager import WorkDirIOManager
from dedup_assets.pipeline.resources import DedupSettings
from dedup_assets_tests.support.light_instance import light_instance
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

TABLES = {
    "image_manifest": ["index", "filename", "size_bytes", "version"],
    "features": ["filename", "vector"],
    "bad_images": ["index", "filename", "error_code", "filesize", "error"],
    "similarity": ["from", "to", "distance"],
    "outliers": ["from", "to", "distance"],
    "components": ["__id", "filename", "component_id", "pagerank", "degree"],
    "evidence": ["a", "b", "similarity", "relation", "kind"],
    "groups": ["filename", "group_id", "role", "keep"],
}
FILES = {**dict.fromkeys(TABLES, ""), "similarity": "similarity.csv", "features": "features.dat"} | {
    "gallery": "gallery/index.html",
    "faiss_index": "faiss.index",
    "components": "connected_components.csv",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work_dir of a run over four photographs, two of them alike, and a broken file."""
    top = tmp_path_factory.mktemp("loading")
    for number in range(3):
        save_jpeg(top / "photos" / f"{number}.jpg", photo_like(number))
    save_jpeg(top / "photos" / "cöpy.jpg", photo_like(1), quality=70)
    (top / "photos" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    assert dedup_assets.run(top / "photos", top / "results", threshold=0.8, lower_threshold=0.9) == 0
    return top / "results"


@pytest.fixture(scope="module")
def ours(results: Path) -> dg.Definitions:
    return build_definitions(str(results.parent / "photos"), str(results), threshold=0.8, lower_threshold=0.9)


def load(ours: dg.Definitions, instance: dg.DagsterInstance, *wanted: tuple[str, Any]) -> list[Any]:
    """What assets get, of which each has a parameter of a name and with an annotation; None: no annotation."""
    got: dict[int, object] = {}

    def their_asset(number: int, name: str, annotation: Any) -> dg.AssetsDefinition:
        def theirs(given):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            got[number] = given

        if annotation is not None:
            theirs.__annotations__["given"] = annotation
        return dg.asset(name=f"theirs_{number}", ins={"given": dg.AssetIn(key=[name])})(theirs)

    others = [their_asset(number, *each) for number, each in enumerate(wanted)]
    job = dg.Definitions.merge(ours, dg.Definitions(assets=others)).resolve_implicit_global_asset_job_def()
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    job.execute_in_process(instance=instance, asset_selection=[other.key for other in others], run_config=quiet)
    return [got[number] for number in range(len(wanted))]


ANNOTATIONS = {"untyped": None, "Any": Any, "DataFrame": pl.DataFrame}


@pytest.fixture(scope="module")
def loaded(ours: dg.Definitions) -> dict[tuple[str, Any], Any]:
    """What assets get by the name and the annotation of their parameter, all of one run."""
    wanted = [(name, annotation) for name in TABLES for annotation in ANNOTATIONS.values()]
    wanted += [(name, annotation) for name, file in FILES.items() if file for annotation in (Path, str)]
    wanted += [("similarity", pl.LazyFrame), ("similarity", Pairs), ("features", np.ndarray)]
    wanted += [("gallery", None), ("faiss_index", None)]
    with light_instance({"telemetry": {"enabled": False}}) as instance:
        return dict(zip(wanted, load(ours, instance, *wanted), strict=True))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("annotation", ANNOTATIONS.values(), ids=ANNOTATIONS)
def test_a_result_is_a_table_whose_names_are_text(
    name: str, annotation: object, results: Path, loaded: dict[tuple[str, Any], Any]
) -> None:
    table = loaded[name, annotation]
    assert isinstance(table, pl.DataFrame)
    assert table.columns[: len(TABLES[name])] == TABLES[name]
    assert table.height >= 1
    for column in set(table.columns) & {"filename", "from", "to", "a", "b"}:
        assert set(table[column]) <= {str(path) for path in (results.parent / "photos").iterdir()}


def test_pairs_are_those_of_the_file_and_a_frame_may_be_lazy(results: Path, loaded: dict[tuple[str, Any], Any]) -> None:
    lazy = loaded["similarity", pl.LazyFrame]
    assert isinstance(lazy, pl.LazyFrame)
    assert lazy.collect().equals(pl.read_csv(results / "similarity.csv"))


def test_vectors_are_an_array_or_a_column(loaded: dict[tuple[str, Any], Any]) -> None:
    array = loaded["features", np.ndarray]
    assert (array.shape, array.dtype) == ((4, 576), np.float32)
    assert np.array_equal(loaded["features", pl.DataFrame]["vector"].to_numpy(), array)


def test_a_frame_of_pandas_has_the_same_rows(
    ours: dg.Definitions, instance: dg.DagsterInstance, loaded: dict[tuple[str, Any], Any]
) -> None:
    pandas = pytest.importorskip("pandas")
    (frame,) = load(ours, instance, ("components", pandas.DataFrame))
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["filename"]) == list(loaded["components", None]["filename"])


@pytest.mark.parametrize(("name", "file"), [(name, file) for name, file in FILES.items() if file])
def test_a_path_is_that_of_the_main_file(
    name: str, file: str, results: Path, loaded: dict[tuple[str, Any], Any]
) -> None:
    assert loaded[name, Path] == results / file
    assert loaded[name, str] == str(results / file)


def test_what_is_no_table_is_its_path_or_index_without_an_annotation(
    results: Path, loaded: dict[tuple[str, Any], Any]
) -> None:
    assert loaded["gallery", None] == str(results / "gallery" / "index.html")
    assert isinstance(loaded["faiss_index", None], SearchIndex)


@pytest.fixture(scope="module")
def values(ours: dg.Definitions) -> dict[str, Any]:
    """What a loader of values gives by the name of the result; the first one as its code location gives it."""
    with light_instance({"telemetry": {"enabled": False}}) as instance:
        first, *others = TABLES
        with ours.get_asset_value_loader(instance) as loader:
            given = {name: loader.load_asset_value(name) for name in (*others, "gallery", "faiss_index")}
        return {first: ours.load_asset_value(first, instance=instance), **given}


@pytest.mark.parametrize("name", [*TABLES, "gallery", "faiss_index"])
def test_load_asset_value_gives_what_a_parameter_without_annotation_gets(
    name: str, values: dict[str, Any], loaded: dict[tuple[str, Any], Any]
) -> None:
    found = values[name]
    if name == "faiss_index":
        assert isinstance(found, SearchIndex)
    else:
        given = loaded[name, None]
        assert found.equals(given) if isinstance(found, pl.DataFrame) else found == given


def test_load_asset_value_takes_a_type_and_the_settings_of_the_launchpad(
    results: Path, instance: dg.DagsterInstance, loaded: dict[tuple[str, Any], Any]
) -> None:
    elsewhere = build_definitions(str(results.parent / "photos"), str(results / "nowhere"))
    there = {"settings": {"config": {"work_dir": str(results)}}}
    with elsewhere.get_asset_value_loader(instance) as loader:
        pairs = loader.load_asset_value("similarity", python_type=Pairs, resource_config=there)
    assert isinstance(pairs, Pairs)
    assert pairs.rows.equals(loaded["similarity", Pairs].rows)
    with pytest.raises(WorkDirError, match="nowhere"):
        elsewhere.load_asset_value("similarity", instance=instance)


def test_names_that_are_not_utf_8_stay_bytes_in_all_columns(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for name in (b"\xff.jpg", b"a.jpg"):
        save_jpeg(tmp_path / "photo.jpg", photo_like(1))
        photos.mkdir(exist_ok=True)
        with open(bytes(photos) + b"/" + name, "wb") as file:  # noqa: PTH123 - a Path holds text
            file.write((tmp_path / "photo.jpg").read_bytes())
    assert dedup_assets.run(photos, tmp_path / "results", threshold=0.8, lower_threshold=0.9) == 0
    (table,) = load(build_definitions(str(photos), str(tmp_path / "results")), instance, ("similarity", None))
    assert set(table["from"]) == {bytes(photos) + b"/\xff.jpg", bytes(photos) + b"/a.jpg"}
    assert table.schema["to"] == pl.Binary


@pytest.mark.parametrize(("name", "annotation"), [("similarity", dict), ("gallery", pl.DataFrame), ("features", int)])
def test_a_type_that_cannot_be_read_is_answered_with_those_that_can(
    name: str, annotation: type, ours: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    with pytest.raises(TypeError) as caught:
        load(ours, instance, (name, annotation))
    said = str(caught.value)
    assert said.startswith(f"{name} cannot be read as {annotation.__qualname__}")
    assert "pathlib.Path" in said


def test_steps_of_a_run_share_a_small_value_until_its_files_are_others(tmp_path: Path) -> None:
    for number in range(2):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(1), quality=90 - number)
    given = {"input_dir": str(tmp_path / "photos"), "work_dir": str(tmp_path / "out")}
    manager = WorkDirIOManager(settings=DedupSettings(**given))
    key, log = dg.AssetKey("similarity"), dg.get_dagster_logger()
    assert dedup_assets.run(**given) == 0
    first = manager.read(key, Pairs, log)
    assert manager.read(key, Pairs, log) is first
    save_jpeg(tmp_path / "photos" / "2.jpg", photo_like(1), quality=70)
    assert dedup_assets.run(**given) == 0
    second = manager.read(key, Pairs, log)
    assert isinstance(first, Pairs)
    assert isinstance(second, Pairs)
    assert not second.rows.equals(first.rows)
