"""What `listing` finds, in which order, and what it refuses."""

import locale
import os
from collections import Counter
from pathlib import Path

import fsspec
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dedup_assets.engine.core.errors import InputError
from dedup_assets.engine.core.records import Manifest, OffsetRange
from dedup_assets.engine.inputs.kinds import IMAGE_EXTENSIONS
from dedup_assets.engine.inputs.list_files import read_labelled_rows
from dedup_assets.engine.inputs.listing import ListingOptions, list_images
from dedup_assets.engine.inputs.manifest import part, ranges
from dedup_assets_tests.support.pictures import SavePhoto

file_names = st.binary(min_size=1, max_size=60).map(lambda name: name.replace(b"\0", b"").replace(b"/", b"") + b".jpg")


def touch(*paths: Path | bytes, content: bytes = b"x") -> None:
    for path in paths:
        name = os.fsencode(path)
        os.makedirs(os.path.dirname(name), exist_ok=True)  # noqa: PTH103, PTH120 - a Path of bytes does not exist
        with open(name, "wb") as file:  # noqa: PTH123 - likewise
            file.write(content)


def listed(manifest: Manifest) -> list[bytes]:
    return manifest.images["filename"].to_list()


def inside(folder: Path, manifest: Manifest) -> list[str]:
    """Names relative to a folder."""
    return [os.path.relpath(os.fsdecode(name), folder) for name in listed(manifest)]


# Folders


def test_a_folder_is_searched_recursively_for_extensions_in_any_case(tmp_path: Path) -> None:
    touch(tmp_path / "b.JPG", tmp_path / "a" / "deep" / "x.JpEg", tmp_path / "a" / "note.txt", tmp_path / "c.gif")
    assert inside(tmp_path, list_images(str(tmp_path))) == ["a/deep/x.JpEg", "b.JPG", "c.gif"]


@pytest.mark.parametrize("extension", sorted(os.fsdecode(name) for name in IMAGE_EXTENSIONS))
def test_every_documented_extension_is_listed(tmp_path: Path, extension: str) -> None:
    touch(tmp_path / f"photo{extension.upper()}")
    assert len(list_images(str(tmp_path))) == 1


def test_hidden_files_and_folders_are_left_out_but_a_hidden_top_folder_is_not(tmp_path: Path) -> None:
    top = tmp_path / ".photos"
    touch(top / "a.jpg", top / ".b.jpg", top / ".thumbnails" / "c.jpg")
    assert inside(top, list_images(str(top))) == ["a.jpg"]


def test_the_work_dir_inside_the_input_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "out" / "thumbnail.jpg", tmp_path / "output" / "b.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    for work_dir in (tmp_path / "out", tmp_path / "link", tmp_path / "output" / ".." / "out"):
        assert inside(tmp_path, list_images(str(tmp_path), ListingOptions(work_dir=str(work_dir)))) == [
            "a.jpg",
            "output/b.jpg",
        ]


def test_names_are_absolute_whatever_the_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_photo: SavePhoto
) -> None:
    photo = save_photo(tmp_path / "photos" / "a.jpg")
    (tmp_path / "list.txt").write_text("photos/a.jpg\n./photos/../photos/a.jpg\nphotos\n")
    monkeypatch.chdir(tmp_path)
    for given_as in ("photos", "photos/", "./photos/a.jpg", "list.txt"):
        assert listed(list_images(given_as)) == [photo]


@settings(max_examples=30)
@given(names=st.lists(file_names, min_size=1, max_size=8, unique=True))
def test_names_of_any_bytes_are_listed_in_byte_order(
    tmp_path_factory: pytest.TempPathFactory, names: list[bytes]
) -> None:
    names = [b"n" + name for name in names]  # not hidden
    top = os.fsencode(tmp_path_factory.mktemp("any"))
    touch(*(top + b"/" + name for name in names))
    assert listed(list_images(os.fsdecode(top))) == sorted(top + b"/" + name for name in names)


def test_the_order_is_that_of_bytes_in_every_locale(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("é.jpg", "Z.jpg", "a.jpg", "B.jpg", "_.jpg")))
    before = locale.setlocale(locale.LC_ALL)
    try:
        for name in ("C", "C.UTF-8", ""):
            locale.setlocale(locale.LC_ALL, name)
            assert inside(tmp_path, list_images(str(tmp_path))) == ["B.jpg", "Z.jpg", "_.jpg", "a.jpg", "é.jpg"]
    finally:
        locale.setlocale(locale.LC_ALL, before)


