"""The gallery is a folder that lists every result."""

import json
import os
import re
import signal
import zipfile
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from PIL import Image, ImageOps

import dedup_assets
from dedup_assets.engine.core.records import Components
from dedup_assets.engine.decoders.asking import open_decoders
from dedup_assets.engine.stores import local_version
from dedup_assets.engine.work_dir.former_galleries import CONTENTS
from dedup_assets_tests.support.deadly import killer_of_decoders
from dedup_assets_tests.support.galleries import HOSTILE, make_gallery, make_proven_results, make_results, save_pictures
from dedup_assets_tests.support.gallery_pages import make_groups, read_page, read_words

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
    make_gallery(tmp_path / "out", make_results(names), gallery_pairs=2, gallery_thumbnails=0)
    folder = tmp_path / "out" / "gallery"
    assert len(list(folder.rglob("*.jpg"))) <= 2 * 2 + 2 * 2 + 4 * 2
    assert "The first 2 of 20 pairs" in read_words((folder / "duplicates.html").read_text())
    data = next(folder.glob("*/data/pairs-0000.js")).read_text()
    assert len(re.findall(r"\d+", data.partition('"b"')[0])) == 20


def test_files_that_lists_name_later_have_small_thumbnails(tmp_path: Path) -> None:
    names = save_pictures(tmp_path / "photos", [f"{n:03d}.jpg".encode() for n in range(60)], side=400)
    gallery = make_gallery(tmp_path / "out", make_results(names), gallery_pairs=2, gallery_thumbnails=10)
    sides = [_longer_side(path) for path in (tmp_path / "out/gallery").rglob("*.jpg")]
    assert sides.count(200) == 10
    assert sides.count(320) == len(sides) - 10 <= 16
    said = f"Thumbnails of {len(sides)} of 60 files are stored in this folder"
    for page in ("duplicates.html", "index.html"):
        words = read_words(gallery.pages[page])
        assert said in words
        assert f"The other {60 - len(sides)} show their originals" in words


def _longer_side(path: Path) -> int:
    with Image.open(path) as picture:
        return max(picture.size)


def test_members_of_archives_have_thumbnails_beyond_the_first_page(tmp_path: Path) -> None:
    paths = save_pictures(tmp_path / "photos", [f"{n:03d}.jpg".encode() for n in range(12)])
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in map(os.fsdecode, paths):
            file.write(path, Path(path).name)
    names = [os.fsencode(archive) + b"/" + name.rpartition(b"/")[2] for name in paths]
    make_gallery(tmp_path / "out", make_results(names), gallery_pairs=1)
    assert len(list((tmp_path / "out/gallery").rglob("*.jpg"))) == 12


def test_files_without_a_thumbnail_are_read_by_the_same_decoding_processes(tmp_path: Path) -> None:
    names = save_pictures(tmp_path / "photos", [f"{n}.jpg".encode() for n in range(8)])
    with open_decoders(1) as before:
        make_gallery(tmp_path / "out", make_results(names), gallery_pairs=1, gallery_thumbnails=0)
    with open_decoders(1) as after:
        assert after is before


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
    found = pl.DataFrame({"filename": [*far, names[0]], "size_bytes": [700, 900, 1]})
    found = found.with_columns(version=pl.lit("1-1"), width=pl.lit(20, pl.Int32), height=pl.lit(30, pl.Int32))
    make_gallery(tmp_path / "out", make_results([*names, *far], listed=found), gallery_pairs=1)
    files = next((tmp_path / "out/gallery").glob("*/data/files-0000.js")).read_text()
    listed = json.loads(re.search(r'"size_bytes":(\[[^\]]*\])', files)[1])  # type: ignore[index]
    assert {700, 900} <= set(listed)
    assert 1 not in listed


def test_headers_are_read_of_files_that_have_changed_since_they_were_listed(names: list[bytes], tmp_path: Path) -> None:
    def gallery(place: str, listed: pl.DataFrame | None) -> dict[str, bytes]:
        few = {"gallery_pairs": 1, "gallery_thumbnails": 0}
        return dict(make_gallery(tmp_path / place, make_results(names, listed=listed), **few).files)

    local = [name for name in names if os.path.isfile(name)]  # noqa: PTH113 - bytes
    rows = [(name, os.stat(name).st_size, local_version(os.stat(name)), *size_of(name)) for name in local]  # noqa: PTH116
    columns = ["filename", "size_bytes", "version", "width", "height"]
    listed = pl.DataFrame(rows, schema=columns, orient="row")
    read = gallery("read", None)
    assert gallery("listed", listed) == read
    wide = listed.with_columns(width=pl.lit(4321))
    (facts,) = (name for name in read if name.startswith("data/files-"))
    assert gallery("wide", wide)[facts].count(b"4321") >= 2
    assert gallery("older", wide.with_columns(version=pl.lit("1-1"))) == read
    assert gallery("larger", wide.with_columns(pl.col("size_bytes") + 1)) == read


def size_of(name: bytes) -> tuple[int, int]:
    with Image.open(os.fsdecode(name)) as picture:
        return ImageOps.exif_transpose(picture).size


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


def _read_table(folder: Path, kind: str) -> dict[str, list[object]]:
    script = next(folder.glob(f"*/data/{kind}-0000.js")).read_text()
    return dict(json.loads(f"[{script.partition(',')[2].rpartition(')')[0]}]")[0])


