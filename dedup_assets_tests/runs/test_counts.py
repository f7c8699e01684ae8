"""Terminal, gallery, review page and plan say the same of the copies that do not go."""

import shutil
from pathlib import Path

import pytest

import dedup_assets
from dedup_assets.api.cleaning import plan
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.plan_file import read_plan_file
from dedup_assets.service.review.pairs import ReviewPairs
from dedup_assets_tests.support.gallery_pages import read_words
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


def test_copies_to_review_and_those_that_stay_are_counted_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    (photos / "backup").mkdir(parents=True)
    for seed in range(3):
        save_jpeg(photos / f"{seed}.jpg", photo_like(seed), quality=95)
        shutil.copy(photos / f"{seed}.jpg", photos / "backup")
    (photos / "backup" / "0.xmp").write_text("four stars")
    photo_like(1).resize((240, 180)).save(photos / "small.jpg", quality=90, comment=b"Oma")
    shutil.copy(photos / "small.jpg", photos / "small (1).jpg")
    (photos / "small (1).xmp").write_text("five stars")
    assert dedup_assets.run(photos, out, num_threads=1) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "copies in groups 5 of the copies, to review 1 exact copies that stay 2 " in printed
    words = read_words((out / "gallery" / "index.html").read_text())
    assert "1 of the copies is to review, because it may have something that the kept image lacks." in words
    assert "2 files with the bytes of another one stay, for what lies beside them, or for a label or set." in words
    assert ReviewPairs.of(WorkDir(str(out))).counts([])["review"]["pairs"] == 1
    assert plan(str(out)) == 0
    planned = read_plan_file(WorkDir(str(out)))
    assert (len(planned), sum(planned.left_out.values())) == (2, 3)
