"""When new files start a run, and how a failure is reported. Tests call sensors as the daemon does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import fsspec
import pytest

from dedup_assets.definitions import defs
from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.inputs.watching import Sighting
from dedup_assets.pipeline.automation.sensors import Watch, publish
from dedup_assets.pipeline.building import build_definitions
from dedup_assets.pipeline.jobs import ASSETS_OF_MODE
from dedup_assets.pipeline.resources import Alerts
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


class Uploads:
    """A folder or prefix that is watched, tick by tick."""

    def __init__(self, input_dir: str, instance: dg.DagsterInstance, **options: Any) -> None:
        self.definitions = build_definitions(input_dir, "out", **options)
        self.sensor = self.definitions.resolve_sensor_def("new_uploads")
        self.instance, self.cursor = instance, None

    def tick(self) -> tuple[str, list[dg.RunRequest]]:
        """The reason for no run, and the requested runs."""
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor, definitions=self.definitions)
        found: Any = self.sensor(context)
        self.cursor = found.cursor
        return (found.skip_reason.skip_message if found.skip_reason else ""), list(found.run_requests or [])


@pytest.fixture
def uploads(instance: dg.DagsterInstance, tmp_path: Path) -> Uploads:
    save_jpeg(tmp_path / "in" / "a.jpg", photo_like(1))
    return Uploads(str(tmp_path / "in"), instance)


def test_files_that_stay_the_same_for_an_interval_become_one_run(uploads: Uploads) -> None:
    assert uploads.tick()[0].startswith("1 files, 0 before; waiting")
    reason, requests = uploads.tick()
    assert reason == ""
    assert len(requests) == 1
    assert uploads.tick() == ("nothing has changed: 1 files, as in the last run", [])


def test_an_upload_that_goes_on_is_waited_for(uploads: Uploads, tmp_path: Path) -> None:
    for number in range(3):
        save_jpeg(tmp_path / "in" / f"{number}.jpg", photo_like(number))
        assert uploads.tick()[1] == []
    assert len(uploads.tick()[1]) == 1


def test_files_that_go_and_come_back_are_another_run(uploads: Uploads, tmp_path: Path) -> None:
    keys = []
    for present in (True, False, True):
        path = tmp_path / "in" / "b.jpg"
        save_jpeg(path, photo_like(2)) if present else path.unlink()
        uploads.tick()
        keys += [request.run_key for request in uploads.tick()[1]]
    assert len(set(keys)) == 3


def test_the_same_tick_twice_has_one_run_key(uploads: Uploads) -> None:
    uploads.tick()
    cursor = uploads.cursor
    (first,) = uploads.tick()[1]
    uploads.cursor = cursor  # the daemon stopped before it stored the new cursor
    assert uploads.tick()[1][0].run_key == first.run_key


def test_no_input_yet_and_an_empty_one_are_said(tmp_path: Path, uploads: Uploads) -> None:
    (tmp_path / "empty").mkdir()
    assert "missing" in Uploads(str(tmp_path / "missing"), uploads.instance).tick()[0]
    assert Uploads(str(tmp_path / "empty"), uploads.instance).tick() == ("there are no images yet", [])


def test_nothing_is_requested_while_a_run_for_earlier_uploads_is_under_way(uploads: Uploads) -> None:
    uploads.instance.create_run_for_job(
        uploads.definitions.resolve_job_def("dedup"),
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/sensor_name": "new_uploads"},
    )
    assert uploads.tick() == ("a run for earlier uploads is under way", [])


def test_a_prefix_on_s3_is_watched_as_well(s3_bucket: str, uploads: Uploads) -> None:
    fsspec.filesystem("s3").pipe(f"{s3_bucket}/watched/a.jpg", b"x")
    watched = Uploads(f"{s3_bucket}/watched", uploads.instance)
    assert watched.tick()[1] == []
    assert len(watched.tick()[1]) == 1


def test_a_look_that_is_not_complete_goes_on_at_the_next_tick() -> None:
    watch, reason = Watch().advance(Sighting(100, "d", after="x.jpg"), 1.0)
    assert reason == "100 files counted so far; the next tick goes on"
    assert Watch.parse(watch.cursor()).begun == Sighting(100, "d", after="x.jpg")


@pytest.mark.parametrize("cursor", [None, "", "no json", "[]", '{"seen": 3}', '{"seen": {"files": "x"}}'])
def test_a_cursor_that_was_changed_by_hand_means_that_nothing_is_known(cursor: str | None) -> None:
    assert Watch.parse(cursor) == Watch()


@pytest.mark.parametrize(
    ("scale_out", "assets"), [(False, set(ASSETS_OF_MODE[RunMode.EVERYTHING])), (True, {"image_manifest"})]
)
def test_new_uploads_start_the_chain_or_where_ranges_are_partitions_the_listing(
    scale_out: bool, assets: set[str]
) -> None:
    definitions = build_definitions(scale_out=True) if scale_out else defs
    started = definitions.resolve_job_def("__anonymous_asset_job_new_uploads").asset_layer.executable_asset_keys
    assert {key.to_user_string() for key in started} == assets


def test_everything_is_off_until_somebody_switches_it_on() -> None:
    def running(definitions: dg.Definitions) -> set[str]:
        found = [*(definitions.sensors or []), *(definitions.schedules or [])]
        return {each.name for each in found if each.default_status.value == "RUNNING"}  # type: ignore[union-attr]

    assert running(defs) == set()
    on = {"new_uploads", "report_failures", "new_ranges_flow_on", "new_verdicts"}
    assert running(build_definitions(automate=True)) == on


def test_new_ranges_flow_on_and_old_ones_are_not_computed_again(
    whole_instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    pipeline = build_definitions(str(tmp_path / "in"), str(tmp_path / "out"), scale_out=True, shard_size=2)
    for number in range(4):
        save_jpeg(tmp_path / "in" / f"{number}.jpg", photo_like(number))
    listing = _Run(pipeline, whole_instance)
    listing.materialize("image_manifest")
    assert listing.wanted() == {"feature_shards": 2}
    listing.materialize("feature_shards")
    rest = (*ASSETS_OF_MODE[RunMode.EVERYTHING][1:], "plan")
    assert listing.wanted() == dict.fromkeys(rest, 1)
    listing.materialize(*rest)
    save_jpeg(tmp_path / "in" / "5.jpg", photo_like(5))
    listing.materialize("image_manifest")
    assert listing.wanted() == {"feature_shards": 1}


class _Run:
    """Runs, after each of which automation may request assets."""

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self._definitions, self._instance = definitions, instance
        self._cursor: Any = None

    def materialize(self, *names: str) -> None:
        selected = dg.AssetSelection.assets(*names)
        ranges = self._instance.get_dynamic_partitions("offset_ranges")
        start, end = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
        tags = {start: ranges[0], end: ranges[-1]} if names == ("feature_shards",) else {}
        assert dg.materialize(
            [*(self._definitions.assets or [])],  # type: ignore[list-item]
            selection=selected,
            instance=self._instance,
            resources=dict(self._definitions.resources or {}),
            tags=tags,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        ).success

    def wanted(self) -> dict[str, int]:
        """Assets that automation requests now, with the number of their partitions (1 if an asset has none)."""
        found = dg.evaluate_automation_conditions(
            self._definitions, self._instance, dg.AssetSelection.all(), cursor=self._cursor
        )
        self._cursor = found.cursor
        keys = {key.to_user_string() for key in self._definitions.resolve_asset_graph().get_all_asset_keys()}
        counts = {key: found.get_num_requested(dg.AssetKey(key.split("/"))) for key in keys}
        return {key: count for key, count in counts.items() if count}


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The URL of a server on loopback, and the messages posted to it."""
    posted: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep stderr clean."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", posted
    server.shutdown()
    server.server_close()


