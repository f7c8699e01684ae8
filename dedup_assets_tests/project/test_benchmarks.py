"""Benchmarks: copies match their names, scores are right for known answers, and figures are measured."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import chart, report
from benchmarks.compare import main
from benchmarks.copies import DataError, group_of, prepare
from benchmarks.measure import Measurement, measure
from benchmarks.results import ImageSet, Result
from benchmarks.score import count_true_pairs, score_groups, score_pairs, score_vectors
from benchmarks.tools import FASTDUP, OURS


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    rng = np.random.default_rng(5)
    for number in range(2):
        blocks = Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8))
        blocks.resize((160, 120), Image.Resampling.BICUBIC).save(folder / f"photo {number}.png")
    return folder


def run(code: str, tmp_path: Path, *, timeout_seconds: float = 100) -> Measurement:
    log = tmp_path / "log"
    command = [sys.executable, "-c", code]
    return measure(command, env=dict(os.environ), cwd=tmp_path, log=log, timeout_seconds=timeout_seconds)


@pytest.mark.parametrize(("protocol", "files"), [("geometric", 6), ("edits", 10)])
def test_each_photograph_gets_one_file_of_each_kind(source: Path, tmp_path: Path, protocol: str, files: int) -> None:
    images = list(prepare(protocol, source, tmp_path).iterdir())
    assert len(images) == 2 * files
    assert {group_of(path) for path in images} == {"00000", "00001"}


@pytest.mark.parametrize("protocol", ["geometric", "edits"])
def test_copies_are_the_same_every_time_and_made_once(source: Path, tmp_path: Path, protocol: str) -> None:
    first, second = prepare(protocol, source, tmp_path / "a"), prepare(protocol, source, tmp_path / "b")
    assert first != second
    assert all((second / path.name).read_bytes() == path.read_bytes() for path in first.iterdir())
    stamps = [path.stat().st_mtime_ns for path in sorted(first.iterdir())]
    assert prepare(protocol, source, tmp_path / "a") == first
    assert stamps == [path.stat().st_mtime_ns for path in sorted(first.iterdir())]


def test_large_photographs_and_screenshots_are_as_large_as_named(source: Path, tmp_path: Path) -> None:
    sizes = {}
    for protocol in ("large", "screens"):
        for path in prepare(protocol, source, tmp_path, 1).iterdir():
            with Image.open(path) as picture:
                sizes[path.name] = (picture.format, picture.width * picture.height)
    assert {name: kind for name, (kind, _) in sizes.items()} == {
        **{f"00000_{kind}.jpg": "JPEG" for kind in ("original", "recompress", "crop")},
        **{f"00000_{kind}.png": "PNG" for kind in ("original", "page", "shrink")},
    }
    assert 11.9e6 < sizes["00000_original.jpg"][1] < 24.1e6
    assert sizes["00000_original.png"][1] == 1920 * 1080


def test_a_source_without_photographs_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no photographs"):
        prepare("edits", tmp_path / "empty", tmp_path / "work")


def test_copies_are_not_made_among_their_photographs(source: Path) -> None:
    with pytest.raises(DataError, match="lies inside"):
        prepare("edits", source, source / "work")


def test_vectors_that_rank_one_wrong_pair_between_two_right_ones_score_five_sixths(tmp_path: Path) -> None:
    # cosines: a_1 a_2 1.0, then b_1 c_1 0.9, then b_1 b_2 0.8; precision at the right ones is 1 and 2/3
    vectors = np.zeros((5, 4), "<f4")
    vectors[0, 0] = vectors[1, 0] = vectors[2, 1] = 1
    vectors[3, 1], vectors[3, 2] = 0.9, (1 - 0.81) ** 0.5
    vectors[4, 1], vectors[4, 3] = 0.8, 0.6
    names = ["a_1", "a_2", "b_1", "c_1", "b_2"]
    vectors.tofile(tmp_path / "features.dat")
    rows = "".join(f"{row},/p/{name}.jpg\n" for row, name in enumerate(names))
    (tmp_path / "features.dat.csv").write_text("index,filename\n" + rows)
    score = score_vectors(tmp_path / "features.dat", count_true_pairs([Path(name) for name in names]))
    assert (score.images, score.dimension) == (5, 4)
    assert score.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert score.sure_recall == 0.5
    assert score.sure_cosine == pytest.approx(1)


def test_listed_pairs_count_once_whatever_their_direction_and_from_the_threshold_on(tmp_path: Path) -> None:
    rows = ["/p/a_1.jpg,/p/a_2.jpg,1.0", "/p/a_2.jpg,/p/a_1.jpg,1.0", "/p/a_1.jpg,/p/b_1.jpg,0.9"]
    rows.append("/p/b_1.jpg,/p/b_2.jpg,0.5")
    (tmp_path / "similarity.csv").write_text("from,to,distance\n" + "\n".join(rows))
    score = score_pairs(tmp_path / "similarity.csv", true_pairs=4, threshold=0.85)
    assert (score.listed, score.precision, score.recall) == (2, 0.5, 0.25)


IMAGES = [Path(f"/p/{name}.jpg") for name in ("a_1", "a_2", "a_3", "b_1", "b_2", "c_1")]


def test_groups_are_scored_by_the_copies_that_stand_together_and_by_mixtures(tmp_path: Path) -> None:
    members = ["/p/a_1.jpg,x", "/p/a_2.jpg,x", "/p/a_3.jpg,y", "/p/b_1.jpg,y"]
    (tmp_path / "groups.csv").write_text("filename,group_id\n" + "\n".join(members))
    score = score_groups(tmp_path / "groups.csv", IMAGES, 0.85)
    assert (score.reported, score.found, score.mixed) == (2, 1 / 3, 1)


def test_the_kept_images_are_scored_by_the_originals_among_them(tmp_path: Path) -> None:
    rows = ["a_original,x,a_original", "a_crop,x,a_original", "b_original,y,b_gray", "b_gray,y,b_gray", "c_1,z,c_1"]
    lines = ["/p/{}.jpg,{},/p/{}.jpg".format(*row.split(",")) for row in rows]
    (tmp_path / "groups.csv").write_text("filename,group_id,keep\n" + "\n".join(lines))
    assert score_groups(tmp_path / "groups.csv", IMAGES, 0.85).originals_kept == 0.5


def test_pairs_without_groups_are_scored_by_their_components(tmp_path: Path) -> None:
    pairs = ["/p/a_1.jpg,/p/a_2.jpg,0.9", "/p/a_3.jpg,/p/a_2.jpg,0.9", "/p/b_1.jpg,/p/c_1.jpg,0.8"]
    (tmp_path / "similarity.csv").write_text("from,to,distance\n" + "\n".join(pairs))
    score = score_groups(tmp_path / "similarity.csv", IMAGES, 0.85)
    assert (score.reported, score.found, score.mixed) == (1, 2 / 3, 0)


def test_processor_time_and_memory_include_what_a_program_starts(tmp_path: Path) -> None:
    child = (
        "import time; held = bytearray(60_000_000); end = time.process_time() + 0.5\nwhile time.process_time() < end: 0"
    )
    code = f"import subprocess, sys; held = bytearray(60_000_000); subprocess.run([sys.executable, '-c', {child!r}])"
    taken = run(code, tmp_path)
    assert taken.exit_code == 0
    assert taken.cpu_seconds > 0.5
    assert taken.wall_seconds > 0.5
    assert 120e6 < taken.peak_bytes < 300e6


def test_memory_that_a_fork_shares_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import os, time; held = b'x' * 100_000_000; pid = os.fork(); open(f'forked-{pid > 0}', 'w')\n"
        "while not os.path.exists('seen'): time.sleep(0.01)\n"
        "pid and os.waitpid(pid, 0)"
    )
    sleep, looks = time.sleep, list[bool]()

    def sleep_after_a_look(seconds: float) -> None:
        looks.append(len(list(tmp_path.glob("forked-*"))) == 2)
        if looks.count(True) == 3:  # the two last looks saw both processes
            (tmp_path / "seen").touch()
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", sleep_after_a_look)
    assert 100e6 < run(code, tmp_path).peak_bytes < 160e6


def test_a_failing_program_gives_its_exit_code_and_a_slow_one_is_ended(tmp_path: Path) -> None:
    assert run("raise SystemExit(3)", tmp_path).exit_code == 3
    assert run("import time; time.sleep(60)", tmp_path, timeout_seconds=0.3).exit_code == -signal.SIGKILL


def test_a_tool_that_failed_has_a_row_that_says_so_and_no_bar() -> None:
    good, bad = Measurement(0, 2.0, 3.0, 10**8), Measurement(-11, 1.0, 1.0, 10**8)
    results = [
        Result(OURS, "1", "3.11", 10, [good], None, None, None),
        Result(FASTDUP, "2.54", "3.11", 10, [bad], None, None, None),
    ]
    image_set = ImageSet("edits", 10, 1, results)
    assert "failed with exit code -11" in report.table(image_set)
    assert report.ratios(image_set) == []
    assert chart.draw([image_set]).count("none") == 5  # four measures of the failed one, and ours without vectors


def test_the_command_measures_scores_and_writes_a_page_and_a_chart(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [str(source), str(tmp_path / "work"), "--protocols", "geometric", "--repeat", "1", "--name", "trial"]
    assert main([*asked, "--results", str(tmp_path / "results")]) == 0
    assert "12 x 576" in capsys.readouterr().out
    page = (tmp_path / "results" / "trial.md").read_text()
    assert "| dedup-assets |" in page
    assert str(tmp_path) not in page
    assert (tmp_path / "results" / "trial.svg").read_text().startswith("<svg ")


def test_a_peer_that_is_not_known_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["source", "work", "--peers", "nobody"])
    assert "known are evidence-off, fastdup" in capsys.readouterr().err