def test_what_to_do_is_the_first_page_and_groups_are_the_first_numbers(names: list[bytes], tmp_path: Path) -> None:
    make_gallery(tmp_path / "out", make_proven_results(names))
    folder = tmp_path / "out" / "gallery"
    links = read_page((folder / "index.html").read_text()).collect("href")
    assert [link for link in links if link.endswith(".html")][:2] == ["index.html", "groups.html"]
    words = read_words((folder / "index.html").read_text())
    assert "3 of 10 good images (30%) are copies of another image, in 3 groups." in words
    taken = [os.stat(name).st_size for name in names[0:6:2]]  # noqa: PTH116 - bytes
    exact = words.index("in exact copies 1 file")
    assert "3 groups 6 images 3 copies 30% of good" in words
    assert words[:exact].split()[-2:] == [f"{taken[2] / 1000:.1f}", "kB"]
    copies = words.index("Groups whose copies take most")
    assert copies < words.index("Most similar pairs")
    sizes = [int(text) for text in map(str, _read_table(folder, "groups")["bytes"])]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == sum(taken)


def test_without_evidence_there_is_no_page_of_groups(names: list[bytes], tmp_path: Path) -> None:
    gallery = make_gallery(tmp_path / "out", make_results(names))
    assert sorted(gallery.pages) == sorted(PAGES)
    assert not any("groups.html" in page or "relation" in page for page in gallery.pages.values())


def test_only_copies_of_the_same_bytes_are_suggested_to_go(names: list[bytes], tmp_path: Path) -> None:
    make_gallery(tmp_path / "out", make_proven_results(names))
    files = _read_table(tmp_path / "out/gallery", "files")
    suggested = [name for name, flag in zip(sorted(names), files["suggested"], strict=True) if flag]
    assert suggested == [names[4]]
    pairs = read_words((tmp_path / "out/gallery/duplicates.html").read_text())
    assert pairs.count("Keep more bytes") == 3
    assert "variant similar, but another picture; text or overlay added" in pairs
    assert "unverified not decided by the pixels" in pairs
    assert "copy resized to 50 %, text or overlay added" in pairs


def test_a_copy_beside_which_something_lies_is_not_suggested_to_go(names: list[bytes], tmp_path: Path) -> None:
    Path(os.fsdecode(names[4] + b".xmp")).write_text("four stars")
    gallery = make_gallery(tmp_path / "out", make_proven_results(names))
    assert "suggested" not in _read_table(tmp_path / "out/gallery", "files")
    assert "has a sidecar, raw file or film beside it" in read_words(gallery.pages["groups.html"])


def test_a_copy_for_review_has_the_reason_beside_it(names: list[bytes], tmp_path: Path) -> None:
    found = make_proven_results(names)
    assert found.groups is not None
    role = pl.when(pl.col("filename") == names[0]).then(pl.lit("review")).otherwise("role")
    review = pl.lit("text or overlay added; holds a film")
    groups = replace(found.groups, rows=found.groups.rows.with_columns(role=role, review=review))
    gallery = make_gallery(tmp_path / "out", replace(found, groups=groups))
    words = read_words(gallery.pages["groups.html"])
    assert "resized to 50 %, text or overlay added; holds a film: look at both" in words  # each once


def test_with_evidence_and_no_groups_nothing_is_suggested(names: list[bytes], tmp_path: Path) -> None:
    gallery = make_gallery(tmp_path / "out", replace(make_proven_results(names), groups=None))
    assert "Keep" not in read_words(gallery.pages["duplicates.html"] + gallery.pages["components.html"]).split()
    assert "suggested" not in _read_table(tmp_path / "out/gallery", "files")


def test_no_copy_is_suggested_to_go_if_the_kept_image_is_gone(names: list[bytes], tmp_path: Path) -> None:
    os.remove(names[5])  # noqa: PTH107 - bytes
    gallery = make_gallery(tmp_path / "out", make_proven_results(names))
    assert "suggested" not in _read_table(tmp_path / "out/gallery", "files")
    assert "This image cannot be read, so no copy is suggested to go." in read_words(gallery.pages["groups.html"])
    assert read_words(gallery.pages["duplicates.html"]).count("Keep more bytes") == 2


def test_a_component_says_how_many_pictures_it_chains(names: list[bytes], tmp_path: Path) -> None:
    found = make_proven_results(names)
    assert found.components is not None
    chained = found.components.images.with_columns(component_id=pl.lit(0))
    info = found.components.info.head(1).with_columns(count=pl.lit(10))
    gallery = make_gallery(tmp_path / "out", replace(found, components=Components(chained, info)))
    said = "Held together by chains only: these 10 images are 7 pictures (3 groups and 4 images in no group)."
    assert said in read_words(gallery.pages["components.html"])
    single = make_gallery(tmp_path / "single", found)
    assert read_words(single.pages["components.html"]).count("chains only") == 2


def test_thumbnails_of_groups_are_bounded(tmp_path: Path) -> None:
    names = save_pictures(tmp_path / "photos", [f"{n:03d}.jpg".encode() for n in range(60)])
    groups = make_groups(
        *((names[n], [(names[n + 1], 0.9, "copy", ""), (names[n + 2], 0.9, "copy", "")]) for n in range(0, 60, 3))
    )
    gallery = make_gallery(
        tmp_path / "out", replace(make_results(names[:2]), groups=groups), gallery_pairs=2, gallery_thumbnails=0
    )
    assert len(list((tmp_path / "out/gallery").rglob("*.jpg"))) <= 2 + 4 * 2
    assert len(read_page(gallery.pages["groups.html"]).find("group")) == 2
    assert len(_read_table(tmp_path / "out/gallery", "copies")["file"]) == 40
