"""fastdup's gallery functions write a page and return 0, or print one line and return 1."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dedup_assets
from dedup_assets_tests.support.gallery_pages import read_page

HEADER = b"from,to,distance\n"
FIELDS = st.sampled_from(
    [b"/gone/a.jpg", b'"', b",", b"\n", b"\0", b"\xff", b"0.9", b"nan", b"inf", b"1e400", b"-1e308"]
)
CONTENTS = st.lists(FIELDS, max_size=12).map(lambda parts: HEADER + b",".join(parts)) | st.binary(max_size=40)


def make_pages(source: Path, save_path: Path) -> set[int]:
    """What the functions return for a file of pairs."""
    return {
        dedup_assets.create_duplicates_gallery(source, save_path),
        dedup_assets.create_outliers_gallery(source, save_path),
    }


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=CONTENTS)
def test_a_file_of_any_content_gives_a_page_or_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    source = tmp_path / "similarity.csv"
    source.write_bytes(content)
    for function, page in (
        (dedup_assets.create_duplicates_gallery, "duplicates.html"),
        (dedup_assets.create_outliers_gallery, "outliers.html"),
    ):
        returned = function(source, tmp_path / "pages")
        said = capsys.readouterr().err
        assert (returned, len(said.splitlines())) in {(0, 0), (1, 1)}
        if returned == 0:
            read_page((tmp_path / "pages" / page).read_text("utf-8"))


@pytest.mark.parametrize("score", [b"nan", b"inf", b"-inf", b"1e400"])
def test_a_similarity_that_is_no_finite_number_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], score: bytes
) -> None:
    source = tmp_path / "similarity.csv"
    source.write_bytes(HEADER + b"/a.jpg,/b.jpg,0.9\n/a.jpg,/c.jpg," + score + b"\n")
    assert make_pages(source, tmp_path / "pages") == {1}
    assert "1 of its distances are not finite numbers" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "similarity.csv"
    source.write_bytes(HEADER)
    assert make_pages(source, source) == {1}
    assert os.fspath(source) in capsys.readouterr().err