# Links


def test_loops_of_links_end_and_every_real_folder_is_listed_once(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "x.jpg", tmp_path / "b" / "y.jpg")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "side").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "side").symlink_to(tmp_path / "a")
    assert inside(tmp_path, list_images(str(tmp_path))) == ["a/x.jpg", "b/y.jpg"]


def test_a_linked_folder_gives_images_the_names_of_the_real_one(tmp_path: Path) -> None:
    touch(tmp_path / "m" / "real" / "x.jpg")
    (tmp_path / "a_link").symlink_to(tmp_path / "m" / "real")
    (tmp_path / "z_link").symlink_to(tmp_path / "m" / "real")
    assert inside(tmp_path, list_images(str(tmp_path))) == ["m/real/x.jpg"]


def test_links_to_folders_elsewhere_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere" / "x.jpg")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "link").symlink_to(tmp_path / "elsewhere")
    assert inside(tmp_path / "photos", list_images(str(tmp_path / "photos"))) == ["link/x.jpg"]


def test_links_to_nothing_and_to_themselves_are_missing_images(tmp_path: Path) -> None:
    (tmp_path / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    manifest = list_images(str(tmp_path))
    assert inside(tmp_path, manifest) == ["nowhere.jpg", "self.jpg"]
    assert manifest.images["size_bytes"].to_list() == [-1, -1]


def test_a_subfolder_that_vanishes_while_listing_is_one_missing_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "a" / "x.jpg", tmp_path / "b" / "y.jpg")
    scandir = os.scandir

    def scan_late(folder: bytes) -> object:
        if folder.endswith(b"/b"):
            (tmp_path / "b" / "y.jpg").unlink()
            (tmp_path / "b").rmdir()
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", scan_late)
    manifest = list_images(str(tmp_path))
    assert inside(tmp_path, manifest) == ["a/x.jpg", "b"]
    assert manifest.images["size_bytes"].to_list() == [1, -1]


# Single images and lists


def test_a_single_image_is_a_listing_of_one(tmp_path: Path) -> None:
    touch(tmp_path / "one.JPG", content=b"four")
    manifest = list_images(str(tmp_path / "one.JPG"))
    assert inside(tmp_path, manifest) == ["one.JPG"]
    assert manifest.images["size_bytes"].to_list() == [4]
    assert manifest.listed == 1


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_list_may_have_blank_rows_and_either_line_end_and_mix_files_and_folders(
    tmp_path: Path, line_end: bytes
) -> None:
    touch(tmp_path / "photos" / "x.jpg", tmp_path / "odd.dat", tmp_path / "a b, c.png")
    rows = [b"", os.fsencode(tmp_path / "photos"), b"   ", os.fsencode(tmp_path / "odd.dat")]
    rows += [os.fsencode(tmp_path / "a b, c.png"), os.fsencode(tmp_path / "gone.jpg")]
    (tmp_path / "list.txt").write_bytes(line_end.join(rows))
    manifest = list_images(str(tmp_path / "list.txt"))
    assert inside(tmp_path, manifest) == ["a b, c.png", "gone.jpg", "odd.dat", "photos/x.jpg"]
    assert manifest.images["size_bytes"].to_list() == [1, -1, 1, 1]


def test_comments_of_a_list_and_rows_of_a_table_without_a_name_are_counted(tmp_path: Path) -> None:
    touch(tmp_path / "x.jpg", tmp_path / "#1.jpg")
    text, table = tmp_path / "list.txt", tmp_path / "list.csv"
    text.write_text(f"# of March\n{tmp_path}/x.jpg\n\n# of April\n{tmp_path}/#1.jpg\n")
    table.write_text(f"filename,label\n{tmp_path}/x.jpg,cat\n,dog\n\n{tmp_path}/#1.jpg,cat\n ,\n")
    counted = {text: {"comments in a list": 2}, table: {"rows of a list without a name": 2}}
    for path, left_out in counted.items():
        one, several = list_images(str(path)), list_images([str(path)])
        assert inside(tmp_path, one) == inside(tmp_path, several) == ["#1.jpg", "x.jpg"]
        assert one.left_out == several.left_out == left_out


