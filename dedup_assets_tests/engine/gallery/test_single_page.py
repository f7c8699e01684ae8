"""fastdup's gallery functions write a page and return 0, or print one line and return 1."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dedup_assets
from dedup_assets.engine.work_dir import WorkDir, files
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.identity import Result, file_records, read_config, record_results
from dedup_assets.engine.work_dir.match_files import write_evidence, write_groups
from dedup_assets.engine.work_dir.result_files import FILES_OF
from dedup_assets_tests.support.galleries import make_proven_results, save_pictures
from dedup_assets_tests.support.gallery_pages import read_page, read_words

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


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
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


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """A work_dir with three groups, a pair of variants and an unverified pair, and the names of its images."""
    tmp_path = tmp_path_factory.mktemp("proven")
    names = save_pictures(tmp_path / "photos")
    assert dedup_assets.run(str(tmp_path / "photos"), str(tmp_path / "out"), turi_param="ccthreshold=0.1") == 0
    found, work_dir = make_proven_results(names), WorkDir(str(tmp_path / "out"))
    assert found.evidence is not None
    assert found.groups is not None
    config = read_config(work_dir)
    with generation(work_dir, "test") as view:
        write_evidence(view, found.evidence)
        write_groups(view, found.groups)
        made = {
            name: Result(
                files={file: facts for file, facts in file_records(view.written).items() if file in FILES_OF[name]}
            )
            for name in ("evidence", "groups")
        }
        record_results(view, made, config.settings, config.versions)
    files.write_outliers(work_dir, found.pairs)
    (tmp_path / "out/outliers.csv").replace(tmp_path / "out/pairs.csv")
    return tmp_path / "out", names


def read_made(page: str, tmp_path: Path) -> str:
    return read_words((tmp_path / "pages" / page).read_text("utf-8"))


def test_a_page_of_pairs_says_what_the_work_dir_knows_of_them(proven: tuple[Path, list[bytes]], tmp_path: Path) -> None:
    assert dedup_assets.create_duplicates_gallery(proven[0] / "pairs.csv", tmp_path / "pages") == 0
    words = read_made("duplicates.html", tmp_path)
    assert "copy resized to 50 %, text or overlay added" in words
    assert "unverified not decided by the pixels" in words
    assert words.count("Keep more bytes") == 3


def test_a_page_of_pairs_suggests_no_kept_image_that_is_gone(proven: tuple[Path, list[bytes]], tmp_path: Path) -> None:
    gone = Path(os.fsdecode(proven[1][1]))
    gone.rename(tmp_path / "elsewhere")
    assert dedup_assets.create_duplicates_gallery(proven[0] / "pairs.csv", tmp_path / "pages") == 0
    (tmp_path / "elsewhere").rename(gone)
    assert read_made("duplicates.html", tmp_path).count("Keep more bytes") == 2


def test_a_page_of_components_says_what_only_chains_hold_together(
    proven: tuple[Path, list[bytes]], tmp_path: Path
) -> None:
    assert dedup_assets.create_components_gallery(proven[0], tmp_path / "pages") == 0
    words = read_made("components.html", tmp_path)
    assert "Held together by chains only: these" in words
    assert "Keep more pixels" in words
