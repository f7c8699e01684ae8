"""The same input again: nothing is repeated, and what is repeated has a reason that is said."""

import functools
import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

import dedup_assets
from dedup_assets_tests.support.faulty_server import faulty_bucket
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

RESULTS = ("features.dat", "features.dat.csv", "faiss.index", "similarity.csv", "connected_components.csv")


def save_photos(folder: Path) -> Path:
    """Five photographs, two of them copies."""
    for number in range(4):
        save_jpeg(folder / f"{number}.jpg", photo_like(number, 96, 80))
    save_jpeg(folder / "copy.jpg", photo_like(1, 96, 80), quality=60)
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return save_photos(tmp_path / "photos")


@pytest.fixture
def model(tmp_path: Path) -> str:
    return save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3], dimension=8)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Photographs, the results of a run on them, and its model; each test leaves them as they were."""
    top = tmp_path_factory.mktemp("made")
    model = save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=8)
    run(save_photos(top / "photos"), top / "out", model)
    return top / "photos", top / "out", model


def run(photos: object, out: object, model: str, **settings: Any) -> None:
    assert dedup_assets.run(photos, out, num_threads=1, model_path=model, threshold=0.5, **settings) == 0  # type: ignore[arg-type]


def written(out: Path) -> dict[str, tuple[int, int]]:
    """Which file each is, and when it was written."""
    found = {path: path.stat() for path in sorted(out.rglob("*")) if path.is_file()}
    return {str(path.relative_to(out)): (facts.st_ino, facts.st_mtime_ns) for path, facts in found.items()}


def contents(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in RESULTS}


def kept(before: dict[str, Any], after: dict[str, Any], *names: str) -> bool:
    """Whether files are the same ones in both; names of folders stand for all that is in them."""
    chosen = [name for name in before if name in names or name.split("/")[0] in names]
    assert chosen
    return all(before[name] == after.get(name) for name in chosen)


LASTING = ("features.dat", "features.dat.csv", "faiss.index", "gallery", "neighbors")


def test_a_second_run_writes_only_what_has_no_memory(made: tuple[Path, Path, str]) -> None:
    photos, out, model = made
    before = written(out)
    run(photos, out, model)
    after = written(out)
    assert after.keys() == before.keys()
    assert kept(before, after, *LASTING, "shards", "config.json")


def test_files_that_were_copied_elsewhere_and_back_change_nothing(made: tuple[Path, Path, str]) -> None:
    photos, out, model = made
    for path in [path for path in out.rglob("*") if path.is_file()]:
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
    before = written(out)
    run(photos, out, model)
    assert kept(before, written(out), *LASTING, "shards", "config.json")


def test_a_second_run_on_a_store_leaves_everything_and_asks_for_each_record_once(photos: Path, model: str) -> None:
    with faulty_bucket("photos") as (server, _):
        store = fsspec.filesystem("s3", use_listings_cache=False)

        def objects() -> dict[str, tuple[str, object]]:
            found = store.find("photos/out/", detail=True)
            named = {name.removeprefix("photos/out/"): facts for name, facts in found.items()}
            lasting = {name: facts for name, facts in named.items() if not name.startswith(".")}  # no locks, no records
            return {name: (facts["ETag"], facts["LastModified"]) for name, facts in lasting.items()}

        run(photos, "s3://photos/out", model)
        before = objects()
        server.asked.clear()
        run(photos, "s3://photos/out", model)
        requests = dict(server.asked)
        after = objects()
    assert after.keys() == before.keys()
    assert kept(before, after, *LASTING, "shards", "config.json")
    assert sum(requests.values()) < 600  # each takes a round trip
    asked = {path: count for (_, path), count in requests.items()}
    assert all(count <= 2 for path, count in asked.items() if "/.record-" in path)
    assert asked.get("/photos/out/.publishing.json", 0) <= 4


def test_one_unreadable_file_is_tried_again_and_nothing_else_is_repeated(
    photos: Path, tmp_path: Path, model: str
) -> None:
    (photos / "zz.jpg").symlink_to("/nowhere.jpg")
    run(photos, tmp_path / "out", model)
    before = written(tmp_path / "out")
    run(photos, tmp_path / "out", model)
    assert kept(before, written(tmp_path / "out"), *LASTING, "shards", "image_ledger.parquet")
    (photos / "zz.jpg").unlink()
    save_jpeg(photos / "zz.jpg", photo_like(7, 96, 80))
    run(photos, tmp_path / "out", model)
    assert "zz.jpg" in (tmp_path / "out" / "features.dat.csv").read_text()


def test_a_file_of_equal_size_and_modification_time_is_read_again(photos: Path, tmp_path: Path, model: str) -> None:
    run(photos, tmp_path / "out", model, run_mode=1)
    _, before = dedup_assets.load_binary_feature(tmp_path / "out")
    replace_in_place(photos / "0.jpg")
    run(photos, tmp_path / "out", model, run_mode=1)
    _, after = dedup_assets.load_binary_feature(tmp_path / "out")
    changed = [row for row in range(len(after)) if not np.array_equal(before[row], after[row])]
    assert changed == [0]


def replace_in_place(path: Path) -> None:
    """Another picture of the same number of bytes, with the same time of modification."""
    before, size = path.stat(), path.stat().st_size
    save_jpeg(path, photo_like(9, 48, 40))
    content = path.read_bytes()
    assert len(content) <= size
    path.write_bytes(content.ljust(size, b"\0"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


class WithoutVersions(http.server.SimpleHTTPRequestHandler):
    """A server that says neither ETag nor time of its files."""

    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "Last-Modified":
            super().send_header(keyword, value)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web(photos: Path) -> Iterator[str]:
    handler = functools.partial(WithoutVersions, directory=str(photos))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_images_of_a_server_that_tells_no_version_are_read_again(
    web: str, photos: Path, tmp_path: Path, model: str
) -> None:
    urls = [f"{web}/{path.name}" for path in sorted(photos.iterdir())]
    run(urls, tmp_path / "out", model)
    before, (_, then) = written(tmp_path / "out"), dedup_assets.load_binary_feature(tmp_path / "out")
    run(urls, tmp_path / "out", model)
    assert kept(before, written(tmp_path / "out"), *LASTING)  # they are what they were
    replace_in_place(photos / "0.jpg")
    run(urls, tmp_path / "out", model)
    _, now = dedup_assets.load_binary_feature(tmp_path / "out")
    assert [row for row in range(len(now)) if not np.array_equal(then[row], now[row])] == [0]


def flip(path: Path) -> None:
    """Change eight bytes in the middle; size and time of modification stay."""
    before, content = path.stat(), bytearray(path.read_bytes())
    middle = len(content) // 2
    for place in range(middle - 4, middle + 4):
        content[place] ^= 0x55
    path.write_bytes(bytes(content))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def overwrite(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size))


KEPT_FILES = (
    *("features.dat", "features.dat.csv", "image_ledger.parquet", "faiss.index", "similarity.csv"),
    *("neighbors.parquet", "connected_components.csv", "gallery/index.html", "image_manifest.parquet"),
    *("shards/0*.parquet", "neighbors/*/0*.parquet"),
)


# Each file is flipped beside one other that is overwritten, and overwritten beside a third that is flipped.
@pytest.mark.parametrize(("flipped", "overwritten"), [*zip(KEPT_FILES, KEPT_FILES[4:] + KEPT_FILES[:4], strict=True)])
def test_a_rotten_file_of_a_work_dir_is_made_again(
    made: tuple[Path, Path, str], flipped: str, overwritten: str
) -> None:
    photos, out, model = made
    before = contents(out)
    whole = {name: {path: path.read_bytes() for path in out.glob(name)} for name in (flipped, overwritten)}
    for name, damage in ((flipped, flip), (overwritten, overwrite)):
        assert whole[name]
        for path in whole[name]:
            damage(path)
    run(photos, out, model)
    assert contents(out) == before
    for name, files in whole.items():
        restored = [path for path in out.glob(name) if path.read_bytes() == files.get(path)]
        # Of the searches in neighbors, evidence that stands reads none.
        assert restored or name.startswith("shards")


@pytest.mark.parametrize("name", ["features.dat", "features.dat.csv"])
def test_rotten_features_are_never_searched(
    made: tuple[Path, Path, str], tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(made[1], tmp_path / "out")
    for damage in (flip, overwrite):
        damage(tmp_path / "out" / name)
        assert dedup_assets.run("", tmp_path / "out", run_mode=2) == 1
        said = capsys.readouterr().err
        assert f"{name}' is not the file that this tool wrote" in said
        assert "internal error" not in said
    (tmp_path / "out" / "config.json").unlink()  # nothing is recorded any more
    assert dedup_assets.run("", tmp_path / "out", run_mode=2) in {0, 1}
    assert "internal error" not in capsys.readouterr().err


def test_two_inputs_in_turn_in_one_work_dir_are_each_computed_once(
    made: tuple[Path, Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, done, model = made
    shutil.copytree(done, tmp_path / "out")
    for number in range(3):
        save_jpeg(tmp_path / "others" / f"x{number}.jpg", photo_like(20 + number, 96, 80))
    run(tmp_path / "others", tmp_path / "out", model)
    shards = sorted(path.name for path in (tmp_path / "out" / "shards").glob("*.parquet"))
    capsys.readouterr()
    for folder in (photos, tmp_path / "others"):
        run(folder, tmp_path / "out", model)
        assert "images computed" not in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out" / "shards").glob("*.parquet")) == shards


def test_ranges_of_different_listings_are_not_joined_and_that_is_said(
    photos: Path, tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    run(photos, out, model, run_mode=1, min_offset=0, max_offset=3)
    (photos / "0.jpg").unlink()
    capsys.readouterr()
    run(photos, out, model, run_mode=1, min_offset=3)  # position 3 was another image before
    said = " ".join(capsys.readouterr().out.split())
    assert "range 000000000000-000000000003 is left out of features.dat: files came or went in input_dir" in said
    assert (out / "features.dat.csv").read_text().count(".jpg") == 1
    run(photos, out, model, run_mode=1, min_offset=0, max_offset=3)
    assert (out / "features.dat.csv").read_text().count(".jpg") == 4


def test_a_file_that_changed_leaves_ranges_of_the_same_names_together(photos: Path, tmp_path: Path, model: str) -> None:
    out = tmp_path / "out"
    run(photos, out, model, run_mode=1, min_offset=0, max_offset=3)
    save_jpeg(photos / "0.jpg", photo_like(30, 96, 80))
    run(photos, out, model, run_mode=1, min_offset=3)
    assert (out / "features.dat.csv").read_text().count(".jpg") == 5


def test_results_of_the_former_version_are_made_again_with_a_sentence(
    made: tuple[Path, Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos, done, model), out = made, tmp_path / "out"
    shutil.copytree(done, out)
    before, config = contents(out), json.loads((out / "config.json").read_text())
    features = config["results"]["features"].pop("features")
    for record in config["results"].values():
        for new in ("versions", "made_of", "gallery"):
            record.pop(new, None)
    former = {name: config[name] for name in ("settings", "versions", "results")} | {"features": features}
    (out / "config.json").write_text(json.dumps(former))
    capsys.readouterr()
    run(photos, out, model)
    assert "work_dir held results of an earlier version of this tool" in " ".join(capsys.readouterr().out.split())
    assert contents(out) == before
    run(photos, out, model)
    assert "earlier version" not in capsys.readouterr().out
