"""Exports, as the tools that load them read their files: whole or not at all, with the bytes that the run has seen."""

import csv
import datetime as dt
import io
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import dedup_assets
from dedup_assets import api
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like
from dedup_assets_tests.support.videos import save_video

IMAGES = {"a.png", "x/copy of a.png", "x/b ü, 2.png", "x/a small.png", "albums/z.zip/in.png"}


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs with copies, one in an archive, one with a caption, and the results of a run."""
    top = tmp_path_factory.mktemp("export")
    photos = top / "photos"
    (photos / "x").mkdir(parents=True)
    photo_like(0, 320, 240).save(photos / "a.png")
    shutil.copyfile(photos / "a.png", photos / "x" / "copy of a.png")
    photo_like(0, 320, 240).resize((240, 180)).save(photos / "x" / "a small.png")
    photo_like(1, 320, 240).save(photos / "x" / "b ü, 2.png")
    (photos / "a.txt").write_text("a caption")
    (photos / "albums").mkdir()
    data = io.BytesIO()
    photo_like(2, 320, 240).save(data, "png")
    with ZipFile(photos / "albums" / "z.zip", "w") as archive:
        archive.writestr("in.png", data.getvalue())
    model = save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=8)
    assert dedup_assets.run(photos, top / "results", model_path=str(model), nearest_neighbors_k=5) == 0
    return top


def exported(top: Path, out: Path, to: str, **more: Any) -> Path:
    assert api.export(top / "results", to, out, **more) == 0
    assert json.loads((out / "export.json").read_text())["format"] == f"dedup-assets export to {to}"
    return out


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()} - {"export.json"}


def width_of(path: str) -> int:
    with Image.open(path) as image:
        return image.width


def test_a_clean_copy_has_the_bytes_folders_and_times_of_kept_images(collection: Path, tmp_path: Path) -> None:
    out = exported(collection, tmp_path / "new" / "clean", "folder", keep_only=True)
    assert files_in(out) == (IMAGES | {"a.txt"}) - {"x/copy of a.png"}
    for name in ("a.png", "x/b ü, 2.png"):
        assert (out / name).read_bytes() == (collection / "photos" / name).read_bytes()
        assert (out / name).stat().st_mtime_ns == (collection / "photos" / name).stat().st_mtime_ns
    less = exported(collection, tmp_path / "less", "folder", keep_only=True, only="exact,copy")
    assert files_in(less) == (IMAGES | {"a.txt"}) - {"x/copy of a.png", "x/a small.png"}


def test_a_clean_copy_takes_along_what_belongs_to_an_image(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "copies").mkdir(parents=True)
    photo_like(0, 80, 60).save(photos / "IMG_1.jpg")
    shutil.copyfile(photos / "IMG_1.jpg", photos / "copies" / "IMG_1.jpg")
    beside = {"IMG_1.xmp", "IMG_1.jpg.json", "IMG_1.mov", "copies/IMG_1.xmp", "notes.txt", ".picasa.ini"}
    for name in beside:
        (photos / name).write_text(Path(name).name)
    assert dedup_assets.run(photos, tmp_path / "results", num_threads=1) == 0
    kept = files_in(exported(tmp_path, tmp_path / "kept", "folder", keep_only=True))
    assert kept == {"IMG_1.jpg", "IMG_1.xmp", "IMG_1.jpg.json", "IMG_1.mov", ".picasa.ini"}
    assert (tmp_path / "kept" / "IMG_1.xmp").read_text() == "IMG_1.xmp"
    everything = files_in(exported(tmp_path, tmp_path / "all", "folder"))
    assert everything == kept | {"copies/IMG_1.jpg", "copies/IMG_1.xmp"}


def test_further_names_of_a_file_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    photo_like(0, 80, 60).save(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "b.png").hardlink_to(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "c.png").symlink_to(tmp_path / "photos" / "a.png")
    assert dedup_assets.run(tmp_path / "photos", tmp_path / "results", num_threads=1) == 0
    assert files_in(exported(tmp_path, tmp_path / "out", "folder")) == {"a.png"}
    assert "not exported: 2, further names of files that are exported once (links.csv)" in capsys.readouterr().out


def test_links_lead_to_the_files_and_members_of_archives_are_counted(
    collection: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = exported(collection, tmp_path / "links", "symlinks")
    assert files_in(out) == IMAGES - {"albums/z.zip/in.png"}
    assert (out / "x" / "copy of a.png").readlink() == collection / "photos" / "x" / "copy of a.png"
    said = capsys.readouterr().out
    assert "4 images (1 copy, 1 dup, 1 keep, 1 unique)" in said
    assert "not exported: 1, no files of their own" in said


def test_tables_say_the_same_of_each_image(collection: Path, tmp_path: Path) -> None:
    table = pl.read_parquet(exported(collection, tmp_path / "p", "parquet") / "images.parquet")
    with (exported(collection, tmp_path / "c", "csv") / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["filename"] for row in rows] == table["filename"].to_list()
    tags = {Path(row["filename"]).name: row["tag"] for row in rows}
    assert tags == dict(zip([Path(name).name for name in table["filename"]], table["tag"], strict=True))
    assert tags["copy of a.png"] == "dup"
    assert tags["a small.png"] == "copy"
    assert tags["in.png"] == "unique"
    sizes = {Path(row["filename"]).name: (row["width"], row["height"]) for row in rows}
    assert sizes == dict.fromkeys(sizes, ("320", "240")) | {"a small.png": ("240", "180")}
    names = (exported(collection, tmp_path / "l", "list", keep_only=True) / "images.txt").read_text().splitlines()
    assert names == [row["filename"] for row in rows if row["tag"] != "dup"]


def test_members_of_a_sample_follow_each_other_in_a_shard(collection: Path, tmp_path: Path) -> None:
    out = exported(collection, tmp_path / "shards", "webdataset")
    with tarfile.open(out / "images-000000.tar") as tar:
        names = tar.getnames()
        said = {name: tar.extractfile(name).read() for name in names}  # type: ignore[union-attr]
    assert names[:3] == ["000000000.png", "000000000.dedup.json", "000000000.txt"]
    assert said["000000000.txt"] == b"a caption"
    facts = json.loads(said["000000000.dedup.json"])
    assert said["000000000.png"] == Path(facts["filename"]).read_bytes()
    assert len({name.partition(".")[0] for name in names}) == 5


def test_all_samples_of_shards_have_the_same_endings(tmp_path: Path) -> None:
    """Hugging Face `datasets` refuses shards in which they differ."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, name in enumerate(["a.jpg", "b.png", "c.webp"]):
        photo_like(number, 80, 60).save(photos / name)
    for name, text in {"a.txt": "a caption", "a.cls": "3", "b.cls": "4", "b.json": "{}"}.items():
        (photos / name).write_text(text)
    assert dedup_assets.run(photos, tmp_path / "results") == 0
    with tarfile.open(exported(tmp_path, tmp_path / "shards", "webdataset") / "images-000000.tar") as tar:
        members = {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]
    endings = ["jpg", "dedup.json", "txt", "json"]
    assert list(members) == [f"{number:09d}.{ending}" for number in range(3) for ending in endings]
    assert [members[f"{number:09d}.jpg"] for number in range(3)] == [
        (photos / name).read_bytes() for name in ("a.jpg", "b.png", "c.webp")
    ]
    assert [members[f"{number:09d}.txt"] for number in range(3)] == [b"a caption", b"", b""]
    assert [members[f"{number:09d}.json"] for number in range(3)] == [b"null", b"{}", b"null"]
    facts = [json.loads(members[f"{number:09d}.dedup.json"]) for number in range(3)]
    assert [each["cls"] for each in facts] == ["3", "4", None]


