"""Leaks that were planted between three sets are found, counted, said, and end the run with an error."""

import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest
from PIL import ImageDraw, ImageOps

import dedup_assets
from dedup_assets.api.cleaning import plan
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

SIZE = 6  # images of train that are nowhere else


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three folders: test has a copy, a link, a recompressed and a mirrored image of train, val a cropped one."""
    root = tmp_path_factory.mktemp("sets")
    found = {name: root / name for name in ("train", "val", "test")}
    for seed in range(SIZE):
        save_jpeg(found["train"] / f"{seed}.jpg", photo_like(seed))
    save_jpeg(found["val"] / "own.jpg", photo_like(20))
    save_jpeg(found["val"] / "cropped.jpg", photo_like(0).crop((24, 18, 304, 228)))
    save_jpeg(found["test"] / "own.jpg", photo_like(30))
    (found["test"] / "exact.jpg").write_bytes((found["train"] / "1.jpg").read_bytes())
    (found["test"] / "linked.jpg").symlink_to(found["train"] / "2.jpg")
    save_jpeg(found["test"] / "recompressed.jpg", photo_like(3), quality=60)
    save_jpeg(found["test"] / "mirrored.jpg", ImageOps.mirror(photo_like(4)))
    return found


def test_every_planted_leak_is_found_and_nothing_else(
    sets: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run(work_dir=tmp_path, sets=sets) == 1
    said = capfd.readouterr()
    assert f"next: look at leaks.csv in {tmp_path};" in said.out
    assert "dedup-assets plan" not in said.out
    assert said.err.splitlines()[-1] == (
        "dedup-assets: 5 images of evaluation sets are in another set, too (max_leaks=0): "
        "1 of 2 val images are in train; 4 of 5 test images are in train"
    )
    rows = pl.read_csv(tmp_path / "leaks.csv").filter(pl.col("verified"))
    pairs = {(Path(a).name, Path(b).name): relation for a, b, relation in rows.select("a", "b", "relation").iter_rows()}
    assert pairs == {
        **{("0.jpg", "cropped.jpg"): "copy", ("1.jpg", "exact.jpg"): "exact", ("2.jpg", "linked.jpg"): "link"},
        **{("3.jpg", "recompressed.jpg"): "copy", ("4.jpg", "mirrored.jpg"): "copy"},
    }
    fix = pl.read_csv(tmp_path / "split_fix.csv")
    assert {os.path.basename(name) for name in fix["filename"]} == {f"{seed}.jpg" for seed in range(5)}  # noqa: PTH119
    assert set(fix["set"]) == {"train"}
    linked = fix.filter(relation="link").select("action", "review").rows()
    assert linked == [
        ("decide", "test has a symbolic link to the file: put a copy in place of each such link (links.csv) first")
    ]
    assert set(fix.filter(pl.col("relation") != "link")["action"]) == {"drop"}
    page = (tmp_path / "gallery" / "leaks.html").read_text()
    assert (
        "Decide about 1 image of train: test has it too, and test has a symbolic link to the file: put a copy" in page
    )
    matrix = {(row["a"], row["b"]): row for row in pl.read_csv(tmp_path / "leak_matrix.csv").to_dicts()}
    assert len(matrix) == len(sets) ** 2
    assert (matrix["test", "train"]["exact"], matrix["test", "train"]["copy"]) == (2, 2)
    assert matrix["train", "train"]["groups"] == 0


def test_a_leak_to_review_counts_and_has_its_reason_until_a_verdict_settles_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sets, out = {name: tmp_path / name for name in ("train", "test")}, tmp_path / "out"
    save_jpeg(sets["train"] / "captioned.jpg", photo_like(1))
    captioned = photo_like(1).copy()
    ImageDraw.Draw(captioned).rectangle((40, 180, 280, 220), fill="white")
    save_jpeg(sets["test"] / "captioned.jpg", captioned)
    for name, folder in sets.items():
        save_jpeg(folder / "same, as it is.jpg", photo_like(2))
        save_jpeg(folder / "own.jpg", photo_like(len(name)))
    for folder, left in zip(sets.values(), (0, 100), strict=True):  # two parts that overlap are variants
        save_jpeg(folder / "part.jpg", photo_like(8, 400, 300).crop((left, 0, left + 280, 300)))
    assert dedup_assets.run(work_dir=out, sets=sets) == 1
    said = capfd.readouterr()
    open_pairs = "1 pair to review, 1 pair of variants"
    assert f"\nacross sets to look at: {open_pairs}; see the gallery's page of leaks, leaks.csv (role); " in said.out
    assert said.err.endswith(
        "2 of 4 test images are in train (1 of them to review) (max_leaks=0); "
        f"to look at: {open_pairs} (leaks.csv, gallery/leaks.html, dedup-assets review)\n"
    )
    rows = dedup_assets.load(out).leaks().select("verified", "role", "review").rows()
    assert rows == [(True, "certain", ""), (False, "review", "text or overlay added")]
    fix = {
        Path(name).name: row
        for name, *row in dedup_assets.load(out).split_fix()[["filename", "action", "review"]].rows()
    }
    assert fix == {"same, as it is.jpg": ["drop", ""], "captioned.jpg": ["decide", "text or overlay added"]}
    page = (out / "gallery" / "leaks.html").read_text()
    assert "A person decides: text or overlay added." in page
    assert "1 image to review" in page
    assert "Decide about 1 image of train: test has it too, and the pair is to review." in page
    assert [page.count(f'id="{role}-1"') for role in ("leak", "review", "variant")] == [1, 1, 1]
    assert page.count('href="#variant-1"') == 1
    assert f"To look at: {open_pairs}. One by one: <code>dedup-assets review {out}</code>" in page
    assert f"to look at: {open_pairs}." in (out / "gallery" / "index.html").read_text()
    dedup_assets.VerdictBook(out).add("different", *(folder / "captioned.jpg" for folder in sets.values()))
    assert dedup_assets.run(work_dir=out, sets=sets, max_leaks=1) == 0
    left = dedup_assets.load(out).leaks(unverified=True).select("role", "a", "b")
    assert left.filter(pl.col("role") != "undecided")["role"].to_list() == ["certain", "variant"]
    assert not left.filter(*(pl.col(side).str.ends_with("captioned.jpg") for side in "ab")).height


def test_a_budget_that_one_set_spends_leaves_no_leak_unlooked_at(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sets, out = {name: tmp_path / name for name in ("train", "test")}, tmp_path / "out"
    for seed in range(4):
        save_jpeg(sets["train"] / f"{seed}.jpg", photo_like(seed, 400, 300))
        save_jpeg(sets["test"] / f"{seed}.jpg", ImageOps.mirror(photo_like(seed, 400, 300)).crop((60, 45, 340, 255)))
    for shift in range(12):  # more alike than the leaks are, and of one set
        frame = photo_like(9, 400, 300).crop((4 * shift, 0, 300 + 4 * shift, 300))
        save_jpeg(sets["train"] / f"frame {shift}.jpg", frame)
    budget = 0.5  # 10 pairs, fewer than frames have
    assert dedup_assets.run(work_dir=out, sets=sets, evidence_pairs_per_image=budget) == 1
    assert "4 of 4 test images are in train" in capfd.readouterr().err
    assert dedup_assets.run(work_dir=out, sets=sets, evidence_pairs_per_image=0) == 0
    said = capfd.readouterr().out
    undecided = dedup_assets.load(out).leaks(unverified=True).filter(role="undecided")
    assert {(Path(a).name, Path(b).name) for a, b in undecided.select("a", "b").rows()} >= {
        (f"{seed}.jpg", f"{seed}.jpg") for seed in range(4)
    }
    assert f"across sets to look at: {undecided.height} pairs not decided; " in said
    page = (out / "gallery" / "leaks.html").read_text()
    assert f"was found in another set, but {undecided.height} similar pairs across sets were not decided." in page
    assert "share no image" not in page


def test_images_of_a_set_that_cannot_be_used_are_said_to_be_in_no_comparison(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sets = {name: tmp_path / name for name in ("train", "test")}
    for seed in range(2):
        save_jpeg(sets["train"] / f"{seed}.jpg", photo_like(seed))
        save_jpeg(sets["test"] / f"{seed}.jpg", photo_like(seed))
        whole = (sets["test"] / f"{seed}.jpg").read_bytes()
        (sets["test"] / f"{seed}.jpg").write_bytes(whole[:600])
    assert dedup_assets.run(work_dir=tmp_path / "out", sets=sets) == 0
    said = capfd.readouterr().out
    assert "leaks: none; could not be used and are in no comparison: 2 of 2 test images" in said


def test_what_is_in_a_set_decides_whether_pairs_are_compared_again(tmp_path: Path) -> None:
    listed, out = tmp_path / "list.csv", tmp_path / "out"
    save_jpeg(tmp_path / "a.jpg", photo_like(1))
    save_jpeg(tmp_path / "b.jpg", ImageOps.mirror(photo_like(1)))
    save_jpeg(tmp_path / "c.jpg", photo_like(2))
    save_jpeg(tmp_path / "d.jpg", photo_like(3))
    pairs = []
    for split in ("train,train,test,test", "train,test,train,test"):
        rows = zip("abcd", split.split(","), strict=True)
        listed.write_text("filename,split\n" + "".join(f"{tmp_path}/{name}.jpg,{each}\n" for name, each in rows))
        assert dedup_assets.run(listed, out, set_column="split", evidence_pairs_per_image=0, threshold=0.999) == 0
        rows = dedup_assets.load(out).leaks(unverified=True).select("a", "b").rows()
        pairs.append({Path(one).stem + Path(other).stem for one, other in rows})
    assert "ab" not in pairs[0]
    assert "ab" in pairs[1]


def test_no_set_loses_a_picture_by_a_plan_that_another_set_keeps(
    sets: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = {name: tmp_path / name for name in sets}
    for name, folder in sets.items():
        shutil.copytree(folder, own[name] / "deeper", symlinks=False)
    (own["test"] / "deeper" / "again.jpg").write_bytes((sets["test"] / "exact.jpg").read_bytes())
    dedup_assets.run(work_dir=tmp_path / "out", sets=own)
    planned = dedup_assets.load(tmp_path / "out").plan(only="exact,pixels,copy,same")
    gone = {Path(os.fsdecode(name)).parts[-3:] for name in planned["filename"]}
    assert len(gone) == 1
    assert gone <= {("test", "deeper", "again.jpg"), ("test", "deeper", "exact.jpg")}
    capfd.readouterr()
    assert plan(tmp_path / "out") == 0
    assert "in the set test, where the kept image is not: a person decides" in capfd.readouterr().out


def test_folders_named_train_val_and_test_are_sets_only_when_asked(
    sets: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    photos = sets["train"].parent
    assert dedup_assets.run(photos, tmp_path) == 0
    assert "folders seem to be sets (train, test, val): --set-folders looks for" in capfd.readouterr().out
    assert not (tmp_path / "leaks.csv").exists()
    assert dedup_assets.run(photos, tmp_path, set_folders=True) == 1
    said = capfd.readouterr()
    counted = "(each file once per set, however many names it has there)"
    shared, found = "5 images of evaluation sets are in another set, too", "4 of 5 test images are in train"
    assert f"sets: 6 train, 5 test, 2 val {counted}; leaks: {shared}: {found}" in said.out
    assert said.err.endswith(f"{shared} (max_leaks=0): {found}; 1 of 2 val images are in train\n")
    page = (tmp_path / "gallery" / "leaks.html").read_text()
    assert f"{shared}: {found}; 1 of 2 val images are in train." in page
    assert "2 exact, 2 edited" in page
    assert page.count('id="leak-') == 5
    assert page.count("No picture") == 0


def test_a_column_of_a_list_names_the_sets_of_its_rows(
    sets: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{path},{name}" for name, folder in sets.items() for path in folder.iterdir()]
    listed = tmp_path / "list.csv"
    shutil.copy(sets["train"] / "5.jpg", tmp_path / "in none.jpg")
    listed.write_text(
        "\n".join(["filename,Split", *rows, f"{sets['train'] / '5.jpg'},", f"{tmp_path / 'in none.jpg'},"])
    )
    assert dedup_assets.run(listed, tmp_path / "out", set_column="split") == 1
    assert "sets: 6 train, 5 test, 2 val, 1 in none" in capfd.readouterr().out
    matrix = pl.read_csv(tmp_path / "out" / "leak_matrix.csv").filter(a="test", b="train")
    assert matrix.select("images_of_a", "exact", "copy").row(0) == (4, 2, 2)


def test_a_run_without_sets_takes_away_leaks_that_tell_of_former_groups(sets: dict[str, Path], tmp_path: Path) -> None:
    assert dedup_assets.run(work_dir=tmp_path, sets=sets, max_leaks=5) == 0
    kept = tmp_path / "leak_matrix.csv"
    kept.write_text("changed by a person")
    assert dedup_assets.run(sets["train"], tmp_path) == 0
    assert kept.read_text() == "changed by a person"
    left = [path.name for path in tmp_path.rglob("*leak*") if path.suffix != ".csv"]
    assert (left, (tmp_path / "leaks.csv").exists(), (tmp_path / "split_fix.csv").exists()) == ([], False, False)


def test_an_image_of_an_evaluation_set_counts_once_in_however_many_sets_it_is(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("train", "val", "test"):
        save_jpeg(tmp_path / "photos" / name / "same.jpg", photo_like(1))
        save_jpeg(tmp_path / "photos" / name / "own.jpg", photo_like(len(name) + 10))
    photos = {name: tmp_path / "photos" / name for name in ("train", "val", "test")}
    assert dedup_assets.run(work_dir=tmp_path / "out", sets=photos, max_leaks=2) == 0  # within the limit
    assert dedup_assets.run(work_dir=tmp_path / "out", sets=photos, max_leaks=1) == 1
    said = capfd.readouterr().err
    assert "2 images of evaluation sets are in another set, too (max_leaks=1): 1 of 2 val images are in train; " in said


def test_scoring_says_how_many_test_images_resemble_a_train_image(
    sets: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run(sets["train"], tmp_path) == 0
    (tmp_path / "new").mkdir()
    for name in ("exact.jpg", "recompressed.jpg", "own.jpg"):
        (tmp_path / "new" / name).write_bytes((sets["test"] / name).read_bytes())
    assert dedup_assets.run(tmp_path / "new", tmp_path, run_mode=3, threshold=0.97) == 0
    said = capfd.readouterr().out
    assert "2 of 3 test images resemble a train image: a similarity of at least 0.97; their pixels are not" in said
    assert "this is no check for leaks: --set train=INPUT --set test=INPUT compares pixels" in said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sets": ["train"]}, "is not NAME=INPUT"),
        (
            {"sets": ["train={sets}/train", "test={sets}/tset"]},
            "the set 'test': none of its 1 images is there, such as",
        ),
        ({"sets": ["train=a"]}, "name at least two sets"),
        ({"sets": ["a b=a", "c=d"]}, "is no name of a set"),
        ({"sets": ["a=a", "b=b"], "evaluation_sets": ["c"]}, "allowed are the sets: a, b"),
        ({"sets": ["a=a", "b=b"], "evidence": "off"}, "leaks are found by comparing pixels"),
        ({"sets": ["a=a", "b=b"], "run_mode": 1}, "use run_mode 0 or 2"),
        (
            {"input_dir": "{sets}", "run_mode": 3, "max_leaks": 0},
            "max_leaks=0: this run (run_mode=3) compares no pixels",
        ),
        ({"input_dir": "{sets}", "run_mode": 4, "max_leaks": 5}, "use --set train=INPUT --set test=INPUT"),
        ({"input_dir": "{sets}", "max_leaks": 1}, "max_leaks=1: this run (run_mode=0) has no sets and finds no leaks"),
        ({"sets": ["a=a", "b=b"], "set_folders": True}, "sets, set_column, set_folders: give one of them"),
        ({"evaluation_sets": ["test"]}, "needs sets, set_column or set_folders"),
        ({"set_folders": True, "run_mode": 2}, "use run_mode 0"),
        ({"input_dir": "{sets}", "set_column": "split"}, "input_dir names no list file"),
        ({"input_dir": "{list}", "set_column": "splits"}, "has no column 'splits'; its header is: filename, split"),
        ({"input_dir": "{list}", "set_column": "split"}, "the only set with images is 'train'"),
        ({"sets": ["test=a", "Test=b"]}, "the sets 'test' and 'Test' differ in upper and lower case alone"),
        ({"input_dir": "{sets}/train", "set_folders": True}, "no image is in a folder below input_dir that is named"),
        ({"input_dir": "{sets}", "set_folders": True, "evaluation_sets": ["tset"]}, "allowed are the sets: train,"),
    ],
)
def test_sets_that_cannot_be_used_are_refused_in_words(
    wrong: dict[str, object],
    said: str,
    sets: dict[str, Path],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text(f"filename,split\n{sets['train'] / '0.jpg'},train\n")
    text = json.dumps(wrong).replace("{sets}", str(sets["train"].parent)).replace("{list}", str(listed))
    assert dedup_assets.run(work_dir=tmp_path / "out", **json.loads(text)) == 1
    assert said in capfd.readouterr().err