def test_a_file_that_is_named_like_a_comment_is_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path / "# 1.jpg")
    (tmp_path / "list.txt").write_text("# 1.jpg\n# two\n")
    assert inside(tmp_path, list_images("list.txt")) == ["# 1.jpg"]


def test_a_row_that_stands_twice_is_listed_once(tmp_path: Path) -> None:
    touch(tmp_path / "x.jpg")
    (tmp_path / "list.txt").write_text(f"{tmp_path}/x.jpg\n{tmp_path}\n{tmp_path}/x.jpg\n")
    assert inside(tmp_path, list_images(str(tmp_path / "list.txt"))) == ["x.jpg"]


@settings(max_examples=30)
@given(names=st.lists(file_names, min_size=1, max_size=5, unique=True))
@example([b"\nfirst.jpg", b"second.jpg\n", b"\r\n", b" ", b"a\nb.jpg"])
def test_a_list_split_by_nul_keeps_names_of_any_bytes(
    tmp_path_factory: pytest.TempPathFactory, names: list[bytes]
) -> None:
    top = os.fsencode(tmp_path_factory.mktemp("any"))
    paths = [top + b"/" + name for name in names]
    touch(*paths)
    (Path(os.fsdecode(top)) / "list").write_bytes(b"\0".join(paths) + b"\0")
    assert listed(list_images(os.fsdecode(top) + "/list")) == sorted(paths)


def test_a_list_as_windows_writes_it_has_a_byte_order_mark_that_is_no_name(tmp_path: Path) -> None:
    touch(tmp_path / "x.jpg")
    touch(tmp_path / "list.txt", content=b"\xef\xbb\xbf" + os.fsencode(tmp_path / "x.jpg") + b"\r\n")
    assert inside(tmp_path, list_images(str(tmp_path / "list.txt"))) == ["x.jpg"]


@pytest.mark.parametrize("name", ["list.txt", "list.csv"])
@pytest.mark.parametrize("kind", ["utf-16-le", "utf-16-be"])
def test_a_list_in_utf_16_is_read_where_its_mark_says_so(tmp_path: Path, name: str, kind: str) -> None:
    touch(tmp_path / "ü.jpg")
    text = ("filename\r\n" if name == "list.csv" else "") + f"{tmp_path}/ü.jpg\r\n"
    touch(tmp_path / name, content=f"\ufeff{text}".encode(kind))
    assert inside(tmp_path, list_images(str(tmp_path / name))) == ["ü.jpg"]
    touch(tmp_path / name, content=text.encode(kind))
    with pytest.raises(InputError, match=r"seems to be in UTF-16"):
        list_images(str(tmp_path / name))


BROKEN_ROWS = {
    "a quote that does not close": b'"%s/b.jpg,dog',
    "the last quote that does not close": b'%s/b.jpg,"dog',
    "an inch at the end": b'"%s/b.jpg,5',
    "a field of 10 MB": b"%s/b.jpg," + b"x" * 10_000_000,
    "a quoted field of 10 MB": b'%s/b.jpg,"' + b"x" * 10_000_000 + b'"',
}


@pytest.mark.parametrize("row", BROKEN_ROWS.values(), ids=BROKEN_ROWS.keys())
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_row_of_a_table_that_cannot_be_read_costs_itself_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, row: bytes, line_end: bytes, mark: bytes
) -> None:
    top = os.fsencode(tmp_path)
    touch(*(tmp_path / f"{name}.jpg" for name in "abcde"), tmp_path / 'f"5.jpg')
    rows = [b"filename,label", b"%s/a.jpg,cat", row, b'"%s/c.jpg","of two' + line_end + b'lines"', b'%s/d.jpg,5"']
    rows += [b'"%s/e.jpg",cat', b'%s/f"5.jpg,cat']
    content = mark + line_end.join(rows).replace(b"%s", top) + line_end
    touch(tmp_path / "list.csv", content=content)
    manifest = list_images(str(tmp_path / "list.csv"))
    assert inside(tmp_path, manifest) == ["a.jpg", "c.jpg", "d.jpg", "e.jpg", 'f"5.jpg']
    assert manifest.left_out == {"rows of a list that are no CSV": 1}
    assert "list.csv', line 3 is left out" in caplog.text
    found = [name for name, _ in read_labelled_rows(top + b"/list.csv", "label")]
    assert found == listed(manifest)
    assert caplog.text.count("line 3 is left out") == 1
    list(read_labelled_rows(top + b"/list.csv", "label", Counter()))
    assert caplog.text.count("line 3 is left out") == 2


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", b""), ("a.csv", b"filename,split\n"), ("a.txt", b"# a comment\n")]
)
def test_a_list_without_a_row_is_said_to_name_no_file(tmp_path: Path, name: str, content: bytes) -> None:
    touch(tmp_path / name, content=content)
    with pytest.raises(InputError, match=r"a\.[a-z]*': the list names no file( \(left out: .*\))?$"):
        list_images(str(tmp_path / name))


