"""Annotations of removed images, carried over: through the map that the evidence has, into new files."""

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dedup_assets
from dedup_assets import api
from dedup_assets.engine.cleaning import PlanOptions, plan_of
from dedup_assets.engine.rewriting import rewrite
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like
from dedup_assets_tests.support.plans import save_copies, save_results

WIDTH, HEIGHT = 320, 240
BOX = [64.0, 48.0, 96.0, 72.0]  # of the kept image


class Album:
    """A photograph in full, as an exact copy, resized, and mirrored; another one alone; and a plan."""

    def __init__(self, top: Path) -> None:
        self.top, self.photos, self.out = top, top / "photos" / "images", top / "results"
        (self.photos / "x").mkdir(parents=True)
        picture = photo_like(0, WIDTH, HEIGHT)
        picture.save(self.photos / "a.png")
        shutil.copyfile(self.photos / "a.png", self.photos / "x" / "exact.png")
        picture.resize((240, 180)).save(self.photos / "x" / "small.png")
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(self.photos / "x" / "mirrored.jpg", quality=95)
        photo_like(1, WIDTH, HEIGHT).save(self.photos / "other.png")
        model = save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=8)
        settings = {"model_path": str(model), "nearest_neighbors_k": 5, "keep_policy": "path=/a[.]png$"}
        assert dedup_assets.run(self.photos, self.out, **settings) == 0
        assert api.plan(self.out, only="exact,pixels,copy,review") == 0

    def rewrite(self, out: Path, kind: str, source: str) -> Path:
        assert api.rewrite(self.out, out, kind, source) == 0
        return out


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Album:
    return Album(tmp_path_factory.mktemp("rewrite"))


