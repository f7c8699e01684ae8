"""Frames of one video in a real browser: one entry, which opens."""

import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dedup_assets.engine.core.records import Components
from dedup_assets.engine.gallery.found import Results
from dedup_assets_tests.support.browsers import broken_rules, compare_with_and_without_scripts, open_list
from dedup_assets_tests.support.galleries import make_gallery
from dedup_assets_tests.support.gallery_pages import make_bad, make_groups, make_pairs
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.videos import save_video

pytestmark = pytest.mark.filterwarnings("ignore")  # of playwright's own event loop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of one group, and one component, of an image, fifteen frames of a video, and another image."""
    place = tmp_path_factory.mktemp("frames")
    video = save_video(place / "<i>clip.mp4", [photo_like(1, 64, 48)] * 20)
    frames = [os.fsencode(video) + b"#t=00:00:%02d.000" % second for second in range(3, 18)]
    first, last = (os.fsencode(save_jpeg(place / name, photo_like(1))) for name in ("a.jpg", "z.jpg"))
    names = [first, *frames, last]
    ids = pl.DataFrame({"__id": range(17), "component_id": [0] * 17})
    sums = {"component_id": [0], "count": [17], "mean": [0.9], "min": [0.9], "max": [0.9]}
    results = Results(
        names=pl.Series(names, dtype=pl.Binary),
        bad=make_bad(),
        pairs=make_pairs((first, last, 0.9)),
        components=Components(ids, pl.DataFrame(sums)),
        outliers=make_pairs(),
        folder=str(place / "out" / "gallery"),
        groups=make_groups((first, [(name, 0.9, "copy", "recompressed") for name in names[1:]])),
    )
    make_gallery(place / "out", results)
    return place / "out" / "gallery"


@pytest.mark.parametrize("name", ["groups", "components"])
def test_frames_of_a_video_are_one_entry_with_and_without_scripts(
    name: str, folder: Path, still: Any, page: Any
) -> None:
    compare_with_and_without_scripts(f"{folder.as_uri()}/{name}.html", still, page)


@pytest.mark.parametrize(("name", "others"), [("groups", 1), ("components", 2)])
def test_the_entry_of_a_video_opens_and_shows_each_frame(name: str, others: int, folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/{name}.html")
    assert page.locator(".members > li").count() == 1 + others
    assert page.inner_text(".frames .said") == "15 frames of <i>clip.mp4, 0:03 to 0:17"
    assert page.locator(".members img").count() == 1 + others
    assert broken_rules(page) == []
    page.click(".frames .unfold")
    page.wait_for_selector(".members > li >> nth=14")
    assert page.locator(".members > li").count() == 15 + others
    assert page.locator(".frames").count() == 0