def test_an_image_folder_for_hugging_face_has_one_line_per_image(collection: Path, tmp_path: Path) -> None:
    out = exported(collection, tmp_path / "hf", "hf", keep_only=True)
    lines = [json.loads(line) for line in (out / "train" / "metadata.jsonl").read_text().splitlines()]
    assert {each["file_name"] for each in lines} == {path.name for path in (out / "train").glob("*.png")}
    assert {each["tag"] for each in lines} == {"keep", "copy", "unique"}
    assert len({frozenset(each) for each in lines}) == 1


def test_fiftyone_and_coco_name_local_files_and_copy_the_others(collection: Path, tmp_path: Path) -> None:
    out = exported(collection, tmp_path / "51", "fiftyone")
    samples = json.loads((out / "samples.json").read_text())["samples"]
    assert "version" not in json.loads((out / "metadata.json").read_text())
    assert {each["tags"][0] for each in samples} == {"keep", "dup", "copy", "unique"}
    assert sorted(map(width_of, (each["filepath"] for each in samples))) == [240, 320, 320, 320, 320]
    assert files_in(out) - {"samples.json", "metadata.json"} == {"data/000000001.png"}
    found = json.loads((exported(collection, tmp_path / "coco", "coco") / "annotations.json").read_text())
    assert [each["id"] for each in found["images"]] == [1, 2, 3, 4, 5]
    assert all(Path(each["file_name"]).exists() for each in found["images"])
    assert (found["annotations"], found["categories"]) == ([], [])


