"""A work_dir on a store is read and written in few requests."""

import uuid
from collections.abc import Iterator

import pytest

from dedup_assets.engine.work_dir import WorkDir, leases
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.identity import file_records, open_checked, record_results
from dedup_assets.engine.work_dir.identity.config import Result, StagedRecord, read_config, stage_record
from dedup_assets_tests.support.faulty_server import FaultyServer, faulty_bucket


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    monkeypatch.setattr(leases, "_BEAT_SECONDS", 3600.0)  # the lock's own requests come at any moment
    with faulty_bucket("requests") as (server, _):
        yield server


def requests(server: FaultyServer) -> int:
    """Number of requests that were answered since the last call."""
    total = sum(server.asked.values())
    server.asked.clear()
    return total


def test_a_small_file_is_one_request_there_or_not(server: FaultyServer) -> None:
    work_dir = WorkDir("s3://requests/out")
    with work_dir.publish("note.txt") as (file,):
        file.write(b"content")
    requests(server)
    assert work_dir.read_placed("note.txt") == b"content"
    assert requests(server) == 1
    assert work_dir.read_placed("missing.txt") is None
    assert requests(server) == 1


def test_records_of_a_run_are_read_once_and_again_where_they_change(server: FaultyServer) -> None:
    work_dir = WorkDir("s3://requests/out", str(uuid.uuid4()))
    for name in ("features", "similarity", "outliers"):
        stage_record(work_dir, StagedRecord(name=name, result=Result(made_of=name), settings={}, versions={}))
    assert set(read_config(work_dir).results) == {"features", "similarity", "outliers"}
    requests(server)
    assert read_config(work_dir).result("similarity").made_of == "similarity"
    assert requests(server) <= 4
    stage_record(work_dir, StagedRecord(name="similarity", result=Result(made_of="b"), settings={}, versions={}))
    assert read_config(work_dir).result("similarity").made_of == "b"


def test_a_reader_outside_of_a_run_asks_for_a_checked_file_as_often_as_it_must(server: FaultyServer) -> None:
    work_dir = WorkDir("s3://requests/out")
    with generation(work_dir, "a run") as view:
        with view.publish("outliers.csv") as (file,):
            file.write(b"from,to,distance\n")
        record_results(view, {"outliers": Result(files=file_records(view.written))}, {}, {})
    requests(server)
    with open_checked(work_dir, "outliers.csv") as opened:
        assert opened.read() == b"from,to,distance\n"
    journals, config, facts, content = 2, 1, 1, 1
    assert requests(server) == journals + config + facts + content


def test_what_a_run_has_written_it_reads_without_a_request(server: FaultyServer) -> None:
    with generation(WorkDir("s3://requests/out"), "a run") as view:
        with view.publish("a") as (file,):
            file.write(b"content")
        assert view.size("a") == 7
        requests(server)
        for _ in range(3):
            with view.open("a") as opened, view.open_local("a") as local:
                assert opened.read() == local.read() == b"content"
        assert requests(server) == 0
