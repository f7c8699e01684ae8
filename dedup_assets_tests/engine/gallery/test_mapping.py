"""The map of a collection."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dedup_assets.engine.gallery.mapping import draw_map
from dedup_assets.engine.gallery.pages.links import Links
from dedup_assets.engine.gallery.pages.map import MAP_HEIGHT, MAP_WIDTH, MapPoint, PointKind
from dedup_assets_tests.support.browsers import broken_rules
from dedup_assets_tests.support.galleries import make_gallery, make_proven_results, save_pictures
from dedup_assets_tests.support.gallery_pages import make_groups

NO_NAMES = pl.Series([], dtype=pl.Binary)


def draw(vectors: NDArray[np.float32], **more: Any) -> list[MapPoint]:
    names = pl.Series([b"/%05d.jpg" % row for row in range(len(vectors))], dtype=pl.Binary)
    return draw_map(names, vectors, more.get("groups"), more.get("outliers", NO_NAMES), Links(), {})


def test_images_with_near_vectors_are_near_on_the_map() -> None:
    generator = np.random.default_rng(1)
    centres = generator.normal(size=(4, 32))
    vectors = np.repeat(centres, 5, axis=0) + generator.normal(scale=0.01, size=(20, 32))
    places = np.array([(point.x, point.y) for point in sorted(draw(vectors.astype(np.float32)), key=lambda p: p.name)])
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    same = np.repeat(np.arange(4), 5)[:, None] == np.repeat(np.arange(4), 5)
    assert distance[same].max() < distance[~same].min()
    assert places.min() >= 0
    assert (places.max(axis=0) <= [MAP_WIDTH, MAP_HEIGHT]).all()


@pytest.mark.parametrize(("images", "points"), [(0, 0), (2, 0), (3, 3), (1500, 1500), (4001, 1500)])
def test_a_large_collection_is_sampled_and_two_images_have_no_map(images: int, points: int) -> None:
    vectors = np.random.default_rng(2).normal(size=(images, 8)).astype(np.float32)
    drawn = draw(vectors)
    assert len(drawn) == points
    assert drawn == draw(vectors)


def test_equal_vectors_are_in_the_middle() -> None:
    assert {(point.x, point.y) for point in draw(np.ones((5, 8), np.float32))} == {(MAP_WIDTH / 2, MAP_HEIGHT / 2)}


def test_points_say_what_their_images_are_and_copies_are_drawn_over_others() -> None:
    groups = make_groups((b"/00000.jpg", [(b"/00003.jpg", 0.9, "copy", "")]))
    outliers = pl.Series([b"/00001.jpg"], dtype=pl.Binary)
    drawn = draw(np.random.default_rng(3).normal(size=(4, 8)).astype(np.float32), groups=groups, outliers=outliers)
    assert [(point.name, point.kind) for point in drawn] == [
        (b"/00002.jpg", PointKind.SINGLE),
        (b"/00000.jpg", PointKind.KEPT),
        (b"/00003.jpg", PointKind.COPY),
        (b"/00001.jpg", PointKind.OUTLIER),
    ]


@pytest.mark.filterwarnings("ignore")  # of playwright's own event loop
def test_points_open_their_images_and_the_page_breaks_no_rule_of_axe(tmp_path: Path, browser: Any) -> None:
    names = save_pictures(tmp_path / "photos")
    vectors = np.random.default_rng(4).normal(size=(len(names), 8)).astype(np.float32)
    folder = tmp_path / "out" / "gallery"
    make_gallery(tmp_path / "out", make_proven_results(names, folder=str(folder), vectors=vectors))
    tab = browser.new_page(viewport={"width": 360, "height": 640})
    shutil.move(tmp_path / "photos", tmp_path / "gone")  # as where the gallery alone was mailed
    tab.goto(f"{folder.as_uri()}/map.html")
    tab.wait_for_selector("html[data-ready]")
    opened = tab.eval_on_selector_all("#points a", "links => links.map(link => [link.href.baseVal, link.dataset.open])")
    assert len(opened) == len(names)
    assert all((folder / picture).is_file() and original.startswith("../../photos/") for picture, original in opened)
    assert tab.query_selector_all("main script, main iframe") == []  # names are text
    tab.focus("#theme")
    tab.keyboard.press("Tab")
    said = set()
    for key in ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"] * len(names):
        tab.keyboard.press(key)
        assert tab.evaluate("document.activeElement.tagName") == "a"
        said.add(tab.text_content("#point-name"))
        assert tab.eval_on_selector("#point-picture", "picture => picture.decode().then(() => picture.naturalWidth)")
    assert len(said) > len(names) / 2
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "point-open"
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    broken = broken_rules(tab)
    tab.goto(f"{folder.as_uri()}/index.html")
    assert tab.get_attribute("nav a[href='map.html']", "href") == "map.html"
    tab.close()
    assert broken == []
