"""The gallery is a folder that lists every result."""

import json
import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import dedup_assets
from dedup_assets.engine.work_dir.former_galleries import CONTENTS
from dedup_assets_tests.support.deadly import killer_of_decoders
from dedup_assets_tests.support.galleries import HOSTILE, make_gallery, make_results, save_pictures
from dedup_assets_tests.support.gallery_pages import read_page, read_words

PAGES = ["index.html", "duplicates.html", "components.html", "outliers.html", "bad_images.html"]


@pytest.fixture
def names(tmp_path: Path) -> list[bytes]:
    return save_pictures(tmp_path / "photos")


def test_every_file_a_page_loads_is_in_the_folder_and_nothing_else(names: list[bytes], tmp_path: Path) -> None:
    gallery = make_gallery(tmp_path / "out", make_results(names))
    folder = tmp_path / "out" / "gallery"
    loaded: set[str] = set()
    for page in PAGES:
        content = read_page((folder / page).read_text("utf-8"))
        assert not any("style" in element.attributes for element in content.elements)
        assert not any(name.startswith("on") for element in content.elements for name in element.attributes)
        scripts = [element for element in content.elements if element.tag == "script"]
        assert all(element.attributes.get("src") for element in scripts)
        links = [element.attributes["href"] or "" for element in content.elements if element.tag == "link"]
        loaded |= {*content.collect("src"), *links}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == loaded | set(PAGES) | {f"{gallery.folder}/{CONTENTS}"}
    assert all(path.startswith(f"{gallery.folder}/") for path in loaded)


def test_each_image_has_one_thumbnail(names: list[bytes], tmp_path: Path) -> None:
    make_gallery(tmp_path / "out", make_results(names))
    assert len(list((tmp_path / "out/gallery").rglob("*.jpg"))) == len(HOSTILE)


def test_gallery_pairs_bounds_the_thumbnails_and_all_is_listed(tmp_path: Path) -> None:
    names = save_pictures(tmp_path / "photos", [f"{n:03d}.jpg".encode() for n in range(40)])
    make_gallery(tmp_path / "out", make_results(names), gallery_pairs=2)
    folder = tmp_path / "out" / "gallery"
    assert len(list(folder.rglob("*.jpg"))) <= 2 * 2 + 2 * 2 + 4 * 2
    assert "The first 2 of 20 pairs" in read_words((folder / "duplicates.html").read_text())
    data = next(folder.glob("*/data/pairs-0000.js")).read_text()
    assert len(re.findall(r"\d+", data.partition('"b"')[0])) == 20


def test_the_same_results_give_the_same_bytes_whatever_the_threads(names: list[bytes], tmp_path: Path) -> None:
    one, two = (make_gallery(tmp_path / "out", replace(make_results(names), folder="/x/out/gallery")) for _ in range(2))
    assert one.pages == two.pages
    assert list(one.files) == list(two.files)
    assert one.folder == two.folder


def test_what_lies_beside_the_results_is_linked_relatively(names: list[bytes], tmp_path: Path) -> None:
    make_gallery(tmp_path / "out", make_results(names, folder=str(tmp_path / "out/gallery")))
    links = read_page((tmp_path / "out/gallery/duplicates.html").read_text()).collect("href")
    originals = [link for link in links if "photos" in link]
    assert "../../photos/two%0Alines.jpg" in originals
    assert "../../photos/%FF%FE%20latin%E9.jpg" in originals
    assert all(link.startswith("../../photos/") for link in originals)


def test_the_larger_copy_is_suggested_and_the_smaller_could_be_freed(names: list[bytes], tmp_path: Path) -> None:
    make_gallery(tmp_path / "out", make_results(names))
    pages = {page: read_words((tmp_path / "out/gallery" / page).read_text()) for page in PAGES}
    assert pages["duplicates.html"].count("Keep more pixels") == 5
    assert pages["components.html"].count("Keep more pixels") == 5
    freed = sum(os.stat(name).st_size for name in names[0::2])  # noqa: PTH116 - bytes
    assert f"{freed / 1000:.1f} kB could be freed 5 files" in pages["index.html"]
    assert "10 good + 2 bad = 12 listed" in pages["index.html"]