def test_a_table_of_which_hardly_a_row_closes_its_quote_is_read_to_its_end(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", content=b"x")
    broken = b'"x.jpg,cat\n' * 20_000
    touch(tmp_path / "list.csv", content=b"filename,label\n%s%s/a.jpg,cat\n" % (broken, os.fsencode(tmp_path)))
    manifest = list_images(str(tmp_path / "list.csv"))
    assert inside(tmp_path, manifest) == ["a.jpg"]
    assert manifest.left_out == {"rows of a list that are no CSV": 20_000}


def test_nul_bytes_in_a_table_cost_their_rows_alone(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "c.jpg")
    content = f"filename,label\n{tmp_path}/a.jpg,cat\n{tmp_path}/b\0.jpg,dog\n{tmp_path}/c.jpg,cat\n"
    touch(tmp_path / "list.csv", content=content.encode())
    manifest = list_images(str(tmp_path / "list.csv"))
    assert dict(zip(inside(tmp_path, manifest), manifest.images["size_bytes"], strict=True)) == {
        "a.jpg": 1,
        "b\0.jpg": -1,
        "c.jpg": 1,
    }


def test_a_row_of_10_mb_in_a_list_is_one_bad_name(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "c.jpg")
    touch(
        tmp_path / "list.txt",
        content=b"%s/a.jpg\n%s\n%s/c.jpg\n" % (top := os.fsencode(tmp_path), b"x" * 10_000_000, top),
    )
    manifest = list_images(str(tmp_path / "list.txt"))
    assert sorted(manifest.images["size_bytes"]) == [-1, 1, 1]


def test_an_empty_name_in_a_list_split_by_nul_is_passed_over(tmp_path: Path) -> None:
    touch(tmp_path / "x.jpg")
    touch(tmp_path / "list", content=b"\0" + os.fsencode(tmp_path / "x.jpg") + b"\0\0")
    assert inside(tmp_path, list_images(str(tmp_path / "list"))) == ["x.jpg"]


def test_a_list_in_a_folder_whose_name_looks_like_a_chained_url_is_read(tmp_path: Path) -> None:
    touch(tmp_path / "x.jpg")
    touch(tmp_path / "a::b" / "list.txt", content=os.fsencode(tmp_path / "x.jpg"))
    assert inside(tmp_path, list_images(str(tmp_path / "a::b" / "list.txt"))) == ["x.jpg"]


NOT_TEXT = {
    "zip": b"PK\3\4\x14\0\0\0\x08\0abc",
    "gzip": b"\x1f\x8b\x08abc",
    "mp4": b"\0\0\0\x18ftypmp42",
    "json": b'[{"file_name": "a.jpg"}]',
    "json lines": b'{"file_name": "a.jpg"}\n{"file_name": "b.jpg"}\n',
}


@pytest.mark.parametrize("content", NOT_TEXT.values(), ids=NOT_TEXT.keys())
def test_a_file_that_is_neither_an_image_by_name_nor_text_is_refused(tmp_path: Path, content: bytes) -> None:
    touch(tmp_path / "photos.bin", content=content)
    with pytest.raises(InputError, match=r"photos\.bin.*(neither an image|is JSON)"):
        list_images(str(tmp_path / "photos.bin"))


IMAGE_HEADS = {
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "gif": b"GIF89a\x10\0\x10\0\xf0\0\0\0\0\0",
    "tiff": b"II*\0\x08\0\0\0",
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0",
    "webp": b"RIFF\x24\0\0\0WEBPVP8 ",
}


@pytest.mark.parametrize("head", IMAGE_HEADS.values(), ids=IMAGE_HEADS.keys())
def test_a_file_without_an_extension_is_an_image_where_it_begins_like_one(tmp_path: Path, head: bytes) -> None:
    touch(tmp_path / "photos" / "IMG_0001", content=head)
    touch(tmp_path / "photos" / "README", tmp_path / "photos" / "empty", content=b"")
    assert inside(tmp_path / "photos", list_images(str(tmp_path / "photos"))) == ["IMG_0001"]
    assert len(list_images(str(tmp_path / "photos" / "IMG_0001"))) == 1


# What is refused


def test_what_was_left_out_is_said_before_the_extensions_looked_for(tmp_path: Path) -> None:
    touch(tmp_path / "notes.txt")
    with pytest.raises(
        InputError, match=r"holds no image, and .* \(left out: 1 \.txt\); names of images end in \.jpg, "
    ):
        list_images(str(tmp_path))


def test_an_empty_folder_is_refused_with_the_extensions_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no image.* end in \.jpg, .* or one of \d\d other"):
        list_images(str(tmp_path))


@pytest.mark.parametrize(
    "name", ["", "/nowhere/at/all", "/nowhere/" + "n" * 300, "/nowhere/a\0b", "foo://bucket/x", "foo://x.jpg"]
)
def test_an_input_that_cannot_be_listed_is_named_in_one_line(name: str) -> None:
    with pytest.raises(InputError) as refused:
        list_images(name)
    assert f"input_dir={name!r}" in str(refused.value) or repr(name) in str(refused.value)
    assert "\n" not in str(refused.value)


# Offsets


@pytest.fixture
def ten(tmp_path: Path) -> str:
    """A folder of ten images, 0.jpg to 9.jpg."""
    touch(*(tmp_path / f"{number}.jpg" for number in range(10)))
    return str(tmp_path)


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ({}, range(10)),
        ({"min_offset": 0, "max_offset": 3}, range(3)),
        ({"min_offset": 0}, range(10)),
        ({"max_offset": 1}, range(1)),
        ({"min_offset": 3, "max_offset": 10}, range(3, 10)),
        ({"min_offset": 9}, range(9, 10)),
        ({"num_images": 4}, range(4)),
        ({"min_offset": 8, "num_images": 4}, range(8, 10)),
        ({"min_offset": 2, "max_offset": 6, "num_images": 3}, range(2, 5)),
        ({"num_images": 100}, range(10)),
    ],
)
def test_offsets_are_half_open_and_num_images_counts_after_them(
    ten: str, offsets: dict[str, int], expected: range
) -> None:
    manifest = list_images(ten, ListingOptions(**offsets))
    assert manifest.images["index"].to_list() == list(expected)
    assert inside(Path(ten), manifest) == [f"{number}.jpg" for number in expected]
    assert manifest.listed == 10


