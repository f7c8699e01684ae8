"""A plan of any relation takes no file that carries what the kept one does not hold."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import dedup_assets
from dedup_assets.api.cleaning import plan
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.plan_file import read_plan_file
from dedup_assets_tests.support.pictures import photo_like

FILM = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 40
SAVED = {"quality": 95}


def dated(moment: str, makers: bytes = b"") -> Image.Exif:
    block = Image.Exif()
    block[0x0110] = "Model 7"
    block.get_ifd(0x8769)[0x9003] = moment
    if makers:
        block.get_ifd(0x8769)[0x927C] = makers
    return block


def save_film(picture: Image.Image, path: Path) -> None:
    picture.save(path, **SAVED)
    path.write_bytes(path.read_bytes() + FILM)


Saver = Callable[[Image.Image, Path], object]
PAIRS: dict[str, tuple[Saver, Saver, str]] = {
    "dates": (
        lambda picture, path: picture.save(path, exif=dated("2019:01:01 00:00:00"), **SAVED),
        lambda picture, path: picture.save(path, exif=dated("2020:01:01 00:00:00"), **SAVED),
        "was taken at another time",
    ),
    "bursts": (
        lambda picture, path: picture.save(path, exif=dated("2019:01:01 00:00:00", b"one" * 9), **SAVED),
        lambda picture, path: picture.save(path, exif=dated("2019:01:01 00:00:00", b"two" * 9), **SAVED),
        "is, by what its camera noted, another shot",
    ),
    "comments": (
        lambda picture, path: picture.save(path, comment=b"Oma und Opa", **SAVED),
        lambda picture, path: picture.save(path, comment=b"Oma", **SAVED),
        "has another comment",
    ),
    "a comment": (
        lambda picture, path: picture.save(path, comment=b"ImageMagick" * 9, **SAVED),
        lambda picture, path: picture.save(path, comment=b"Oma", **SAVED),
        "has a comment that the kept one lacks",
    ),
    "resolutions": (
        lambda picture, path: picture.save(path, dpi=(300, 300), **SAVED),
        lambda picture, path: picture.save(path, dpi=(600, 600), **SAVED),
        "says another resolution (dpi)",
    ),
    "films": (
        lambda picture, path: picture.save(path, comment=b"ImageMagick" * 2000, **SAVED),
        save_film,
        "holds a film",
    ),
}


@pytest.mark.parametrize("what", PAIRS)
def test_a_file_that_carries_more_is_named_with_the_reason_and_not_planned(tmp_path: Path, what: str) -> None:
    kept, other, reason = PAIRS[what]
    folder = tmp_path / "in"
    folder.mkdir()
    picture = photo_like(3, 300, 200)
    kept(picture, folder / "a.jpg")
    other(picture, folder / "b.jpg")
    assert dedup_assets.run(str(folder), str(tmp_path / "out"), num_threads=1) == 0
    rows = {Path(row["filename"]).name: row for row in dedup_assets.load(str(tmp_path / "out")).groups().to_dicts()}
    lost = next(row for row in rows.values() if row["role"] != "keep")
    assert (lost["role"], lost["review"]) == ("review", reason)
    assert plan(str(tmp_path / "out"), only="exact,pixels,copy") == 0
    planned = read_plan_file(WorkDir(str(tmp_path / "out")))
    assert (len(planned), planned.left_out) == (0, {f"{reason}: a person decides (--only ...,review plans them)": 1})
    assert plan(str(tmp_path / "out"), only="exact,pixels,copy,review") == 0
    assert len(read_plan_file(WorkDir(str(tmp_path / "out")))) == 1
