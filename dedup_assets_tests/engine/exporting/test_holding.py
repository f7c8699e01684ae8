"""Folders that appear whole, and names of images as paths that every file system takes, each its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dedup_assets.engine.exporting.holding import ending_of, relative_paths, whole_folder
from dedup_assets_tests.support.places import ROOT

_BEGINS = """
import sys
from dedup_assets.engine.exporting.holding import whole_folder
with whole_folder(sys.argv[1]) as partial:
    (partial / "half.jpg").write_bytes(b"half")
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_each_image_has_a_path_of_its_own_below_what_all_share() -> None:
    names = [b"/p/x/a.jpg", b"/p/y/a.jpg", b"/p/y/A.jpg", b"/p/\xff\n.jpg"]
    assert relative_paths(names) == ["x/a.jpg", "y/a.jpg", "y/A (2).jpg", "%FF%0A.jpg"]
    assert relative_paths([b"s3://b/p/1.jpg", b"/home/1.jpg"]) == ["s3/b/p/1.jpg", "home/1.jpg"]
    assert relative_paths([b"s3://b/../1.jpg", b"s3://b/2.jpg"]) == ["__/1.jpg", "2.jpg"]
    assert relative_paths([b"/p/only.jpg"]) == ["only.jpg"]


def test_an_extension_is_what_other_tools_expect() -> None:
    assert [ending_of(name) for name in (b"/a/b.JPG", b"b", b"x.j\xff", b"a.tar.gz")] == [".jpg", "", "", ".gz"]


def begin(out: Path) -> "subprocess.Popen[bytes]":
    """A process that is writing an export."""
    process = subprocess.Popen(
        [sys.executable, "-c", _BEGINS, str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="has no locks of folders")
def test_the_next_export_removes_what_a_killed_one_has_left_and_nothing_else(tmp_path: Path) -> None:
    killed, at_work = begin(tmp_path / "out"), begin(tmp_path / "out")
    others = [".out.0123456789ab.dedup-assets.tmp.mine", ".other.0123456789ab.dedup-assets.tmp", ".out.tmp"]
    for name in others:
        (tmp_path / name).mkdir()
    link = tmp_path / ".out.0123456789ab.dedup-assets.tmp"
    link.symlink_to(tmp_path / others[0])
    killed.kill()
    killed.communicate()
    before = {path.name for path in tmp_path.iterdir()}
    assert len(before) == len(others) + 3
    with whole_folder(str(tmp_path / "out")) as partial:
        (partial / "whole.jpg").write_bytes(b"whole")
        left = {path.name for path in tmp_path.iterdir()} - {partial.name}
    assert len(left) == len(before) - 1
    assert left > {link.name, *others}
    at_work.communicate(b"")
    assert at_work.returncode != 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["whole.jpg"]
    assert {path.name for path in tmp_path.iterdir()} == {"out", link.name, *others}