def test_of_a_pair_whose_better_file_is_gone_the_other_one_is_to_keep(names: list[bytes], tmp_path: Path) -> None:
    os.remove(names[1])  # noqa: PTH107 - bytes
    gallery = make_gallery(tmp_path / "out", make_results(names))
    words = read_words(gallery.pages["duplicates.html"])
    assert words.count("Keep the only one that can be read") == 1
    pairs = next(content for path, content in gallery.files if path.startswith("data/pairs")).decode()
    first = [json.loads(re.search(rf'"{name}":(\[[^\]]*\])', pairs)[1])[0] for name in ("side", "remove")]  # type: ignore[index]
    assert first == [0, 0]


def test_an_image_that_is_gone_is_shown_as_such_and_links_nowhere(names: list[bytes], tmp_path: Path) -> None:
    os.remove(names[0])  # noqa: PTH107 - bytes
    make_gallery(tmp_path / "out", make_results(names))
    page = read_page((tmp_path / "out/gallery/duplicates.html").read_text())
    assert "no such file" in page.text
    assert len(page.find("incomplete")) == 1
    assert not any("onerror" in link for link in page.collect("href"))


def test_the_size_of_what_lies_on_a_store_is_the_listed_one(names: list[bytes], tmp_path: Path) -> None:
    far = [b"http://127.0.0.1:9/a.jpg", b"http://127.0.0.1:9/b.jpg"]
    sizes = pl.DataFrame({"filename": [*far, names[0]], "size_bytes": [700, 900, 1]})
    make_gallery(tmp_path / "out", make_results([*names, *far], sizes=sizes), gallery_pairs=1)
    files = next((tmp_path / "out/gallery").glob("*/data/files-0000.js")).read_text()
    listed = json.loads(re.search(r'"size_bytes":(\[[^\]]*\])', files)[1])  # type: ignore[index]
    assert {700, 900} <= set(listed)
    assert 1 not in listed


def test_credentials_in_settings_are_not_shown(names: list[bytes], tmp_path: Path) -> None:
    make_gallery(tmp_path / "out", make_results(names), input_dir="s3://key:s3cr3t@bucket/photos")
    assert all(b"s3cr3t" not in path.read_bytes() for path in (tmp_path / "out").rglob("*.*") if path.is_file())


def test_of_a_test_set_no_page_says_which_image_to_keep(names: list[bytes], tmp_path: Path) -> None:
    results = make_results(names)
    for found, said in ((results, True), (replace(results, components=None), False)):
        gallery = make_gallery(tmp_path / str(said), found)
        scripts = {path: content for path, content in gallery.files if path.startswith("data/pairs")}
        assert scripts
        assert all((b'"remove"' in script) == said for script in scripts.values())
        for page in ("index.html", "duplicates.html"):
            assert ("more pixels" in read_words(gallery.pages[page])) == said
        assert ("mark-suggested" in gallery.pages["duplicates.html"]) == said


def test_an_image_that_its_decoder_does_not_survive_is_named_on_the_page(
    names: list[bytes], tmp_path: Path, slow_picture: Path
) -> None:
    slow = os.fsencode(slow_picture)
    gallery = make_gallery(tmp_path, make_results([slow, *names[1:]]), image_seconds=1.0)
    said = read_words(gallery.pages["duplicates.html"])
    assert "decoding took more than 1 seconds and was ended" in said
    assert len([path for path, _ in gallery.files if path.startswith("thumbs/")]) == len(names) - 1


def test_a_page_by_itself_is_made_though_a_decoder_crashes(
    names: list[bytes], tmp_path: Path, slow_picture: Path
) -> None:
    rows = [(names[0], names[1], 0.95), (names[2], os.fsencode(slow_picture), 0.9)]
    content = b"from,to,distance\n" + b"".join(b'"%b","%b",%f\n' % (a.replace(b'"', b'""'), b, s) for a, b, s in rows)
    (tmp_path / "similarity.csv").write_bytes(content)
    with killer_of_decoders(signal.SIGSEGV, times=2) as killed:
        assert dedup_assets.create_duplicates_gallery(tmp_path / "similarity.csv", tmp_path) == 0
    assert len(killed) == 2
    page = (tmp_path / "duplicates.html").read_text("utf-8", "surrogateescape")
    assert page.count("data:image/jpeg;base64,") == 3
    assert "the decoder crashed, twice" in read_words(page)
