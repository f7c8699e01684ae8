"""The gallery hides credentials in names and shows the rest of a name."""

import os
import re
from pathlib import Path

import polars as pl
import pytest

from dedup_assets.engine.gallery.found import Results
from dedup_assets_tests.support.galleries import make_gallery, make_results
from dedup_assets_tests.support.gallery_pages import make_bad, make_pairs, read_words
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

SECRET = "hunter2SECRET"  # noqa: S105 - that is what must not be seen
FAR = "127.0.0.1:9"  # nothing answers there
HOSTILE = [
    f"https://me:{SECRET}@{FAR}/a.jpg",
    f"https://me:{SECRET} with a space@{FAR}/a.jpg",
    f"https://{FAR}/a b'\"<c>.jpg?x=1&X-Amz-Signature={SECRET}",
    f"https://{FAR}/folder/a.jpg?X-Amz-Credential=K/{SECRET}/aws4&x=/y.jpg",
    f"https://{FAR}/two\nlines.jpg?token={SECRET}",
    f"https://{FAR}/all.zip?sig={SECRET}/in/a.jpg",
    f"https://me:{SECRET}@{FAR}/clip.mp4#t=00:00:01.000",
    f"https://{FAR}/%3Cb%3E.jpg?access_token={SECRET}%2F&amp;x=1",
    f"https://{FAR}/latin\udce9.jpg?api_key={SECRET}\udcff{SECRET}",
]


def in_results(names: list[bytes]) -> Results:
    """Results in which each name is in a pair and a component, and is an outlier and a bad image."""
    found = make_results(names)
    outliers = make_pairs(*((name, names[0], 0.1) for name in names))
    bad = make_bad(*((name, "ERROR_UNREADABLE", -1, f"403 at {os.fsdecode(name)!r}") for name in names))
    return Results(found.names, bad, found.pairs, found.components, outliers)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The files of a gallery of hostile names, by path."""
    beside = os.fsencode(save_jpeg(tmp_path / "photos/see a@b:c?token=1&sig=2.jpg", photo_like(1)))
    names = [beside, *(name.encode("utf-8", "surrogateescape") for name in HOSTILE)]
    listed = [name.decode("utf-8", "replace") for name in names]
    make_gallery(tmp_path / "out", in_results(names), input_dir=f"{listed}", image_seconds=5.0)
    paths = [path for path in (tmp_path / "out").rglob("*") if path.suffix in {".html", ".js"}]
    return {path.name: path.read_text("utf-8") for path in paths}


@pytest.mark.timeout(300)
def test_no_page_and_no_script_shows_a_credential(files: dict[str, str]) -> None:
    assert {"index.html", "duplicates.html", "files-0000.js", "bad-0000.js"} <= files.keys()
    assert [path for path, content in files.items() if SECRET in content] == []
    for shown in ("***@127.0.0.1:9", "X-Amz-Signature=***", "token=***"):
        assert shown in read_words(files["outliers.html"])
        assert shown in files["files-0000.js"].replace("\\u0026", "&") + files["files-0000.js"]


def test_a_local_name_that_looks_like_a_query_is_shown_whole(files: dict[str, str]) -> None:
    assert "see a@b:c?token=1&sig=2.jpg" in read_words(files["duplicates.html"])
    assert "see a@b:c?token=1\\u0026sig=2.jpg" in files["files-0000.js"]
    assert "photos/see%20a%40b%3Ac%3Ftoken%3D1%26sig%3D2.jpg" in files["duplicates.html"]


def test_no_url_with_credentials_is_linked(files: dict[str, str]) -> None:
    assert not re.search(r'href="https?:', files["outliers.html"])
    assert '"secret":[' in files["files-0000.js"]


def test_a_name_of_a_gallery_stays_what_it_is_in_the_results() -> None:
    names = pl.Series([HOSTILE[0].encode()], dtype=pl.Binary)
    assert in_results(names.to_list()).names.to_list() == names.to_list()
