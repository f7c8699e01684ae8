"""Verdicts from the command line and Python: what a run makes of them, and what it need not make again."""

import csv
import os
import re
import shutil
from copy import copy
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from PIL import Image

import dedup_assets
from dedup_assets.api import VerdictBook
from dedup_assets.cli.main import main
from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.decoders.comparing import Comparer
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import note_in, photo_like, save_jpeg


class Album:
    """Two pictures with two copies of each, and runs on them."""

    def __init__(self, folder: Path) -> None:
        self.photos, self.out = folder / "photos", folder / "out"
        self.photos.mkdir()
        for number in range(2):
            picture = photo_like(number, 320, 240)
            picture.save(self.photos / f"{number}.png")
            picture.save(self.photos / f"{number}.jpg", quality=90)
            picture.resize((240, 180)).save(self.photos / f"{number}-small.png")
        self.settings: dict[str, Any] = {
            "model_path": str(save_mean_model(folder / "model.onnx", ["n", 16, 16, 3], dimension=8)),
            "nearest_neighbors_k": 5,
        }

    def run(self, **more: Any) -> None:
        assert dedup_assets.run(self.photos, self.out, **self.settings, **more) == 0

    def path(self, name: str) -> str:
        return str(self.photos / name)

    def rows(self, table: str = "groups.csv") -> list[dict[str, str]]:
        with (self.out / table).open(newline="") as file:
            return list(csv.DictReader(file))

    def group_of(self) -> dict[str, str]:
        return {Path(row["filename"]).name: row["group_id"] for row in self.rows()}


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Album, Path]:
    """An album after a run, and a copy of its whole folder."""
    top = tmp_path_factory.mktemp("first run")
    (top / "album").mkdir()
    made = Album(top / "album")
    made.run()
    return made, Path(shutil.copytree(top / "album", top / "copy"))


@pytest.fixture
def album(first_run: tuple[Album, Path]) -> Album:
    """An album after a run, in the same place for each test, because results name files by their paths."""
    made, kept = first_run
    shutil.rmtree(made.photos.parent)
    shutil.copytree(kept, made.photos.parent)
    return copy(made)


def command(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["verdict", *words])
    return done.exit_code, done.output


def test_a_verdict_costs_groups_and_gallery_alone(album: Album, capsys: pytest.CaptureFixture[str]) -> None:
    from dedup_assets.engine.core.progress import ProgressReporter
    from dedup_assets.pipeline.launch import materialize

    first = album.group_of()
    code, said = command(album.path("0.png"), album.path("0-small.png"), "different", "--work-dir", str(album.out))
    assert code == 0
    assert re.match(r"v-[0-9a-f]{12}: different ", said)
    settings = Settings.parse(input_dir=str(album.photos), work_dir=str(album.out), **album.settings)
    before = {path: path.read_bytes() for path in album.out.glob("evidence*")}
    facts = materialize(settings, ProgressReporter(), lambda: None)
    assert facts.number("features", "computed_images") == 0
    assert facts.metadata["evidence"]["found_done"] is True
    assert facts.number("groups", "verdicts_applied") == 1
    assert {path: path.read_bytes() for path in album.out.glob("evidence*")} == before
    (gone,) = first.keys() - album.group_of().keys()
    assert gone in {"0.png", "0-small.png"}
    assert "different" in {row["relation"] for row in album.rows("related.csv") if row["filename"].endswith(gone)}
    assert "says a verdict" in (album.out / "gallery" / "groups.html").read_text()
    capsys.readouterr()
    album.run()  # the first to print a summary
    assert "1 shrunk (group_changes.csv)" in capsys.readouterr().out
    album.run()
    assert "group_changes.csv" not in capsys.readouterr().out


