"""Which changes of an input are seen; one look may be made in pieces."""

import os
from pathlib import Path

import fsspec
import pytest

from dedup_assets.engine.core.errors import InputError
from dedup_assets.engine.inputs.listing import ListingOptions
from dedup_assets.engine.inputs.watching import Sighting, look


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Folders and files whose order changes if paths below them are compared instead of names."""
    for name in ("b/1.jpg", "b/2.png", "b.jpg", "b-c/deep/3.JPG", "a.zip", "a/z.mp4", "\udcff.jpg"):
        put(tmp_path / "photos" / name)
    return tmp_path / "photos"


def in_pieces(input_dir: str, size: int) -> tuple[Sighting, int]:
    """A complete look in pieces of `size` files, and the number of pieces."""
    pieces, found = 1, look(input_dir, most_files=size)
    while found.after:
        pieces, found = pieces + 1, look(input_dir, begun=found, most_files=size)
    return found, pieces


def test_images_archives_and_videos_count_and_nothing_else(photos: Path) -> None:
    for name in (".hidden.jpg", ".cache/x.jpg", "notes.txt"):
        put(photos / name)
    assert look(str(photos)).files == 7


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_look_in_pieces_is_the_look_at_once(photos: Path, size: int) -> None:
    found, pieces = in_pieces(str(photos), size)
    assert found == look(str(photos))
    assert pieces == (7 // size + 1 if size < 100 else 1)


def test_a_new_a_removed_a_renamed_and_a_changed_file_change_the_look(photos: Path) -> None:
    looks = {look(str(photos)).digest}
    put(photos / "c" / "new.jpg")
    looks.add(look(str(photos)).digest)
    (photos / "b.jpg").unlink()
    looks.add(look(str(photos)).digest)
    (photos / "b" / "1.jpg").rename(photos / "b" / "4.jpg")
    looks.add(look(str(photos)).digest)
    os.utime(photos / "b" / "4.jpg", ns=(5, 5))
    looks.add(look(str(photos)).digest)
    assert len(looks) == 5


def test_our_own_results_inside_the_input_are_not_seen(photos: Path) -> None:
    before = look(str(photos))
    put(photos / "results" / "gallery" / "x.jpg")
    assert look(str(photos), ListingOptions(work_dir=str(photos / "results"))) == before
    assert look(str(photos)) != before


def test_links_that_lead_back_end(photos: Path) -> None:
    (photos / "b" / "loop").symlink_to(photos)
    assert look(str(photos)).files == 7


def test_a_folder_that_went_between_two_pieces_does_no_harm(photos: Path) -> None:
    begun = look(str(photos), most_files=3)
    for path in (photos / "b-c" / "deep").iterdir():
        path.unlink()
    (photos / "b-c" / "deep").rmdir()
    assert not look(str(photos), begun=begun).after


def test_a_list_and_an_archive_are_looked_at_as_files(tmp_path: Path) -> None:
    rows = put(tmp_path / "rows.txt", b"a.jpg\n")
    before = look(str(rows))
    assert before.files == 1
    put(rows, b"a.jpg\nb.jpg\n")
    assert look(str(rows)) != before


def test_an_input_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        look(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="input_dir=''"):
        look("")


@pytest.mark.parametrize("size", [1, 2, 100])
def test_objects_of_any_store_are_seen(store: str, size: int) -> None:
    with fsspec.open(f"{store}/photos/b/1.jpg", "wb") as file:
        file.write(b"x")
    for name in ("a.jpg", "b.jpg", ".hidden/x.jpg", "notes.txt"):
        with fsspec.open(f"{store}/photos/{name}", "wb") as file:
            file.write(b"x")
    found, _ = in_pieces(f"{store}/photos", size)
    assert found == look(f"{store}/photos")
    assert found.files == 3


def test_objects_on_s3_are_seen_page_by_page(s3_bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "20")  # the most that a page of this server holds
    filesystem = fsspec.filesystem("s3")
    bucket = f"{s3_bucket}/uploads"
    filesystem.pipe({f"{bucket}/{number:04}.jpg": b"x" for number in range(55)})
    first = look(bucket)
    assert first.files == 55
    assert in_pieces(bucket, 20) == (first, 3)
    filesystem.pipe(f"{bucket}/0050.jpg", b"changed")
    assert look(bucket) != first
    assert look(f"{s3_bucket}/nothing here") == Sighting()


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_several_inputs_are_seen_one_after_the_other(photos: Path, tmp_path: Path, size: int) -> None:
    put(tmp_path / "more" / "a.jpg")
    inputs = [str(photos), str(tmp_path / "missing"), str(tmp_path / "more")]
    whole, found = look(inputs), look(inputs, most_files=size)
    while found.after:
        found = look(inputs, begun=found, most_files=size)
    assert whole.files == 8
    assert found == whole
