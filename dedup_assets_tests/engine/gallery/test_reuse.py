"""A gallery is made again only where it would be another one, or is no longer whole."""

import os
from pathlib import Path

import pytest

import dedup_assets
from dedup_assets_tests.support.galleries import save_pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a gallery's files."""
    save_pictures(tmp_path / "photos")
    assert dedup_assets.run(str(tmp_path / "photos"), str(tmp_path / "out")) == 0
    (made,) = (tmp_path / "out/gallery").glob("files-*")
    return made


def again(folder: Path) -> None:
    out = folder.parents[1]
    assert dedup_assets.run(str(out.parent / "photos"), str(out)) == 0


def test_the_same_results_leave_the_gallery_as_it_is(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")}
    again(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")} == before


@pytest.mark.parametrize("harm", ["remove", "truncate"])
def test_a_gallery_that_lost_a_file_is_made_again(folder: Path, harm: str) -> None:
    lost = next(folder.rglob("*.jpg"))
    content = lost.read_bytes()
    if harm == "remove":
        lost.unlink()
    else:
        os.truncate(lost, 5)
    again(folder)
    assert lost.read_bytes() == content