def test_same_joins_keep_decides_protect_stays_and_a_revocation_undoes(album: Album) -> None:
    first = album.group_of()
    book = VerdictBook(album.out)
    joined = book.add("same", album.path("0.png"), album.path("1.png"), note="a panorama", by="ann")
    book.add("keep", album.path("1.png"))
    book.add("protect", album.path("0-small.png"))
    album.run()
    assert len(set(album.group_of().values())) == 1
    by_name = {Path(row["filename"]).name: row for row in album.rows()}
    assert by_name["1.png"]["role"] == "keep"
    assert by_name["1.png"]["reason"] == "a verdict keeps it"
    assert by_name["0.png"]["relation"] == "same"
    assert float(by_name["0.png"]["similarity_to_keep"]) < 1
    assert by_name["0-small.png"]["role"] == "protected"
    assert command("--revoke", joined.verdict_id, "--work-dir", str(album.out))[0] == 0
    code, listed = command("--list", "--work-dir", str(album.out))
    assert code == 0
    assert re.findall("  (revoked|counts|replaced|-)  ", listed) == ["revoked", "counts", "counts", "-"]
    album.run()
    assert album.group_of() == first  # both groups, with both ids
    with pytest.raises(SettingsError, match="revoked already"):
        book.revoke(joined.verdict_id)


def test_verdicts_about_names_of_any_bytes_are_listed(album: Album) -> None:
    odd = os.fsencode(album.path("0.png")) + b"\xe9.png"
    with open(odd, "wb") as file:  # noqa: PTH123 - a name that is no UTF-8
        file.write(Path(album.path("1.png")).read_bytes())
    VerdictBook(album.out).add("different", os.fsdecode(odd), album.path("0.png"))
    code, listed = command("--list", "--work-dir", str(album.out))
    assert code == 0
    assert "\\xe9.png" in listed


def test_contradictions_warn_and_are_listed(album: Album, capsys: pytest.CaptureFixture[str]) -> None:
    book = VerdictBook(album.out)
    names = [album.path(name) for name in ("0.png", "0.jpg", "0-small.png")]
    first = book.add("same", names[0], names[1])
    book.add("same", names[1], names[2])
    book.add("different", names[0], names[2])
    with (album.out / "verdicts.csv").open("a") as file:
        file.write("nonsense\n")
    capsys.readouterr()
    album.run()
    said = capsys.readouterr().out
    assert "verdicts not honoured" in said
    assert "verdicts_are_honoured: 2 verdicts are not honoured, see verdict_conflicts.csv: line 2: v-" in said
    conflicts = album.rows("verdict_conflicts.csv")
    assert [(row["line"], row["verdict_id"]) for row in conflicts] == [("2", first.verdict_id), ("5", "")]
    assert conflicts[1]["problem"] == "the row cannot be used: 1 fields, expected 10"
    assert "2 verdicts" in (album.out / "gallery" / "index.html").read_text()


def test_a_shared_file_serves_several_work_dirs_and_renamed_files(album: Album, tmp_path: Path) -> None:
    shared = tmp_path / "shared.csv"
    album.run(verdicts=str(shared))
    VerdictBook(album.out).add("different", album.path("0.png"), album.path("0.jpg"))
    assert shared.exists()
    assert not (album.out / "verdicts.csv").exists()
    (album.photos / "0.png").rename(album.photos / "renamed.png")
    album.out = tmp_path / "other"
    album.run(verdicts=str(shared))
    groups = album.group_of()
    assert ("renamed.png" in groups) != ("0.jpg" in groups)