def test_nothing_is_written_over_and_nothing_is_left_half_done(
    collection: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("x")
    assert api.export(collection / "results", "csv", tmp_path / "mine") == 1
    assert "is there already; nothing is written over it" in capsys.readouterr().err
    assert api.export(collection / "results", "folder", collection / "photos" / "clean") == 1
    assert "lies in the input" in capsys.readouterr().err
    assert api.export(collection / "results", "zip", tmp_path / "zip") == 1
    assert "must be one of folder, symlinks" in capsys.readouterr().err
    assert api.export(collection / "results", "csv", tmp_path / "c", only="variant") == 1
    assert "must be one or more of exact, pixels, copy, same" in capsys.readouterr().err
    path = collection / "photos" / "x" / "b ü, 2.png"
    facts, data = path.stat(), path.read_bytes()
    path.write_bytes(data + b"more")
    try:
        for to in ("folder", "webdataset", "hf"):
            assert api.export(collection / "results", to, tmp_path / "out") == 1
            assert "has changed since the run" in capsys.readouterr().err
    finally:
        path.write_bytes(data)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_empty_folder_is_taken(collection: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    exported(collection, tmp_path / "empty", "list")


def test_a_copy_with_a_caption_of_its_own_is_not_needless(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, captions in enumerate((("a cat", "a cat"), ("a dog", "dogs"), ("", "a bird"))):
        photo_like(number, 80, 60).save(photos / f"{number}.jpg")
        shutil.copyfile(photos / f"{number}.jpg", photos / f"{number} (1).jpg")
        for name, caption in zip((f"{number}.txt", f"{number} (1).txt"), captions, strict=True):
            if caption:
                (photos / name).write_text(caption)
    assert dedup_assets.run(photos, tmp_path / "results", num_threads=1) == 0
    kept = files_in(exported(tmp_path, tmp_path / "kept", "folder", keep_only=True))
    assert kept == {path.name for path in photos.iterdir()} - {"0 (1).jpg", "0 (1).txt"}


LABELS = {"_type": "ClassLabel", "names": ["cat", "dog"]}


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set in a Parquet file, beside an image of its own, and the results of a run."""
    top = tmp_path_factory.mktemp("data set")
    (top / "photos").mkdir()
    cells = []
    for seed in (0, 0, 1):
        file = io.BytesIO()
        photo_like(seed, 80, 60).save(file, "png")
        cells.append({"bytes": file.getvalue(), "path": f"{seed}.png"})
    columns = {
        "image": pa.array(cells, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        "label": pa.array([0, 0, 1]),
        "caption": ["a cat", "a cat, again", None],
        "boxes": [[[1.5, 2.0]], [], [[3.0, float("nan")]]],
        "taken": [dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)] * 3,
        "tag": ["mine"] * 3,
        "mask": [b"\0", b"\1", b"\2"],
    }
    features = {"image": {"_type": "Image"}, "label": LABELS}
    table = pa.table(columns).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, top / "photos" / "train.parquet", row_group_size=2)
    photo_like(2, 80, 60).save(top / "photos" / "z.png")
    assert dedup_assets.run(top / "photos", top / "results", num_threads=1) == 0
    return top


def test_columns_of_a_data_set_come_along(data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = exported(data_set, tmp_path / "hf", "hf")
    lines = pl.read_parquet(out / "train" / "metadata.parquet").to_dicts()
    assert [each["label"] for each in lines] == [0, 0, 1, None]
    features = json.loads(pq.read_schema(out / "train" / "metadata.parquet").metadata[b"huggingface"])["info"][
        "features"
    ]
    assert features == {"label": LABELS}
    assert not (out / "train" / "metadata.jsonl").exists()  # `datasets` takes one or the other
    assert [each["label_name"] for each in lines] == ["cat", "cat", "dog", None]
    assert [each["caption"] for each in lines] == ["a cat", "a cat, again", None, None]
    assert lines[2]["boxes"] == [[3.0, None]]
    assert lines[0]["taken"] == "2020-01-02T03:04:05+00:00"
    assert ([each["tag"] for each in lines], lines[0]["data_tag"]) == (["keep", "dup", "unique", "unique"], "mine")
    assert len({frozenset(each) for each in lines}) == 1
    said = capsys.readouterr().out
    assert "with the columns of the data set: label, caption, boxes, taken, data_tag, label_name\n" in said
    assert "without its columns of bytes: mask\n" in said


def test_every_export_but_plain_files_has_the_columns_of_a_data_set(data_set: Path, tmp_path: Path) -> None:
    table = pl.read_parquet(exported(data_set, tmp_path / "p", "parquet") / "images.parquet")
    assert table["label"].to_list() == [0, 0, 1, None]
    with (exported(data_set, tmp_path / "c", "csv") / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["boxes"] for row in rows] == ["[[1.5, 2.0]]", "[]", "[[3.0, null]]", ""]
    with tarfile.open(exported(data_set, tmp_path / "w", "webdataset") / "images-000000.tar") as tar:
        facts = json.loads(tar.extractfile("000000002.dedup.json").read())  # type: ignore[union-attr]
    assert (facts["label"], facts["label_name"]) == (1, "dog")
    samples = json.loads((exported(data_set, tmp_path / "f", "fiftyone") / "samples.json").read_text())["samples"]
    assert [each.get("data_label") for each in samples] == [0, 0, 1, None]
    coco = json.loads((exported(data_set, tmp_path / "o", "coco") / "annotations.json").read_text())
    assert [each.get("label_name") for each in coco["images"]] == ["cat", "cat", "dog", None]
    assert "columns" in json.loads((exported(data_set, tmp_path / "d", "folder") / "export.json").read_text())


def test_columns_of_two_kinds_in_two_tables_are_texts(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for name, label in (("a", 3), ("b", "dog")):
        file = io.BytesIO()
        photo_like(ord(name), 80, 60).save(file, "png")
        pq.write_table(
            pa.table({"image": [file.getvalue()], "label": [label]}), tmp_path / "photos" / f"{name}.parquet"
        )
    assert dedup_assets.run(tmp_path / "photos", tmp_path / "results", num_threads=1) == 0
    table = pl.read_parquet(exported(tmp_path, tmp_path / "out", "parquet") / "images.parquet")
    assert table["label"].to_list() == ["3", "dog"]
    named = {f"00000000{number}.png" for number in (0, 1)}  # a cell has no name that ends so
    assert {path.name for path in (exported(tmp_path, tmp_path / "hf", "hf") / "train").glob("0*")} == named
    assert files_in(exported(tmp_path, tmp_path / "coco", "coco")) == {f"data/{name}" for name in named} | {
        "annotations.json"
    }


@pytest.mark.parametrize(("names", "labels"), [(["cat", "dog"], [0, 2]), (["dog", "cat"], [0, 1])])
def test_labels_are_classes_only_where_all_tables_name_each_alike(
    names: list[str], labels: list[int], tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    for number, classes in enumerate((["cat", "dog"], names)):
        file = io.BytesIO()
        photo_like(number, 80, 60).save(file, "png")
        features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": classes}}
        table = pa.table({"image": [file.getvalue()], "label": [labels[number]]})
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        pq.write_table(table, tmp_path / "photos" / f"{number}.parquet")
    assert dedup_assets.run(tmp_path / "photos", tmp_path / "results", num_threads=1) == 0
    out = exported(tmp_path, tmp_path / "hf", "hf")
    assert (out / "train" / "metadata.jsonl").exists()
    assert not (out / "train" / "metadata.parquet").exists()


def test_frames_of_videos_are_counted_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    save_video(tmp_path / "photos" / "clip.mp4", [photo_like(1, 80, 60), photo_like(2, 80, 60)])
    photo_like(3, 80, 60).save(tmp_path / "photos" / "a.png")
    assert dedup_assets.run(tmp_path / "photos", tmp_path / "results", num_threads=1) == 0
    exported(tmp_path, tmp_path / "hf", "hf")
    said = "not exported: 2, frames of videos, which are no files to copy (list, csv and parquet name them)"
    assert said in capsys.readouterr().out
