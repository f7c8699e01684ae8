"""Whole runs read every kind of input: stores, archives, videos, and all of them together."""

import gzip
import os
import re
import shutil
import tarfile
import time
from itertools import count
from pathlib import Path

import av
import fsspec
import pytest
from PIL import Image

import dedup_assets
from dedup_assets_tests.support.gallery_pages import read_words
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.videos import save_video


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures, the last a re-compressed copy of the first."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(5):
        save_jpeg(folder / f"sub {seed % 2}" / f"ü,{seed}.jpg", photo_like(seed))
    save_jpeg(folder / "copy.jpg", photo_like(0), quality=60)
    return folder


@pytest.fixture(scope="module")
def local(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run over the local photographs. Tests do not write to them."""
    work_dir = tmp_path_factory.mktemp("local")
    assert dedup_assets.run(photos, work_dir) == 0
    return work_dir


@pytest.fixture(scope="module")
def on_store(photos: Path, s3_bucket: str) -> str:
    """The same pictures below a prefix of a bucket, with files beside them that are no pictures."""
    filesystem = fsspec.filesystem("s3")
    filesystem.put(str(photos), f"{s3_bucket}/run one", recursive=True)
    filesystem.pipe(f"{s3_bucket}/run one/notes.txt", b"no picture")
    filesystem.pipe(f"{s3_bucket}/run one/.hidden/x.jpg", b"hidden")
    return f"{s3_bucket}/run one"


def make_video(path: Path, photos: Path) -> Path:
    """Three seconds of video with another picture in each second."""
    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.bit_rate = 4_000_000
        for number in range(15):
            picture = Image.open(sorted(photos.rglob("*.jpg"))[number // 5]).convert("RGB")
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return path


def vectors(work_dir: str | Path) -> dict[str, bytes]:
    """The vector of each name, as stored."""
    names, features = dedup_assets.load_binary_feature(work_dir)
    assert len(names) == len(set(names))
    return {name: row.tobytes() for name, row in zip(names, features, strict=True)}


def bad_rows(work_dir: Path) -> dict[str, str]:
    """Error code of each bad image, by name."""
    rows = (work_dir / "features.bad.csv").read_text().splitlines()[1:]
    return {row.split(",")[1]: row.split(",")[2] for row in rows}


def test_pictures_on_s3_give_the_bytes_that_local_ones_give_and_leave_no_credentials(
    photos: Path, local: Path, on_store: str, tmp_path: Path
) -> None:
    assert dedup_assets.run(on_store, tmp_path / "remote", num_threads=3) == 0
    expected = {name.replace(str(photos), on_store): row for name, row in vectors(local).items()}
    assert vectors(tmp_path / "remote") == expected
    found = (tmp_path / "remote" / "similarity.csv").read_text()
    assert found == (local / "similarity.csv").read_text().replace(str(photos), on_store)
    written = b"".join(path.read_bytes() for path in (tmp_path / "remote").rglob("*") if path.is_file())
    assert os.environ["AWS_SECRET_ACCESS_KEY"].encode() not in written


def test_a_work_dir_on_s3_holds_the_same_files_and_is_read_back(
    photos: Path, local: Path, s3_bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = f"{s3_bucket}/results/one"
    assert dedup_assets.run(photos, out) == 0
    assert f"{out}/gallery/index.html" in capsys.readouterr().out
    filesystem = fsspec.filesystem("s3", use_listings_cache=False)
    for name in ("features.dat", "features.dat.csv", "similarity.csv", "outliers.csv", "faiss.index"):
        assert filesystem.cat_file(f"{out}/{name}") == (local / name).read_bytes(), name
    assert vectors(out) == vectors(local)
    assert dedup_assets.run("", out, run_mode=2, threshold=0.5) == 0
    assert dedup_assets.create_duplicates_gallery(f"{out}/similarity.csv", f"{out}/page") == 0
    assert b"<img" in filesystem.cat_file(f"{out}/page/duplicates.html")


def test_a_second_run_on_s3_computes_only_new_objects_and_sees_those_others_wrote(photos: Path, s3_bucket: str) -> None:
    filesystem = fsspec.filesystem("s3", use_listings_cache=False)
    data, out = f"{s3_bucket}/growing", f"{s3_bucket}/growing results"
    filesystem.pipe(f"{data}/a.jpg", (photos / "copy.jpg").read_bytes())
    assert dedup_assets.run(data, out, run_mode=1) == 0
    shard = filesystem.find(f"{out}/shards")
    filesystem.pipe(f"{data}/b.jpg", (photos / "copy.jpg").read_bytes())
    assert dedup_assets.run(data, out, run_mode=1) == 0
    assert len(vectors(out)) == 2
    assert filesystem.find(f"{out}/shards") != shard


def test_a_list_mixes_local_files_objects_and_what_is_gone(photos: Path, on_store: str, tmp_path: Path) -> None:
    rows = [photos / "copy.jpg", f"{on_store}/copy.jpg", f"{on_store}/gone.jpg", "s3://no-such-bucket/a.jpg"]
    (tmp_path / "list.txt").write_text("\n".join(map(str, rows)))
    assert dedup_assets.run(tmp_path / "list.txt", tmp_path / "out") == 0
    assert vectors(tmp_path / "out").keys() == {str(rows[0]), str(rows[1])}
    assert bad_rows(tmp_path / "out") == {str(row): "ERROR_MISSING_FILE" for row in rows[2:]}


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar"])
def test_an_archive_gives_the_bytes_that_its_files_give(kind: str, photos: Path, local: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "all"), kind, photos)
    assert dedup_assets.run(archive, tmp_path / "packed", num_threads=3) == 0
    expected = {name.replace(str(photos), archive): row for name, row in vectors(local).items()}
    assert vectors(tmp_path / "packed") == expected
    folder = tmp_path / "packed" / "gallery"
    page = (folder / "duplicates.html").read_text()
    assert len(list(folder.rglob("*.jpg"))) == 6
    assert f'href="../../{Path(archive).name}"' in page
    assert "archive of <time" in page


def test_a_store_that_does_not_answer_is_one_line_without_credentials(
    photos: Path, s3_bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec.filesystem("s3").clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    try:
        for source, out in ((s3_bucket, str(tmp_path)), (str(photos), f"{s3_bucket}/out")):
            assert dedup_assets.run(source, out) == 1
            said = capsys.readouterr().err
            assert said.count("\n") == 1
            assert "internal error" not in said
            assert s3_bucket in said
            assert os.environ["AWS_SECRET_ACCESS_KEY"] not in said
    finally:
        fsspec.filesystem("s3").clear_instance_cache()


def test_every_kind_of_input_in_one_run(photos: Path, on_store: str, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    make_video(folder / "clip.mp4", photos)
    shutil.copy(photos / "copy.jpg", folder / "plain.jpg")
    shutil.make_archive(str(folder / "packed"), "zip", photos)
    (folder / "broken.tar").write_bytes(b"no archive")
    (folder / "broken.mkv").write_bytes(b"no video")
    fsspec.filesystem("s3").put(shutil.make_archive(str(tmp_path / "far"), "tar", photos), f"{on_store}/far.tar")
    rows = [folder, f"{on_store}/far.tar", f"{on_store}/copy.jpg", f"{folder}/packed.zip/copy.jpg"]
    assert dedup_assets.run(rows, tmp_path / "out", video_fps=1, num_threads=2) == 0
    found = vectors(tmp_path / "out")
    assert len(found) == 1 + 6 + 6 + 1 + 3
    copies = [f"{folder}/plain.jpg", f"{folder}/packed.zip/copy.jpg", f"{on_store}/far.tar/copy.jpg"]
    assert len({found[name] for name in (*copies, f"{on_store}/copy.jpg")}) == 1
    assert {f"{folder}/clip.mp4#t=00:00:0{second}.000" for second in range(3)} < found.keys()
    corrupt = dict.fromkeys((f"{folder}/broken.mkv", f"{folder}/broken.tar"), "ERROR_CORRUPT_IMAGE")
    assert bad_rows(tmp_path / "out") == corrupt
    page = (tmp_path / "out" / "gallery" / "duplicates.html").read_text()
    assert "clip.mp4#t=00:00:0" in page
    assert "No picture" not in read_words(page)


def test_an_archive_that_takes_too_long_costs_its_rows_alone_and_is_tried_again(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dedup_assets.engine.inputs.containers.budget._SECONDS_A_BYTE", 0.0)
    seconds = count(0.0)
    monkeypatch.setattr(time, "thread_time", lambda: next(seconds))  # a second passes at each step of unpacking
    shutil.copytree(photos, tmp_path / "in")
    first = (photos / "copy.jpg").read_bytes()
    nothing = gzip.compress(b"") * 5_000  # empty streams: many steps and no output
    entry = tarfile.TarInfo("a.jpg")
    entry.size = len(first)
    head = gzip.compress(entry.tobuf() + first.ljust(-(-len(first) // 512) * 512, b"\0"))
    bomb = tmp_path / "in" / "bomb.tar.gz"
    bomb.write_bytes(head + nothing + gzip.compress(bytes(1024)))
    dedup_assets.run(tmp_path / "in", tmp_path / "out", image_seconds=20)
    assert bad_rows(tmp_path / "out") == {str(bomb): "ERROR_UNREADABLE"}
    assert "image_seconds=20 " in (tmp_path / "out" / "features.bad.csv").read_text()
    assert len(vectors(tmp_path / "out")) == 7
    monkeypatch.setattr(time, "thread_time", lambda: 0.0)
    dedup_assets.run(tmp_path / "in", tmp_path / "out", image_seconds=20)
    assert bad_rows(tmp_path / "out") == {}
    assert f"{bomb}/a.jpg" in vectors(tmp_path / "out")


def test_other_frames_of_a_video_are_computed_and_known_ones_found(photos: Path, tmp_path: Path) -> None:
    clip = make_video(tmp_path / "clip.mp4", photos)
    assert dedup_assets.run(clip, tmp_path / "out", video_fps=1) == 0
    first = vectors(tmp_path / "out")
    assert dedup_assets.run(clip, tmp_path / "out", video_fps=2) == 0
    second = vectors(tmp_path / "out")
    assert len(second) == 6
    assert first.items() < second.items()


def test_black_intros_of_different_videos_are_no_pair_and_copies_of_a_blank_page_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for clip in range(3):
        black, shown = Image.new("RGB", (160, 120)), photo_like(clip, 160, 120)
        (tmp_path / "in").mkdir(exist_ok=True)
        save_video(tmp_path / "in" / f"{clip}.mp4", [black, black, shown])
    Image.new("RGB", (200, 280), "white").save(tmp_path / "in" / "page 1.png")
    shutil.copy(tmp_path / "in" / "page 1.png", tmp_path / "in" / "page 1 (copy).png")
    Image.new("RGB", (210, 290), "white").save(tmp_path / "in" / "page 2.png")
    assert dedup_assets.run(tmp_path / "in", tmp_path / "out") == 0
    rows = (tmp_path / "out" / "similarity.csv").read_text().splitlines()[1:]
    page, copy = (str(tmp_path / "in" / name) for name in ("page 1.png", "page 1 (copy).png"))
    assert rows == [f"{copy},{page},1.000000", f"{page},{copy},1.000000"]
    assert re.search(r"images that show nothing +9\n", capsys.readouterr().out)
