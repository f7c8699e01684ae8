"""One file is one image, however many names lead to it."""

import os
from pathlib import Path

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup_assets.engine.core.records import Manifest
from dedup_assets.engine.inputs.listing import list_images


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(manifest: Manifest, top: Path) -> list[str]:
    return [os.path.relpath(os.fsdecode(name), top) for name in manifest.images["filename"]]


def links(manifest: Manifest, top: Path) -> list[tuple[str, str, str]]:
    assert manifest.links is not None
    return [
        (os.path.relpath(os.fsdecode(name), top), os.path.relpath(os.fsdecode(same_as), top), kind)
        for name, same_as, kind in manifest.links.iter_rows()
    ]


def test_a_symlink_and_a_hard_link_are_the_file_that_they_lead_to(tmp_path: Path) -> None:
    linked, twin = put(tmp_path / "photos" / "0.jpg"), put(tmp_path / "photos" / "1.jpg")
    (tmp_path / "a_favourites").mkdir()
    (tmp_path / "a_favourites" / "0.jpg").symlink_to(linked)
    (tmp_path / "a_favourites" / "1.jpg").hardlink_to(twin)
    manifest = list_images(str(tmp_path))
    assert names(manifest, tmp_path) == ["a_favourites/1.jpg", "photos/0.jpg"]
    assert links(manifest, tmp_path) == [
        ("a_favourites/0.jpg", "photos/0.jpg", "symlink"),
        ("photos/1.jpg", "a_favourites/1.jpg", "hardlink"),
    ]


def test_links_alone_are_listed_under_the_first_of_their_names(tmp_path: Path) -> None:
    photo = put(tmp_path / "elsewhere" / "photo.jpg")
    (tmp_path / "in").mkdir()
    for name in ("b.jpg", "a.jpg"):
        (tmp_path / "in" / name).symlink_to(photo)
    manifest = list_images(str(tmp_path / "in"))
    assert names(manifest, tmp_path) == ["in/a.jpg"]
    assert links(manifest, tmp_path) == [("in/b.jpg", "in/a.jpg", "symlink")]


@pytest.mark.parametrize("order", [("photos", "a_alias"), ("a_alias", "photos")])
def test_a_folder_that_two_inputs_name_is_listed_once(tmp_path: Path, order: tuple[str, str]) -> None:
    put(tmp_path / "photos" / "sub" / "x.jpg")
    (tmp_path / "a_alias").symlink_to(tmp_path / "photos")
    manifest = list_images([str(tmp_path / name) for name in order])
    assert names(manifest, tmp_path) == ["photos/sub/x.jpg"]
    assert links(manifest, tmp_path) == [("a_alias/sub/x.jpg", "photos/sub/x.jpg", "same_folder")]


def test_a_file_in_a_list_and_in_a_folder_beside_it_is_listed_once(tmp_path: Path) -> None:
    photo = put(tmp_path / "photos" / "x.jpg")
    (tmp_path / "z.jpg").symlink_to(photo)
    manifest = list_images([str(tmp_path / "z.jpg"), str(photo), str(tmp_path / "photos"), f"file://{photo}"])
    assert names(manifest, tmp_path) == ["photos/x.jpg"]
    assert links(manifest, tmp_path) == [("z.jpg", "photos/x.jpg", "symlink")]


def test_a_linked_folder_inside_the_input_gives_links_and_a_loop_gives_none(tmp_path: Path) -> None:
    put(tmp_path / "real" / "x.jpg")
    (tmp_path / "a_link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "up").symlink_to(tmp_path)
    manifest = list_images(str(tmp_path))
    assert names(manifest, tmp_path) == ["real/x.jpg"]
    assert links(manifest, tmp_path) == [("a_link/x.jpg", "real/x.jpg", "same_folder")]


def test_a_link_in_one_input_to_a_folder_of_a_later_one_is_no_name_of_its_images(tmp_path: Path) -> None:
    put(tmp_path / "b" / "real" / "x.jpg")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "link").symlink_to(tmp_path / "b" / "real")
    manifest = list_images([str(tmp_path / "a"), str(tmp_path / "b")])
    assert names(manifest, tmp_path) == ["b/real/x.jpg"]
    assert links(manifest, tmp_path) == [("a/link/x.jpg", "b/real/x.jpg", "same_folder")]


def test_a_second_name_of_an_archive_is_no_second_archive(tmp_path: Path) -> None:
    put(tmp_path / "broken.zip")
    (tmp_path / "z.zip").hardlink_to(tmp_path / "broken.zip")
    manifest = list_images(str(tmp_path))
    assert names(manifest, tmp_path) == ["broken.zip"]
    assert links(manifest, tmp_path) == [("z.zip", "broken.zip", "hardlink")]


def test_an_object_under_two_spellings_of_its_url_is_listed_once(s3_bucket: str) -> None:
    fsspec.filesystem("s3").pipe(f"{s3_bucket}/spelled/x.jpg", b"x")
    url = f"{s3_bucket}/spelled/x.jpg"
    other = url.replace("s3://", "s3a://")
    manifest = list_images([url, other, url])
    assert manifest.images["filename"].to_list() == [url.encode()]
    assert manifest.links is not None
    assert manifest.links.rows() == [(other.encode(), url.encode(), "same_object")]


@settings(max_examples=40)
@given(
    files=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True),
    made=st.lists(st.tuples(st.sampled_from("uvwxyz"), st.integers(0, 3), st.booleans()), max_size=6),
)
def test_every_name_is_listed_or_a_link_to_one_that_is(
    tmp_path_factory: pytest.TempPathFactory, files: list[str], made: list[tuple[str, int, bool]]
) -> None:
    top = tmp_path_factory.mktemp("linked")
    targets = [put(top / f"{name}.jpg", name.encode()) for name in files]
    for name, target, is_hard in made:
        link = top / f"{name}.jpg"
        if not link.exists():
            (link.hardlink_to if is_hard else link.symlink_to)(targets[target % len(targets)])
    manifest = list_images(str(top))
    listed, others = names(manifest, top), links(manifest, top)
    assert sorted([*listed, *(name for name, *_ in others)]) == sorted(path.name for path in top.iterdir())
    assert len(listed) == len(files)
    assert all(same_as in listed and (top / name).samefile(top / same_as) for name, same_as, _ in others)
