"""Which files are listed, and how the others are counted."""

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import fsspec
import pytest

from dedup_assets.engine.inputs.kinds import EXTRAS, is_installed
from dedup_assets.engine.inputs.listing import ListingOptions, list_images
from dedup_assets.engine.inputs.selection import describe_left_out
from dedup_assets.engine.inputs.watching import look

JPEG = b"\xff\xd8\xff\xe0"


def put(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG)


def found(top: Path, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> tuple[list[str], dict[str, int]]:
    """Names of the listed files below a folder, and the counts of those left out."""
    manifest = list_images(str(top), ListingOptions(include=include, exclude=exclude))
    return [os.path.relpath(os.fsdecode(name), top) for name in manifest.images["filename"]], dict(manifest.left_out)


def test_files_of_other_kinds_are_counted_by_extension(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", tmp_path / "a.txt", tmp_path / "sub" / "b.TXT", tmp_path / "c.xmp", tmp_path / "x.\x1b[31m")
    (tmp_path / "README").write_text("words")
    listed, left_out = found(tmp_path)
    assert listed == ["a.jpg"]
    assert left_out == {".txt": 2, ".xmp": 1, "no extension": 1, "other extensions": 1}


@pytest.mark.parametrize("extra", [extra for extra in EXTRAS if not is_installed(extra)], ids=lambda extra: extra.name)
def test_formats_of_an_extra_that_is_not_installed_are_said(extra: object, tmp_path: Path) -> None:
    assert isinstance(extra, type(EXTRAS[0]))
    suffix = sorted(extra.extensions)[0].decode()
    put(tmp_path / "a.jpg", tmp_path / f"b{suffix}")
    _, left_out = found(tmp_path)
    assert describe_left_out(left_out) == f"1 {suffix} (needs the extra {extra.name!r})"


FOREIGN = (
    "@eaDir", "#recycle", "$RECYCLE.BIN", "__MACOSX", ".thumbnails", ".Trash-1000", ".git", ".dedup-trash", ".staged",
)  # fmt: skip


@pytest.mark.parametrize("folder", FOREIGN)
def test_folders_that_programs_make_for_themselves_are_left_out(folder: str, tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", tmp_path / "sub" / folder / "b.jpg")
    listed, left_out = found(tmp_path)
    assert listed == ["a.jpg"]
    assert sum(left_out.values()) == 1
    assert found(tmp_path / "sub" / folder)[0] == ["b.jpg"]  # such a folder is listed if the input names it


def test_files_that_systems_put_beside_images_are_left_out(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", tmp_path / "._a.jpg", tmp_path / ".DS_Store", tmp_path / ".b.jpg")
    assert found(tmp_path) == (["a.jpg"], {"._": 1, ".DS_Store": 1, "hidden": 1})


def test_members_of_archives_are_chosen_and_counted_like_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("a.jpg", "sub/b.png", "__MACOSX/._a.jpg", "@eaDir/t.jpg", "notes.txt"):
            archive.writestr(name, b"x")
    assert found(tmp_path) == (["x.zip/a.jpg", "x.zip/sub/b.png"], {".txt": 1, "@eaDir": 1, "__MACOSX": 1})
    assert found(tmp_path, exclude=["*.png"])[0] == ["x.zip/a.jpg"]
    assert found(tmp_path, include=["sub/*"])[0] == ["x.zip/sub/b.png"]


PATTERNS = [
    ({}, ["a.jpg", "deep/raw/c.jpg", "raw/b.jpg", "raw/x/d.png"]),
    ({"exclude": ["*.png"]}, ["a.jpg", "deep/raw/c.jpg", "raw/b.jpg"]),
    ({"exclude": ["raw"]}, ["a.jpg"]),
    ({"exclude": ["raw/"]}, ["a.jpg"]),
    ({"exclude": ["/raw"]}, ["a.jpg", "deep/raw/c.jpg"]),
    ({"exclude": ["raw/*.jpg"]}, ["a.jpg", "deep/raw/c.jpg", "raw/x/d.png"]),
    ({"exclude": ["**/raw/**"]}, ["a.jpg"]),
    ({"exclude": ["[!a]*.jpg", "raw/x"]}, ["a.jpg"]),
    ({"include": ["*.png"]}, ["raw/x/d.png"]),
    ({"include": ["raw/**"]}, ["raw/b.jpg", "raw/x/d.png"]),
    ({"include": ["*.jpg"], "exclude": ["deep"]}, ["a.jpg", "raw/b.jpg"]),
]


@pytest.mark.parametrize(("patterns", "expected"), PATTERNS)
def test_patterns_choose_files_and_folders(
    patterns: dict[str, list[str]], expected: list[str], tmp_path: Path, store: str
) -> None:
    names = ["a.jpg", "raw/b.jpg", "raw/x/d.png", "deep/raw/c.jpg"]
    put(*(tmp_path / name for name in names))
    listed, left_out = found(tmp_path, **patterns)
    assert listed == expected
    assert (len(listed) < len(names)) == ("excluded by pattern" in left_out)
    fsspec.filesystem("memory").pipe({f"/bucket/in/{name}": JPEG for name in names})
    options = ListingOptions(**patterns)
    on_store = list_images(f"{store}/in", options).images["filename"].to_list()
    assert on_store == [f"memory:///bucket/in/{name}".encode() for name in expected]
    assert look(str(tmp_path), options).files == look(f"{store}/in", options).files == len(expected)


def test_a_pattern_matches_names_that_are_not_utf8(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", tmp_path / os.fsdecode(b"\xff.jpg"))
    assert found(tmp_path, exclude=[os.fsdecode(b"\xff*")])[0] == ["a.jpg"]


def test_transport_streams_are_videos_and_typescript_is_not(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    (tmp_path / "code.ts").write_text("export const answer: number = 42;\n" * 20)
    (tmp_path / "clip.ts").write_bytes((b"G" + bytes(187)) * 4)
    (tmp_path / "clip.mts").write_bytes((bytes(4) + b"G" + bytes(187)) * 4)
    assert found(tmp_path) == (["a.jpg", "clip.mts", "clip.ts"], {".ts": 1})


def test_objects_without_an_extension_are_images_where_they_begin_like_one(store: str) -> None:
    fsspec.filesystem("memory").pipe({"/bucket/in/0a1b": JPEG, "/bucket/in/words": b"words", "/bucket/in/b.jpg": JPEG})
    manifest = list_images(f"{store}/in")
    assert manifest.images["filename"].to_list() == [b"memory:///bucket/in/0a1b", b"memory:///bucket/in/b.jpg"]
    assert manifest.left_out == {"no extension": 1}
