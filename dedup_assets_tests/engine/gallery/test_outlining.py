"""Pairs that are shown first have outlines of what changed."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from dedup_assets_tests.support.galleries import make_gallery, make_proven_results, save_pictures
from dedup_assets_tests.support.gallery_pages import make_evidence, read_page, read_words


@pytest.fixture
def names(tmp_path: Path) -> list[bytes]:
    """Ten pictures: the first has a box over it, the others are as their copies."""
    names = save_pictures(tmp_path / "photos", [f"{n}.jpg".encode() for n in range(10)], side=320)
    with Image.open(os.fsdecode(names[0])) as opened:
        picture = opened.copy()
    ImageDraw.Draw(picture).rectangle((180, 10, 260, 40), fill="white")
    picture.save(os.fsdecode(names[0]))
    return names


def changed(gallery: Path) -> list[str | None]:
    script = next(gallery.glob("*/data/pairs-0000.js")).read_text()
    found: list[str | None] = json.loads(re.search(r'"changed":(\[[^\]]*\])', script)[1])  # type: ignore[index]
    return found


def test_the_part_that_was_covered_is_outlined(names: list[bytes], tmp_path: Path) -> None:
    make_gallery(tmp_path / "out", make_proven_results(names))
    outlines = changed(tmp_path / "out/gallery")
    assert [bool(outline) for outline in outlines] == [True, False, False, False, False]
    page = read_page((tmp_path / "out/gallery/duplicates.html").read_text())
    assert [
        element.attributes["d"] for element in page.elements if element.tag == "path" and "d" in element.attributes
    ][:1] == [outlines[0]]
    assert len(page.find("aligned")) == 4
    said = " ".join(page.text.split())
    (share,) = re.findall(r"text or overlay added; about (\d+) % changed", said)
    assert 13 <= int(share) <= 19  # the box covers 16 %


@pytest.mark.parametrize(
    ("side", "said"),
    [
        (320, "too little changed for a thumbnail to show"),
        (64, "the pictures are too small to measure how much"),
    ],
)
def test_why_the_share_that_changed_is_unknown_is_said(side: int, said: str, tmp_path: Path) -> None:
    names = save_pictures(tmp_path / "photos", [f"{n}.jpg".encode() for n in range(10)], side=side)
    make_gallery(tmp_path / "out", make_proven_results(names))
    assert f"text or overlay added; {said}" in read_words((tmp_path / "out/gallery/duplicates.html").read_text())


def test_what_the_evidence_calls_unchanged_is_not_compared_again(names: list[bytes], tmp_path: Path) -> None:
    found = make_proven_results(names)
    row = (names[0], names[1], 1.0, "copy", "resized", [0.5, 0, 0, 0, 0.5, 0, 0, 0, 1], 0.0)
    make_gallery(tmp_path / "out", replace(found, evidence=make_evidence(row)))
    script = next((tmp_path / "out/gallery").glob("*/data/pairs-0000.js")).read_text()
    assert "M1" not in script


def test_a_thumbnail_that_is_missing_is_not_compared(names: list[bytes], tmp_path: Path) -> None:
    os.remove(names[1])  # noqa: PTH107 - bytes
    gallery = make_gallery(tmp_path / "out", make_proven_results(names))
    assert len(read_page(gallery.pages["duplicates.html"]).find("aligned")) == 3
