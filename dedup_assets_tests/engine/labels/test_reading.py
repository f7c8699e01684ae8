"""Labels from folders, tables and COCO files, and which image each of them is for."""

import json
import os
from pathlib import Path

import polars as pl
import pytest

from dedup_assets.engine.core.errors import InputError, SettingsError
from dedup_assets.engine.core.set_names import AskedSets
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.labels import Labels, read_labels


def names_of(*names: str | bytes) -> pl.Series:
    return pl.Series("filename", [os.fsencode(name) for name in names], pl.Binary)


def by_name(labels: Labels) -> dict[bytes, str]:
    return dict(labels.rows.iter_rows())


def test_nothing_is_labelled_unless_it_is_asked_for() -> None:
    labels = read_labels("", names_of("/a/cat/1.jpg"))
    assert (labels.names, labels.digest, labels.rows.height) == (None, "", 0)


def test_folders_are_labels_also_with_wild_names() -> None:
    labels = read_labels("folders", names_of("/d/cat/1.jpg", b"/d/k\xfcche/1.jpg", "s3://b/dog/1.jpg"))
    assert by_name(labels) == {
        b"/d/cat/1.jpg": "cat",
        b"/d/k\xfcche/1.jpg": r"k\udcfcche",
        b"s3://b/dog/1.jpg": "dog",
    }


def test_a_folder_that_is_a_set_is_no_label_and_else_it_is_one() -> None:
    names = names_of("/d/Train/1.jpg", "/d/test/cat/1.jpg")
    assert by_name(read_labels("folders", names, AskedSets(folders=True))) == {b"/d/test/cat/1.jpg": "cat"}
    assert by_name(read_labels("folders", names))[b"/d/Train/1.jpg"] == "Train"


def test_a_table_names_images_wholly_from_its_folder_or_by_a_single_end(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(
        f"filename,label\n{tmp_path}/x/1.jpg,whole\n./x/2.jpg,beside\nz/3.jpg,end\n4.jpg,of two\nnowhere.jpg,none\n"
    )
    names = names_of(*(f"{tmp_path}/x/{number}.jpg" for number in (1, 2, 4)), "/y/z/3.jpg", "/y/4.jpg")
    labels = read_labels(str(table), names)
    assert by_name(labels) == {
        os.fsencode(tmp_path / "x" / "1.jpg"): "whole",
        os.fsencode(tmp_path / "x" / "2.jpg"): "beside",
        b"/y/z/3.jpg": "end",
    }
    assert labels.unknown == 2


def test_several_labels_of_an_image_are_one_text_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("path,kind\n1.jpg,dog\n1.jpg,cat\n1.jpg,dog\n")
    (tmp_path / "other.tsv").write_text("path\tlabel\n1.jpg\tcat\n1.jpg\tdog\n")
    names = names_of("/a/1.jpg")
    one = read_labels(f"{tmp_path}/one.csv:kind", names)
    other = read_labels(f"{tmp_path}/other.tsv", names)
    assert by_name(one) == by_name(other) == {b"/a/1.jpg": "cat, dog"}
    assert one.digest == other.digest


def test_a_coco_file_gives_the_names_of_its_categories(tmp_path: Path) -> None:
    coco = {
        "images": [{"id": 7, "file_name": "1.jpg"}, {"id": 8, "file_name": "2.jpg"}],
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
        "annotations": [{"image_id": 7, "category_id": 1}, {"image_id": 7, "category_id": 2}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    labels = read_labels(str(tmp_path / "coco.json"), names_of("/a/1.jpg", "/a/2.jpg"))
    assert by_name(labels) == {b"/a/1.jpg": "cat, dog"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("l.csv", "filename,label\nother.jpg,cat\n", r"none of its 1 images \('other.jpg', ...\) is an image of"),
        ("l.csv", "filename,class\n1.jpg,cat\n", "has no column 'label'; its header is: filename, class"),
        ("l.csv", "filename,label\n1.jpg,\n", "no image has a label there"),
        ("l.json", "[]", "is no COCO file"),
        ("l.json", '{"images": [], "categories": [], "annotations": [{"image_id": 1}]}', "KeyError: 1"),
    ],
)  # fmt: skip
def test_a_file_that_labels_none_of_the_images_is_refused(name: str, content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=said):
        read_labels(str(tmp_path / name), names_of("/a/1.jpg"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.csv"):
        read_labels(str(tmp_path / "nothing.csv"), names_of("/a/1.jpg"))


@pytest.mark.parametrize("given", ["labels.txt", "folder", "labels.csv:", ".csv"])
def test_what_is_no_source_of_labels_is_refused_with_what_is_allowed(given: str) -> None:
    with pytest.raises(SettingsError, match=r"labels=.*FILE\.csv:COLUMN"):
        Settings.parse(labels=given)


def test_the_input_of_a_set_is_no_label() -> None:
    names = names_of(
        "/d/a/1.jpg", "/d/a/cat/2.jpg", "/d/b.zip/3.jpg", "/d/Test/4.jpg", "/d/x/Holdout/5.jpg", "/e/a/6.jpg"
    )
    asked = AskedSets(named=["train=/d/a/", "holdout=/d/b.zip", "holdout=/d/x"])
    assert by_name(read_labels("folders", names, asked)) == {b"/d/a/cat/2.jpg": "cat", b"/e/a/6.jpg": "a"}
    assert by_name(read_labels("folders", names_of("/d/Test/4.jpg"), AskedSets(column="split"))) == {}