@pytest.fixture
def whole_instance() -> Iterator[dg.DagsterInstance]:
    """An instance in memory that stores the failures of steps too."""
    with dg.DagsterInstance.ephemeral(settings={"telemetry": {"enabled": False}}) as made:
        yield made


def test_a_failed_run_is_reported_with_its_reason_to_file_and_webhook(
    whole_instance: dg.DagsterInstance, tmp_path: Path, webhook: tuple[str, list[dict[str, str]]]
) -> None:
    (url, posted), instance = webhook, whole_instance
    definitions = build_definitions(str(tmp_path / "nowhere"), str(tmp_path / "out"))
    result = definitions.resolve_job_def("dedup").execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    context = dg.build_run_status_sensor_context(
        "report_failures",
        result.get_run_failure_event(),
        instance,
        result.dagster_run,
    ).for_run_failure()
    sensor: Any = definitions.resolve_sensor_def("report_failures")
    sensor(context, alerts=Alerts(file=str(tmp_path / "failures.jsonl"), webhook=url))
    (line,) = (tmp_path / "failures.jsonl").read_text().splitlines()
    assert posted == [json.loads(line)]
    assert "nowhere" in posted[0]["reason"]
    assert posted[0]["steps"] == "image_manifest"
    assert posted[0]["text"].startswith("Run ")


def test_a_webhook_that_is_no_web_address_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"alerts\.webhook='file:///etc/passwd'"):
        publish({"text": "x"}, Alerts(webhook="file:///etc/passwd"))
