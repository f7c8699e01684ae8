"""Which files a root is about: the longest path decides, after links are resolved."""

import os
from pathlib import Path

import pytest

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.root_roles import Roots, check_roots
from dedup_assets.engine.core.settings import Settings


def roots_of(*texts: str, places: tuple[str, ...] = ()) -> Roots:
    return Roots(Settings.parse(input_dir="in", work_dir="out", roots=list(texts)).roots, places)


def test_the_longest_root_decides_after_links_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "real" / "new").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    roots = roots_of(f"{tmp_path}/link:protected", f"{tmp_path}/real/new/:inbox")
    top = os.fsencode(tmp_path)
    assert roots.why_never(top + b"/real/1.jpg") == f"in the protected root '{tmp_path}/real'"
    assert roots.why_never(top + b"/link/1.jpg")
    assert roots.why_never(top + b"/link/album.zip/1.jpg")
    assert not roots.why_never(top + b"/link/new/1.jpg")
    assert not roots.why_never(top + b"/real/new/deep/\xff.jpg")
    assert roots.why_never(top + b"/realer/1.jpg") == "outside of all inboxes"


def test_without_an_inbox_what_lies_in_no_root_may_go() -> None:
    roots = roots_of("s3://bucket/library:reference", "/srv:protected")
    assert roots.why_never(b"s3a://bucket/library/x/1.jpg") == "in the reference root 's3://bucket/library'"
    assert not roots.why_never(b"s3://bucket/library2/1.jpg")
    assert roots.why_never(b"/srv/1.jpg")
    assert not roots.why_never(b"/home/1.jpg")
    assert roots_of("/:protected").why_never(b"/home/1.jpg") == "in the protected root '/'"


def test_copies_inside_one_place_are_left_alone_with_across_only() -> None:
    roots = roots_of("/a/deep:reference", places=("/a", "/b"))
    assert roots.why_not_beside(b"/a/1.jpg", b"/a/2.jpg") == "in one root with the kept file (across_only)"
    assert not roots.why_not_beside(b"/a/1.jpg", b"/a/deep/2.jpg")
    assert not roots.why_not_beside(b"/b/1.jpg", b"/a/2.jpg")
    assert roots.is_left_alone([b"/b/1.jpg", b"/b/2.jpg"])
    assert roots.is_left_alone([b"/a/deep/1.jpg", b"/a/deep/2.jpg"])
    assert not roots.is_left_alone([b"/a/1.jpg", b"/a/deep/2.jpg"])
    assert not roots_of("/a:protected").is_left_alone([b"/a/1.jpg", b"/a/2.jpg"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"roots": "/a"}, "'/a' is not PATH:ROLE, with a ROLE of protected, reference, inbox"),
        ({"roots": ["/a:mine"]}, "is not PATH:ROLE"),
        ({"roots": ["/a:inbox", "/a/:protected"]}, "'/a' is given twice"),
        ({"across_only": True}, "name at least two inputs or roots"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=r"roots|across_only") as caught:
        Settings.parse(**{"input_dir": "in", "work_dir": "out", **given})
    assert said in str(caught.value)


def test_a_root_that_is_not_there_protects_nothing_and_is_refused(tmp_path: Path) -> None:
    check_roots([f"{tmp_path}:protected", "s3://bucket/x:inbox"])
    with pytest.raises(SettingsError, match="gone' is no folder"):
        check_roots([f"{tmp_path}/gone:protected"])