def test_an_image_that_is_gone_is_found_by_its_name_in_the_work_dir(album: Album) -> None:
    (album.photos / "0.jpg").unlink()
    row = VerdictBook(album.out).add("protect", album.path("0.jpg"))
    by_content = VerdictBook(album.out).add("keep", row.a_content)
    assert by_content.a_name == row.a_name == album.path("0.jpg").encode()
    code, said = command(album.path("nothing.jpg"), "keep", "--work-dir", str(album.out))
    assert code == 1
    assert "the work_dir knows no image of this name" in said


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["a.jpg", "alike"], 1, "relation='alike': must be one of same, different, variant, keep, protect"),
        (["a.jpg", "same"], 1, "same is about two images"),
        (["a.jpg", "b.jpg", "keep"], 1, "keep is about one image"),
        (["a.jpg", "copy.jpg", "same"], 1, "have the same bytes"),
        (["same"], 2, "give A B same|different|variant, or A keep|protect"),
        ([], 2, "give images and a decision, or one of --revoke, --list and --import"),
        (["--revoke", "v-0"], 1, "has no verdict of this id"),
        (["--import", "missing.csv"], 1, "'missing.csv' cannot be read"),
        (["--import", "a.jpg"], 1, "expected those of a file of verdicts"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in (("a.jpg", b"a"), ("b.jpg", b"b"), ("copy.jpg", b"a")):
        (tmp_path / name).write_bytes(content)
    done, said = command(*words, "--verdicts", "verdicts.csv")
    assert done == code
    assert problem in said
    assert not (tmp_path / "verdicts.csv").exists()


def test_an_import_adds_the_good_rows_once_and_names_the_bad_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        (tmp_path / f"{name}.jpg").write_text(name)
    table = "relation,a,b,note\nsame,a.jpg,b.jpg,seen\nkeep,c.jpg,,\nsame,a.jpg,gone.jpg,\nkeep\n"
    (tmp_path / "table.csv").write_text(table)
    code, said = command("--import", "table.csv", "--verdicts", "ours.csv")
    assert code == 1
    assert "2 verdicts added" in said
    assert "table.csv, line 4: 'gone.jpg'" in said
    assert "table.csv, line 5: 1 fields" in said
    assert command("--import", "ours.csv", "--verdicts", "theirs.csv")[0] == 0
    code, said = command("--import", "ours.csv", "--verdicts", "theirs.csv")
    assert (code, "0 verdicts added" in said, "2 were there already" in said) == (0, True, True)
    assert VerdictBook(verdicts="theirs.csv").read().given == VerdictBook(verdicts="ours.csv").read().given


def test_what_is_said_twice_is_in_the_file_once_and_gone_when_it_is_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        (tmp_path / f"{name}.jpg").write_text(name)
    (tmp_path / "table.csv").write_text("relation,a,b\nsame,a.jpg,b.jpg\nkeep,c.jpg,\n")
    where = ("--verdicts", "ours.csv")
    assert command("--import", "table.csv", *where)[0] == 0
    first = (tmp_path / "ours.csv").read_bytes()
    code, said = command("--import", "table.csv", *where)
    assert (code, "0 verdicts added" in said, "2 were there already" in said) == (0, True, True)
    code, said = command("b.jpg", "a.jpg", "same", *where)
    same, keep = VerdictBook(verdicts="ours.csv").read().given
    assert (code, f"{same.verdict_id}: same " in said, "nothing was added" in said) == (0, True, True)
    assert (tmp_path / "ours.csv").read_bytes() == first
    assert "different" in command("a.jpg", "b.jpg", "different", *where)[1]
    different = VerdictBook(verdicts="ours.csv").read().active()[0].verdict_id
    assert f"{same.verdict_id} counts again: same " in command("--revoke", different, *where)[1]
    assert "counts again" not in command("--revoke", same.verdict_id, *where)[1]
    assert VerdictBook(verdicts="ours.csv").read().active() == [keep]


def test_a_foreign_file_is_refused_before_images_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new_album = Album(tmp_path)
    foreign = new_album.photos / "notes.csv"
    foreign.write_text("a,b\n")
    assert dedup_assets.run(new_album.photos, new_album.out, verdicts=str(foreign)) == 1
    error = capsys.readouterr().err
    assert "is not a file of verdicts: its first line is 'a,b'" in error
    assert error.count("\n") == 1
    assert not (new_album.out / "features.dat").exists()


@pytest.mark.parametrize("how", ["keep", "protect", "protected root", "reference root"])
def test_an_edited_image_can_be_the_kept_one_of_a_picture_that_exists_twice(tmp_path: Path, how: str) -> None:
    """The evidence lists pairs with the image that policy keeps; here people keep another one of the group."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    save_jpeg(photos / "a" / "photo.jpg", photo_like(1), quality=95)
    (photos / "b").mkdir()
    (photos / "b" / "twin.jpg").write_bytes((photos / "a" / "photo.jpg").read_bytes())
    save_jpeg(photos / "c" / "crop.jpg", photo_like(1).crop((40, 30, 280, 210)), quality=90)
    kept = photos / "c" / "crop.jpg"
    roots = [f"{kept.parent}:{how.split(maxsplit=1)[0]}"] if how.endswith("root") else []
    assert dedup_assets.run(photos, out, roots=roots) == 0
    if not roots:
        VerdictBook(out).add(how, kept)
        assert dedup_assets.run(photos, out) == 0
    groups = dedup_assets.load(out).groups()
    assert groups.filter(role="keep")["filename"].to_list() == [str(kept)]
    assert groups.filter(pl.col("role") != "keep")["relation"].to_list() == ["copy", "copy"]


def test_a_group_keeps_its_copies_whichever_of_them_a_person_keeps(album: Album) -> None:
    book, first = VerdictBook(album.out), {row["filename"]: row["role"] for row in album.rows()}
    others = [name for name, role in first.items() if role != "keep" and Path(name).name.startswith("0")]
    assert len(others) == 2
    for kept in others:
        book.add("keep", kept)
        album.run()
        rows = [row for row in album.rows() if row["keep"] == kept]
        assert sorted(row["filename"] for row in rows) == sorted(
            name for name in first if Path(name).name.startswith("0")
        )
        assert {row["relation"] for row in rows if row["filename"] != kept} <= {"copy", "pixels"}
    Path(others[0]).unlink()  # what cannot be compared any more is no error
    album.run()


def test_a_kept_image_is_compared_with_its_group_once(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    compare = Comparer.compare

    def note(self: Comparer, attempts: Any) -> Any:
        asked.extend(pair for attempt in attempts for pair in attempt)
        return compare(self, attempts)

    monkeypatch.setattr(Comparer, "compare", note)
    book = VerdictBook(album.out)
    kept = next(row["filename"] for row in album.rows() if row["role"] != "keep" and "0" in Path(row["filename"]).name)
    book.add("keep", kept)
    album.run()
    groups, times = album.rows(), len(asked)
    assert times > 0
    book.add("protect", album.path("1.png"))
    album.run()
    assert len(asked) == times
    roles = {row["filename"]: row["relation"] for row in album.rows()}
    assert roles == {row["filename"]: row["relation"] for row in groups}
    (album.out / "chosen_findings.parquet").write_bytes(b"nonsense")
    book.add("protect", album.path("1.jpg"))
    album.run()
    assert len(asked) == 2 * times
    assert roles == {row["filename"]: row["relation"] for row in album.rows()}


def test_a_kept_image_is_proven_beside_copies_that_similarity_does_not_list(album: Album) -> None:
    few = {"threshold": 1.0, "stop_on_failed_checks": True}
    picture = photo_like(7, 400, 300)
    for number, inset in enumerate((0, 20, 40, 60)):
        cropped = picture.crop((inset, inset // 2, 400 - inset, 300 - inset // 3))
        save_jpeg(album.photos / f"crop {number}.jpg", cropped, quality=95)
    album.run(**few)
    kept = album.path("crop 2.jpg")
    VerdictBook(album.out).add("keep", kept)
    album.run(**few)
    beside = [row["filename"] for row in album.rows() if row["keep"] == kept and row["filename"] != kept]
    pairs = {tuple(sorted((kept, each))) for each in beside}
    known = set(dedup_assets.load(album.out).evidence().select("a", "b").iter_rows())
    assert len(pairs) == 3
    assert pairs - known
    assert pairs - known <= set(readable_pairs(album.out / "chosen_evidence.parquet"))


def test_a_kept_copy_has_the_pixels_of_files_of_which_evidence_concluded_less(album: Album) -> None:
    kept = album.path("0.jpg")
    for name in ("copy.jpg", "again.jpg"):
        shutil.copy(kept, album.photos / name)
        note_in(album.photos / name, b"a note")
    album.run()
    VerdictBook(album.out).add("keep", kept)
    album.run()
    rows = {Path(row["filename"]).name: row["relation"] for row in album.rows() if row["keep"] == kept}
    assert (rows["copy.jpg"], rows["again.jpg"]) == ("pixels", "pixels")
    album.run()


def readable_pairs(path: Path) -> list[tuple[str, str]]:
    return [(os.fsdecode(a), os.fsdecode(b)) for a, b in pl.read_parquet(path).select("a", "b").iter_rows()]


def test_a_file_of_verdicts_that_is_not_there_or_no_longer_named_is_said(
    album: Album, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = tmp_path / "shared.csv"
    album.run(verdicts=shared)
    assert "there is no such file yet, so that no verdict is honoured" in capsys.readouterr().out
    VerdictBook(album.out, shared).add("protect", album.photos / "0.png")
    album.run(verdicts=shared)
    assert "warning: verdicts" not in capsys.readouterr().out
    album.run()
    assert "verdicts of the former are not honoured" in capsys.readouterr().out


def test_the_summary_names_edited_files_whose_verdicts_no_longer_hold(
    album: Album, capsys: pytest.CaptureFixture[str]
) -> None:
    VerdictBook(album.out).add("protect", album.path("0.png"), by="ann")
    VerdictBook(album.out).add("protect", album.path("1.png"), by="ann")
    with Image.open(album.path("0.png")) as opened:
        edited = opened.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    edited.save(album.path("0.png"))
    Path(album.path("1.png")).unlink()
    capsys.readouterr()
    album.run()
    said = capsys.readouterr().out
    assert f"1 verdict speaks of files that were edited since: decide again about {album.path('0.png')}" in said
    assert f"are no longer here, and match nothing: protect {album.path('1.png')} (v-" in said


def judge_three(album: Album) -> VerdictBook:
    """One image protected and two told apart, in an album after a run."""
    book = VerdictBook(album.out)
    book.add("protect", album.path("0.jpg"))
    book.add("different", album.path("1.jpg"), album.path("1.png"))
    album.run()
    return book


def test_verdicts_stay_with_files_of_which_other_bytes_than_pixels_were_edited(
    album: Album, capsys: pytest.CaptureFixture[str]
) -> None:
    book = judge_three(album)
    for number in range(2):
        note_in(album.photos / f"{number}.jpg", b"first")
    capsys.readouterr()
    album.run()
    (album.photos / "0.jpg").rename(album.photos / "renamed.jpg")
    album.run()
    note_in(album.photos / "renamed.jpg", b"second")
    album.run()
    assert "decide again" not in capsys.readouterr().out
    assert {Path(row["filename"]).name for row in album.rows() if row["role"] == "protected"} == {"renamed.jpg"}
    groups = album.group_of()
    assert "1.jpg" not in groups or groups["1.jpg"] != groups["1.png"]
    again = album.out.parent / "again"
    assert (
        dedup_assets.run(album.photos, again, **album.settings, verdicts=book.path, group_ids_from=str(album.out)) == 0
    )
    assert (again / "groups.csv").read_bytes() == (album.out / "groups.csv").read_bytes()
    save_jpeg(album.photos / "renamed.jpg", photo_like(0, 320, 240), quality=50)
    capsys.readouterr()
    album.run()
    lost = f"no longer here, and match nothing: protect {album.path('0.jpg')} (v-"
    assert f"1 verdict speaks of contents that are {lost}" in capsys.readouterr().out
    assert not [row for row in album.rows() if row["role"] == "protected"]


def test_verdicts_follow_files_that_were_renamed_and_edited_at_once(
    album: Album, capsys: pytest.CaptureFixture[str]
) -> None:
    book = judge_three(album)
    assert "1.jpg" not in album.group_of()
    for turn in ("first", "second"):
        for number in range(2):
            (former,) = album.photos.rglob(f"*{number}.jpg")
            note_in(former, turn.encode())
            album.photos.joinpath(turn).mkdir(exist_ok=True)
            former.rename(album.photos / turn / f"{turn}-{number}.jpg")
        capsys.readouterr()
        album.run()
        said = capsys.readouterr().out
        assert "match nothing" not in said
        assert "decide again" not in said
        assert {Path(row["filename"]).name for row in album.rows() if row["role"] == "protected"} == {f"{turn}-0.jpg"}
        assert f"{turn}-1.jpg" not in album.group_of()
        assert book.table()["state"].to_list() == ["counts", "counts"]


def test_a_new_file_is_followed_before_one_that_had_the_same_pixels_all_along(album: Album) -> None:
    shutil.copy(album.path("0.jpg"), album.path("old.jpg"))
    note_in(album.photos / "old.jpg", b"old")
    VerdictBook(album.out).add("protect", album.path("0.jpg"))
    album.run()
    note_in(album.photos / "0.jpg", b"new")
    (album.photos / "0.jpg").rename(album.photos / "z.jpg")
    album.run()
    assert [Path(row["filename"]).name for row in album.rows() if row["role"] == "protected"] == ["z.jpg"]


def test_the_list_says_which_verdicts_count_and_which_match_nothing(album: Album) -> None:
    book = VerdictBook(album.out)
    book.add("same", album.path("0.png"), album.path("0.jpg"))
    book.add("same", album.path("0.jpg"), album.path("0-small.png"))
    book.add("different", album.path("0.png"), album.path("0-small.png"))
    gone = book.add("different", album.path("1.jpg"), album.path("1.png"))
    book.add("protect", album.path("1.jpg"))
    (album.photos / "1.jpg").unlink()
    album.run()
    save_jpeg(album.photos / "new.jpg", photo_like(7))
    book.add("protect", album.path("new.jpg"))
    table = book.table()
    assert table["state"].to_list() == ["contradicted", "counts", "counts", "unmatched", "unmatched", "counts"]
    assert table["missing"].to_list() == ["", "", "", album.path("1.jpg"), album.path("1.jpg"), ""]
    code, said = command("--list", "--work-dir", str(album.out))
    assert code == 0
    assert f"{gone.verdict_id}  " in said
    assert f"not there: {album.path('1.jpg')}" in said
    assert set(VerdictBook(verdicts=book.path).table()["state"]) == {"unknown"}


def test_a_rebuilt_work_dir_with_shared_verdicts_knows_files_that_were_edited(album: Album, tmp_path: Path) -> None:
    shared = tmp_path / "shared.csv"
    VerdictBook(verdicts=shared).add("protect", album.path("0.jpg"))
    album.run(verdicts=str(shared))
    note_in(album.photos / "0.jpg", b"note")
    (album.photos / "0.jpg").rename(album.photos / "renamed.jpg")
    shutil.rmtree(album.out)
    album.run(verdicts=str(shared))
    assert [Path(row["filename"]).name for row in album.rows() if row["role"] == "protected"] == ["renamed.jpg"]
    assert VerdictBook(album.out).table()["state"].to_list() == ["counts"]


def test_an_import_brings_what_is_known_of_files_that_were_edited(album: Album, tmp_path: Path) -> None:
    shared = tmp_path / "shared.csv"
    VerdictBook(verdicts=shared).add("protect", album.path("0.jpg"))
    album.run(verdicts=str(shared))
    note_in(album.photos / "0.jpg", b"note")
    shutil.rmtree(album.out)
    album.run()
    code, said = command("--import", str(shared), "--work-dir", str(album.out))
    assert (code, "1 verdicts added" in said) == (0, True)
    album.run()
    assert [Path(row["filename"]).name for row in album.rows() if row["role"] == "protected"] == ["0.jpg"]
    assert VerdictBook(album.out).table()["state"].to_list() == ["counts"]


def test_a_foreign_table_beside_shared_verdicts_stays_as_it_is(
    album: Album, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shared, foreign = tmp_path / "shared.csv", tmp_path / "shared.csv.images"
    foreign.write_bytes(b"mine")
    VerdictBook(verdicts=shared).add("protect", album.path("0.jpg"))
    album.run(verdicts=str(shared))
    assert foreign.read_bytes() == b"mine"
    assert "shared.csv.images' cannot be" in caplog.text
    assert [row["role"] for row in album.rows() if row["filename"] == album.path("0.jpg")] == ["protected"]


def test_a_run_without_evidence_forgets_no_pixels_of_verdicts(album: Album) -> None:
    VerdictBook(album.out).add("protect", album.path("0.jpg"))
    album.run()
    album.run(evidence="off")
    note_in(album.photos / "0.jpg", b"note")
    album.run()
    assert [Path(row["filename"]).name for row in album.rows() if row["role"] == "protected"] == ["0.jpg"]


def test_an_animation_whose_first_frame_stayed_is_no_image_of_a_verdict(
    album: Album, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [photo_like(seed, 64, 48) for seed in range(3)]
    frames[0].save(album.photos / "moving.gif", save_all=True, append_images=frames[1:])
    VerdictBook(album.out).add("protect", album.path("moving.gif"))
    album.run()
    frames[0].save(album.photos / "moving.gif", save_all=True, append_images=frames[2:])
    capsys.readouterr()
    album.run()
    assert f"decide again about {album.path('moving.gif')}" in capsys.readouterr().out
