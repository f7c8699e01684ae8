"""Labels of a data set from the command line: conflicts within groups, and which image is kept."""

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner

from dedup_assets.cli.main import main
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like


class DataSet:
    """Two photographs, each in two folders of classes."""

    def __init__(self, top: Path) -> None:
        self.top, self.out = top, top / "out"
        self.model = save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=8)
        for number, folders in enumerate((("cat", "dog"), ("dog", "dog/more"))):
            for folder in folders:
                (top / "data" / folder).mkdir(parents=True, exist_ok=True)
                photo_like(number, 320, 240).save(top / "data" / folder / f"{number}.png")

    def run(self, *options: str) -> tuple[int, str]:
        """Run, and return the exit code and the words that are printed."""
        given = ["run", str(self.top / "data"), str(self.out), "--model-path", str(self.model), *options]
        done = CliRunner().invoke(main, given)
        return done.exit_code, " ".join(done.output.split())

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.out / name).open(newline="") as file:
            return list(csv.DictReader(file))

    def conflicts(self) -> list[tuple[str, str]]:
        """File and label of each row, in their order."""
        rows = self.rows("label_conflicts.csv")
        return [(Path(row["filename"]).relative_to(self.top / "data").as_posix(), row["label"]) for row in rows]


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    return DataSet(tmp_path)


def test_copies_with_different_labels_are_listed_said_and_warned_of(data: DataSet) -> None:
    table = "filename,label\ncat/0.png,cat\ndog/0.png,dog\ndog/1.png,dog\nmore/1.png,dog\ngone.png,cat\n"
    (data.top / "labels.csv").write_text(table)
    code, printed = data.run("--labels", str(data.top / "labels.csv"))
    assert code == 0
    assert data.conflicts() == [("cat/0.png", "cat"), ("dog/0.png", "dog")]
    assert "groups with different labels 1 " in printed
    assert "labels of no image 1 " in printed
    assert "labels_agree: 1 groups have images with different labels, see label_conflicts.csv" in printed


def test_folders_of_classes_are_labels_and_without_labels_the_list_is_empty(data: DataSet) -> None:
    code, _ = data.run("--labels", "folders")
    assert code == 0
    files = [file for file, _ in data.conflicts()]
    assert sorted(files) == ["cat/0.png", "dog/0.png", "dog/1.png", "dog/more/1.png"]
    assert dict(data.conflicts()) == {file: file.split("/")[-2] for file in files}
    code, printed = data.run()
    assert (code, data.conflicts()) == (0, [])
    assert "labels" not in printed


def test_the_image_that_has_a_label_is_kept(data: DataSet) -> None:
    data.run()
    before = {row["keep"] for row in data.rows("groups.csv")}
    assert any(name.endswith("cat/0.png") for name in before)
    (data.top / "labels.csv").write_text("filename,label\ndog/0.png,cat\n")
    data.run("--labels", str(data.top / "labels.csv"))
    kept = {row["keep"]: row["reason"] for row in data.rows("groups.csv")}
    assert kept[str(data.top / "data" / "dog" / "0.png")] == "has a label"


def test_labels_of_another_data_set_stop_the_run_and_leave_the_last_results(data: DataSet) -> None:
    data.run()
    before = (data.out / "groups.csv").read_bytes()
    (data.top / "labels.csv").write_text("filename,label\nothers.png,cat\n")
    code, printed = data.run("--labels", str(data.top / "labels.csv"))
    assert code != 0
    assert "none of its 1 images ('others.png', ...) is an image of this run" in printed
    assert (data.out / "groups.csv").read_bytes() == before


@pytest.mark.parametrize("content", [None, "filename,label\n", "{}"])
def test_an_unusable_file_of_labels_is_refused_before_an_image_is_read(content: str | None, data: DataSet) -> None:
    given = data.top / ("labels.json" if content == "{}" else "labels.csv")
    if content is not None:
        given.write_text(content)
    code, printed = data.run("--labels", str(given))
    assert code == 1
    assert str(given) in printed
    assert {path.name for path in data.out.rglob("*")} <= {".lock"}


def test_a_copy_with_another_label_is_left_to_a_person_in_plans_and_exports(data: DataSet) -> None:
    data.run("--labels", "folders")
    planned = CliRunner().invoke(main, ["plan", str(data.out)])
    assert "has another label: a person decides (--only ...,review plans them)" in planned.output
    assert "nothing to do" in planned.output
    kept = data.top / "kept"
    exported = CliRunner().invoke(main, ["export", str(data.out), str(kept), "--to", "folder", "--keep-only"])
    assert exported.exit_code == 0, exported.output
    assert len([path for path in kept.rglob("*.png") if path.is_file()]) == 4
    data.run()
    planned = CliRunner().invoke(main, ["plan", str(data.out)])
    assert "2 files in 2 groups" in planned.output