@pytest.mark.parametrize("offsets", [{"min_offset": 10}, {"max_offset": 11}, {"min_offset": 3, "max_offset": 50}])
def test_offsets_beyond_the_end_are_refused_with_the_length_of_the_listing(ten: str, offsets: dict[str, int]) -> None:
    with pytest.raises(InputError, match="the listing has 10 images"):
        list_images(ten, ListingOptions(**offsets))


def test_shards_of_the_listing_add_up_to_the_listing(ten: str) -> None:
    shards = [list_images(ten, ListingOptions(min_offset=low, max_offset=min(low + 4, 10))) for low in range(0, 10, 4)]
    assert [name for shard in shards for name in listed(shard)] == listed(list_images(ten))


@given(low=st.integers(0, 9), count=st.integers(1, 10), size=st.integers(1, 12))
def test_ranges_cover_a_manifest_once_aligned_to_the_shard_size(low: int, count: int, size: int) -> None:
    whole = _manifest_of(range(low, min(low + count, 10)))
    cut = ranges(whole, size)
    assert all(offsets.min_offset % size == 0 and offsets.max_offset == offsets.min_offset + size for offsets in cut)
    parts = [part(whole, offsets) for offsets in cut]
    assert all(len(piece) for piece in parts)
    assert [name for piece in parts for name in listed(piece)] == listed(whole)