def conflicts(out: Path) -> list[dict[str, str]]:
    with (out / "conflicts.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def on(name: str, box: list[float]) -> list[float]:
    """A box of the kept image as it lies in another one."""
    x, y, w, h = box
    if name == "x/small.png":
        return [value * 0.75 for value in box]
    return [WIDTH - x - w, y, w, h] if name == "x/mirrored.jpg" else box


def coco_of(*annotations: tuple[str, int, list[float]], names: tuple[str, ...]) -> dict[str, Any]:
    ids = {name: number for number, name in enumerate(names, 10)}
    return {
        "info": {"mine": 1},
        "images": [{"id": number, "file_name": name} for name, number in ids.items()],
        "annotations": [
            {"id": number, "image_id": ids[name], "category_id": category, "bbox": box, "area": box[2] * box[3]}
            for number, (name, category, box) in enumerate(annotations, 1)
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }


def test_the_table_names_each_replaced_image_with_its_map(album: Album, tmp_path: Path) -> None:
    with (album.rewrite(tmp_path / "out", "", "") / "rewrite.csv").open(newline="") as file:
        rows = {Path(row["from"]).name: row for row in csv.DictReader(file)}
    assert set(rows) == {"exact.png", "small.png", "mirrored.jpg"}
    assert {row["to"] for row in rows.values()} == {str(album.photos / "a.png")}
    maps = {name: np.array(row["transform"].split(), float).reshape(3, 3) for name, row in rows.items()}
    assert np.array_equal(maps["exact.png"], np.eye(3))
    assert np.allclose(maps["small.png"] @ [120, 90, 1], [160, 120, 1], atol=1)
    assert np.allclose(maps["mirrored.jpg"] @ [0, 100, 1], [WIDTH, 100, 1], atol=1.5)


def test_boxes_of_copies_are_one_box_of_the_kept_image(album: Album, tmp_path: Path) -> None:
    names = ("a.png", "x/exact.png", "x/small.png", "x/mirrored.jpg", "other.png")
    only_small = [200.0, 100.0, 60.0, 60.0]
    given = coco_of(
        *((name, 1, on(name, BOX)) for name in names[:4]),
        ("x/small.png", 2, on("x/small.png", only_small)),
        ("other.png", 2, BOX),
        names=names,
    )
    source = tmp_path / "coco.json"
    source.write_text(json.dumps(given))
    out = album.rewrite(tmp_path / "out", "coco", str(source))
    found = json.loads((out / "coco.json").read_text())
    assert [each["file_name"] for each in found["images"]] == ["a.png", "other.png"]
    assert [(each["id"], each["image_id"], each["category_id"]) for each in found["annotations"]] == [
        (1, 10, 1),
        (6, 14, 2),
        (5, 10, 2),
    ]
    assert np.allclose(found["annotations"][2]["bbox"], only_small, atol=2)
    assert abs(found["annotations"][2]["area"] / 3600 - 1) < 0.05
    assert (found["info"], found["categories"]) == (given["info"], given["categories"])
    assert conflicts(out) == []
    assert json.loads(source.read_text()) == given


def test_a_file_that_names_copies_alone_names_the_kept_image_with_the_id_of_one(album: Album, tmp_path: Path) -> None:
    names = ("images/x/mirrored.jpg", "images/x/small.png")
    given = coco_of(("images/x/mirrored.jpg", 1, on("x/mirrored.jpg", BOX)), names=names)
    given["annotations"][0]["segmentation"] = [[160.0, 48.0, 256.0, 48.0, 256.0, 120.0]]
    (tmp_path / "coco.json").write_text(json.dumps(given))
    out = album.rewrite(tmp_path / "out", "coco", str(tmp_path / "coco.json"))
    found = json.loads((out / "coco.json").read_text())
    assert found["images"] == [{"id": 10, "file_name": "images/a.png", "width": WIDTH, "height": HEIGHT}]
    (annotation,) = found["annotations"]
    assert np.allclose(annotation["bbox"], [64, 48, 96, 72], atol=2)
    assert np.allclose(annotation["segmentation"][0], [160, 48, 64, 48, 64, 120], atol=2)


def test_contradictions_are_listed_and_the_kept_image_is_left_as_it_is(album: Album, tmp_path: Path) -> None:
    given = coco_of(("a.png", 1, BOX), ("x/exact.png", 2, BOX), names=("a.png", "x/exact.png"))
    (tmp_path / "coco.json").write_text(json.dumps(given))
    out = album.rewrite(tmp_path / "out", "coco", str(tmp_path / "coco.json"))
    found = json.loads((out / "coco.json").read_text())
    assert found["annotations"] == given["annotations"][:1]
    (conflict,) = conflicts(out)
    assert (conflict["where"], conflict["other"]) == ("x/exact.png", "a.png")
    assert conflict["reason"] == "annotation 1 of the kept image has the class 1 there"
    assert json.loads(conflict["annotation"]) == given["annotations"][1]


def test_labels_of_yolo_are_carried_over_in_shares_of_the_kept_image(album: Album, tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    (labels / "x").mkdir(parents=True)
    (labels / "classes.txt").write_text("cat\ndog\n")
    (labels / "other.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    (labels / "a.txt").write_text("0 0.35 0.35 0.3 0.3\n")
    (labels / "x" / "small.txt").write_text("0 0.35 0.35 0.3 0.3\n1 0.8 0.8 0.1 0.1\n")
    (labels / "x" / "mirrored.txt").write_text("0 0.65 0.35 0.3 0.3\n1 0.65 0.35 0.3 0.3\n1 0.9 0.1 0.9 0.3 0.7 0.1\n")
    out = album.rewrite(tmp_path / "out", "yolo", str(labels))
    assert {str(path.relative_to(out)) for path in out.rglob("*.txt")} == {
        "labels/classes.txt",
        "labels/other.txt",
        "labels/a.txt",
    }
    lines = [line.split() for line in (out / "labels" / "a.txt").read_text().splitlines()]
    assert lines[0] == ["0", "0.35", "0.35", "0.3", "0.3"]
    assert sorted(line[0] for line in lines) == ["0", "1", "1"]
    polygon = next(line for line in lines if len(line) == 7)
    assert np.allclose(np.array(polygon[1:], float), [0.1, 0.1, 0.1, 0.3, 0.3, 0.1], atol=0.01)
    (conflict,) = conflicts(out)
    assert conflict["annotation"] == "1 0.65 0.35 0.3 0.3"
    assert (out / "labels" / "classes.txt").read_text() == "cat\ndog\n"


class Shots:
    """Photographs whose copies lie in another folder, with raw files and films beside them, and labels of YOLO."""

    def __init__(self, top: Path, copies: Mapping[str, Sequence[str]], **shots: str) -> None:
        self.photos, self.labels, self.out = top / "photos", top / "labels", top / "out"
        save_copies(self.photos, copies)
        for stem, ending in shots.items():
            for folder in ("2019", "backup"):
                (self.photos / folder / f"{stem}{ending}").write_text(f"{stem}{ending}")
        self.results = save_results(top / "results", self.photos, copies)
        self.plan = plan_of(self.results, PlanOptions())

    def label(self, name: str, lines: str) -> None:
        (self.labels / name).parent.mkdir(parents=True, exist_ok=True)
        (self.labels / name).write_text(lines)

    def rewrite(self) -> dict[str, str]:
        rewrite(self.plan, self.results, str(self.out), "yolo", str(self.labels))
        return {str(path.relative_to(self.out)): path.read_text() for path in self.out.rglob("*.txt")}


ONE, OTHER = "0 0.35 0.35 0.5 0.5\n", "0 0.8 0.8 0.2 0.2\n"


def test_labels_of_shots_with_raw_files_and_films_are_carried_over(tmp_path: Path) -> None:
    names = {f"2019/{stem}.jpg": [f"backup/{stem}.jpg"] for stem in ("a", "b", "c")}
    shots = Shots(tmp_path, names, a=".CR2", b=".MOV")
    for stem in ("a", "b", "c"):
        shots.label(f"2019/{stem}.txt", ONE)
        shots.label(f"backup/{stem}.txt", ONE + OTHER)
    assert len(shots.plan) == 5
    assert shots.rewrite() == {f"labels/2019/{stem}.txt": ONE + OTHER for stem in ("a", "b", "c")}
    assert conflicts(shots.out) == []


def test_labels_lie_in_folders_beside_those_of_the_images_too(tmp_path: Path) -> None:
    shots = Shots(tmp_path, {"train/images/a.jpg": ["valid/images/a.jpg"]})
    shots.label("valid/labels/a.txt", ONE)
    assert shots.rewrite() == {"labels/train/labels/a.txt": ONE}


def test_labels_that_may_be_of_several_images_are_listed_and_left(tmp_path: Path) -> None:
    groups = {"2019/a.jpg": ["backup/a.jpg"], "2019/b.jpg": ["x/c.jpg"], "2019/d.jpg": ["y/c.jpg"], "2019/e.jpg": []}
    shots = Shots(tmp_path, groups)
    for name in ("a.txt", "c.txt", "e.txt", "classes.txt"):
        shots.label(name, ONE)
    assert shots.rewrite() == {f"labels/{name}": ONE for name in ("a.txt", "c.txt", "e.txt", "classes.txt")}
    (conflict,) = conflicts(shots.out)
    assert (conflict["where"], conflict["annotation"]) == ("c.txt", ONE)
    assert "it may be of any of several images" in conflict["reason"]
    assert "x/c.jpg" in conflict["reason"]


def test_labels_of_two_images_of_one_stem_of_which_one_stays_are_listed(tmp_path: Path) -> None:
    shots = Shots(tmp_path, {"2019/a.jpg": ["backup/a.jpg"], "backup/a.png": ["other/b.png"]})
    shots.label("backup/a.txt", ONE)
    assert shots.rewrite() == {"labels/backup/a.txt": ONE}
    assert [each["where"] for each in conflicts(shots.out)] == ["backup/a.txt"]


@pytest.mark.parametrize("kind", ["coco", "csv", "jsonl"])
def test_names_that_fit_several_images_of_which_some_go_are_listed(kind: str, tmp_path: Path) -> None:
    shots = Shots(tmp_path, {"2019/a.jpg": ["backup/c.jpg"], "2019/b.jpg": ["x/c.jpg"]})
    coco = json.dumps({"images": [{"id": 1, "file_name": "c.jpg"}], "annotations": []})
    given = {"coco": coco, "csv": "name\nc.jpg\n", "jsonl": '{"name": "c.jpg"}\n'}[kind]
    (tmp_path / "given").write_text(given)
    source = f"{tmp_path}/given{'' if kind == 'coco' else ':name'}"
    rewrite(shots.plan, shots.results, str(shots.out), kind, source)
    assert (shots.out / "given").read_text() == given
    assert [each["where"] for each in conflicts(shots.out)] == ["c.jpg"]


def test_lines_of_captions_name_the_kept_image_and_are_said_once(album: Album, tmp_path: Path) -> None:
    rows = ["name,caption", 'a.png,"a, cat"', 'x/exact.png,"a, cat"', "x/small.png,small", "else.png,b", "else.png,b"]
    (tmp_path / "captions.csv").write_text("\n".join(rows) + "\n")
    out = album.rewrite(tmp_path / "out", "csv", f"{tmp_path}/captions.csv:name")
    said = (out / "captions.csv").read_text().splitlines()
    assert said == ["name,caption", 'a.png,"a, cat"', "a.png,small", "else.png,b", "else.png,b"]
    objects = [{"f": "x/exact.png", "t": "ü"}, {"t": "ü", "f": "a.png"}, {"f": "x/mirrored.jpg", "t": 1}, {"f": 7}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(each) + "\n" for each in objects))
    out = album.rewrite(tmp_path / "lines", "jsonl", f"{tmp_path}/a.jsonl:f")
    found = [json.loads(line) for line in (out / "a.jsonl").read_text().splitlines()]
    assert found == [{"f": "a.png", "t": "ü"}, {"f": "a.png", "t": 1}, {"f": 7}]


def test_what_cannot_be_read_is_refused_and_nothing_is_written(
    album: Album, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.json").write_text("[1]")
    (tmp_path / "x.csv").write_text("a,b\n")
    for kind, source, said in (
        ("coco", f"{tmp_path}/x.json", "it is no COCO file"),
        ("coco", f"{tmp_path}/gone.json", "cannot be read: No such file"),
        ("csv", f"{tmp_path}/x.csv:c", "it has no column 'c'; its header is 'a,b'"),
        ("csv", "nothing", "must be FILE:COLUMN"),
        ("yolo", f"{tmp_path}/x.csv", "must be a folder"),
        ("jsonl", f"{tmp_path}/x.csv:c", "line 1: no JSON"),
    ):
        assert api.rewrite(album.out, tmp_path / "out", kind, source) == 1
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
