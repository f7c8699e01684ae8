"""A store that fails, stalls, breaks off or sends half is asked again, then reported; no wrong content is used."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import s3fs

import dedup_assets
from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.inputs.reading import read
from dedup_assets.engine.stores import patience, remote
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets_tests.support.faulty_server import FaultyServer, faulty_bucket
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

FAULTS = ["error 500", "error 503", "stall", "reset", "truncate"]
RESULTS = ("features.dat", "features.dat.csv", "features.bad.csv", "image_ledger.parquet")


class Store:
    """A bucket behind a faulty server."""

    def __init__(self, server: FaultyServer, bucket: Any) -> None:
        self.server, self.bucket = server, bucket

    def objects(self, prefix: str) -> dict[str, bytes]:
        """The content of all objects under a prefix, asked of the store itself."""
        found = self.bucket.objects.filter(Prefix=prefix)
        return {entry.key.removeprefix(prefix): entry.get()["Body"].read() for entry in found}

    @contextmanager
    def failing(self, rule: Callable[[str, str, int], str | None], deadline_seconds: float) -> Iterator[None]:
        """Answer with faults as a rule says, and let the package give up soon, for the length of a block."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(remote, "_DEADLINE_SECONDS", deadline_seconds)
            self.server.rule = rule
            yield
        self.server.rule = lambda *_: None


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(s3fs.S3FileSystem, "read_timeout", 1.0)
    monkeypatch.setattr(patience, "_WAITS", (0.1,))
    patience._failures.clear()  # those of earlier tests: a server that failed often is not asked again
    with faulty_bucket("faulty") as (server, bucket):
        yield Store(server, bucket)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_is_not_noticed(store: Store, fault: str) -> None:
    content = os.urandom(200_000)
    store.bucket.put_object(Key="a.jpg", Body=content)
    store.server.rule = lambda method, path, before: fault if path.endswith("a.jpg") and before == 0 else None
    assert read(b"s3://faulty/a.jpg") == content
    assert store.server.faults


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_is_an_error_of_one_image_in_bounded_time(store: Store, fault: str) -> None:
    store.bucket.put_object(Key="a.jpg", Body=os.urandom(100_000))

    def rule(method: str, path: str, before: int) -> str | None:
        del before
        return fault if method == "GET" and path.endswith("a.jpg") else None

    with store.failing(rule, 1.5), pytest.raises(ImageError, match="cannot be read: ") as told:
        read(b"s3://faulty/a.jpg")
    assert told.value.code == "ERROR_UNREADABLE"


@pytest.mark.timeout(300)
def test_a_run_over_a_store_that_fails_now_and_then_ends_as_over_one_that_does_not(
    store: Store, tmp_path: Path
) -> None:
    model = save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3], dimension=8)
    for number in range(10):
        path = save_jpeg(tmp_path / f"{number}.jpg", photo_like(number, 64, 48))
        store.bucket.put_object(Key=f"photos/{number}.jpg", Body=path.read_bytes())
    settings = {"model_path": model, "shard_size": 4, "run_mode": 1}
    assert dedup_assets.run("s3://faulty/photos", "s3://faulty/calm", **settings) == 0
    calm = store.objects("calm/")

    def rule(method: str, path: str, before: int) -> str | None:
        # By the name of the file: folders have random names, and the number of faults would vary with them.
        place = sum(path.rpartition("/")[2].encode())
        return FAULTS[place % 5] if before == 0 and place % 3 == 0 and method in {"GET", "PUT"} else None

    store.server.asked.clear()
    store.server.rule = rule
    assert dedup_assets.run("s3://faulty/photos", "s3://faulty/wild", **settings) == 0
    store.server.rule = lambda method, path, before: None
    wild = store.objects("wild/")
    assert store.server.faults >= 5
    assert set(wild) == set(calm)
    assert {name: wild[name] for name in RESULTS} == {name: calm[name] for name in RESULTS}


def test_an_image_that_cannot_be_read_is_named_and_tried_again_by_the_next_run(store: Store, tmp_path: Path) -> None:
    model = save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3], dimension=8)
    for number in range(4):
        path = save_jpeg(tmp_path / f"{number}.jpg", photo_like(number, 64, 48))
        store.bucket.put_object(Key=f"photos/{number}.jpg", Body=path.read_bytes())
    with store.failing(lambda method, path, before: "error 503" if path.endswith("2.jpg") else None, 4.0):
        assert dedup_assets.run("s3://faulty/photos", tmp_path / "out", model_path=model, run_mode=1) == 0
    assert "photos/2.jpg,ERROR_UNREADABLE" in (tmp_path / "out" / "features.bad.csv").read_text()
    assert dedup_assets.run("s3://faulty/photos", tmp_path / "out", model_path=model, run_mode=1) == 0
    assert len((tmp_path / "out" / "features.dat.csv").read_text().splitlines()) == 5


def test_a_work_dir_that_fails_ends_the_run_with_a_line_and_keeps_the_last_result(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3], dimension=8)
    for number in range(4):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number, 64, 48))
    assert dedup_assets.run(tmp_path / "photos", "s3://faulty/out", model_path=model, run_mode=1) == 0
    before = {name: content for name, content in store.objects("out/").items() if not name.startswith(("shards/", "."))}
    save_jpeg(tmp_path / "photos" / "4.jpg", photo_like(4, 64, 48))
    capsys.readouterr()

    def rule(method: str, path: str, before: int) -> str | None:
        del before
        return "error 503" if "features.bad" in path and method == "PUT" else None

    with store.failing(rule, 8.0):
        assert dedup_assets.run(tmp_path / "photos", "s3://faulty/out", model_path=model, run_mode=1) == 1
    said = capsys.readouterr().err
    assert "cannot write to work_dir='s3://faulty/out': features.bad.csv" in said
    assert said.count("\n") == 1
    assert "a-secret-of-the-tests" not in said
    after = store.objects("out/")
    assert {name: after[name] for name in before} == before
    assert dedup_assets.run(tmp_path / "photos", "s3://faulty/out", model_path=model, run_mode=1) == 0
    assert not any(name.startswith(".staged") for name in store.objects("out/"))
    with WorkDir("s3://faulty/out").open("features.dat.csv") as file:
        assert len(file.read().splitlines()) == 6