def _manifest_of(numbers: range) -> Manifest:
    images = pl.DataFrame(
        [(number, b"%d" % number, 1, "") for number in numbers],
        schema={"index": pl.Int64, "filename": pl.Binary, "size_bytes": pl.Int64, "version": pl.String},
        orient="row",
    )
    return Manifest(images, len(numbers), "")


def test_a_range_beyond_the_listing_is_empty(ten: str) -> None:
    assert len(part(list_images(ten), OffsetRange(20, 30))) == 0


def test_the_digest_changes_with_names_sizes_and_times_and_with_nothing_else(ten: str) -> None:
    before = list_images(ten).digest
    assert list_images(ten).digest == before
    os.utime(Path(ten) / "4.jpg", ns=(1, 1))
    after_touch = list_images(ten).digest
    (Path(ten) / "4.jpg").write_bytes(b"longer")
    os.utime(Path(ten) / "4.jpg", ns=(1, 1))
    after_growth = list_images(ten).digest
    (Path(ten) / "4.jpg").rename(Path(ten) / "4a.jpg")
    assert len({before, after_touch, after_growth, list_images(ten).digest}) == 4


def test_a_file_of_the_same_size_and_modification_time_has_another_version(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    touch(photo, content=b"before")
    before, times = list_images(str(tmp_path)), photo.stat()
    while photo.stat().st_ctime_ns == times.st_ctime_ns:  # the clock of a file system ticks every few milliseconds
        photo.write_bytes(b"after!")
        os.utime(photo, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert photo.stat().st_mtime_ns == times.st_mtime_ns
    assert list_images(str(tmp_path)).digest != before.digest


# Stores


def test_a_store_is_searched_like_a_folder(store: str) -> None:
    filesystem = fsspec.filesystem("memory")
    for name in ("p/b.JPG", "p/a/x.png", "p/.h/x.png", "p/.h.png", "p/note.txt", "p/out/t.jpg", "other/y.jpg"):
        filesystem.pipe(f"/bucket/{name}", b"xy")
    manifest = list_images(f"{store}/p", ListingOptions(work_dir=f"{store}/p/out"))
    assert listed(manifest) == [b"memory:///bucket/p/a/x.png", b"memory:///bucket/p/b.JPG"]
    assert manifest.images["size_bytes"].to_list() == [2, 2]
    assert all(manifest.images["version"])
    assert len(list_images(f"{store}/p/b.JPG")) == 1


def test_rows_of_a_list_may_be_objects_prefixes_and_missing_objects(store: str, tmp_path: Path) -> None:
    filesystem = fsspec.filesystem("memory")
    filesystem.pipe("/bucket/p/a.jpg", b"xy")
    filesystem.pipe("/bucket/p/q/b.jpg", b"xyz")
    filesystem.pipe("/bucket/odd", b"z")
    rows = [f"{store}/p/q", f"{store}/odd", f"{store}/p/gone.jpg"]
    (tmp_path / "list.txt").write_bytes("\n".join(rows).encode() + b"\n" + store.encode() + b"/p/\xff.jpg\n")
    manifest = list_images(str(tmp_path / "list.txt"))
    assert dict(zip(listed(manifest), manifest.images["size_bytes"], strict=True)) == {
        b"memory:///bucket/p/q/b.jpg": 3,
        b"memory:///bucket/odd": 1,
        b"memory://bucket/p/gone.jpg": -1,
        b"memory://bucket/p/\xff.jpg": -1,
    }


def test_a_list_may_lie_in_a_store(store: str) -> None:
    fsspec.filesystem("memory").pipe("/bucket/p/a.jpg", b"xy")
    fsspec.filesystem("memory").pipe("/bucket/list.txt", f"{store}/p/a.jpg\n".encode())
    assert listed(list_images(f"{store}/list.txt")) == [b"memory:///bucket/p/a.jpg"]


def test_a_prefix_that_holds_nothing_is_refused(store: str) -> None:
    with pytest.raises(InputError, match="no such object or prefix"):
        list_images(f"{store}/nothing")


def test_a_pattern_as_input_says_how_to_give_it(store: str, tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg")
    with pytest.raises(InputError, match=r"name the folder, '.*/in', and include=\['\*\.jpg'\]"):
        list_images(str(tmp_path / "in" / "*.jpg"))
    with pytest.raises(InputError, match=rf"name the folder, '{store}', and include=\['\*\.jpg'\]"):
        list_images(f"{store}/*.jpg")
