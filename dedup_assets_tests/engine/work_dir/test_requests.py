"""A work_dir on a store is read and written in few requests."""

import uuid
from collections.abc import Iterator

import pytest

from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.identity.config import Result, StagedRecord, read_config, stage_record
from dedup_assets_tests.support.faulty_server import FaultyServer, faulty_bucket


@pytest.fixture
def server() -> Iterator[FaultyServer]:
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
