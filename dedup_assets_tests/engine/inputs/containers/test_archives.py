"""Images in archives are found and read in place; hostile archives do no harm."""

import io
import lzma
import os
import struct
import tarfile
import time
import zipfile
import zlib
from pathlib import Path

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode, Source
from dedup_assets.engine.inputs.containers import contents, member, zips
from dedup_assets.engine.inputs.containers.names import archives_around, member_name, split_frame
from dedup_assets.engine.inputs.reading import read, read_source
from dedup_assets_tests.support.containers import outcome, outcomes, sources

FILES = {"a.jpg": b"content of a", "sub/b.png": b"content of b" * 50, "ü, 1.jpg": b"content of u"}
KINDS = ["x.zip", "X.ZIP", "x.tar", "x.tar.gz", "x.tgz", "x.tar.bz2", "x.tar.xz"]


def pack(path: Path, files: dict[str, bytes] | None = None) -> Path:
    """Write an archive; its name decides the kind."""
    files = FILES if files is None else files
    if path.name.lower().endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    mode = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(path.name.rsplit(".")[-1], "w")
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_images_of_their_own_named_by_archive_and_path(kind: str, tmp_path: Path) -> None:
    path = pack(tmp_path / kind, FILES | {"notes.txt": b"", ".hidden/c.jpg": b"c", "__MACOSX/._a.jpg": b"d"})
    assert outcomes(path) == FILES
    assert {source.container for source in sources(path).values()} == {os.fsencode(path)}
    for name, content in FILES.items():
        assert read(os.fsencode(path / name)) == content


@pytest.mark.parametrize("kind", KINDS)
def test_archives_are_found_in_folders_and_lists(kind: str, tmp_path: Path) -> None:
    path = pack(tmp_path / "sub" / kind) if (tmp_path / "sub").mkdir() is None else tmp_path
    (tmp_path / "list.txt").write_text(f"{path}\n{path}/a.jpg\n{path}/gone.jpg\n")
    found = {f"sub/{kind}/{name}" for name in FILES}
    assert sources(tmp_path).keys() == found
    assert {name.removeprefix(f"{tmp_path}/") for name in sources(tmp_path / "list.txt")} == {
        *found,
        f"sub/{kind}/gone.jpg",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_archives_on_a_store_are_read_in_place(kind: str, store: str, tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe(f"/bucket/{kind}", pack(tmp_path / kind).read_bytes())
    found = sources(f"{store}/{kind}")
    assert {name.split(f"{kind}/")[1]: read_source(source) for name, source in found.items()} == FILES
    assert read(f"{store}/{kind}/a.jpg".encode()) == FILES["a.jpg"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_version_changes_with_the_archive(kind: str, tmp_path: Path) -> None:
    before = sources(pack(tmp_path / kind))
    assert sources(tmp_path / kind) == before
    os.utime(tmp_path / kind, (1, 1))
    after = sources(tmp_path / kind)
    assert all(after[name].version != before[name].version for name in FILES)


def test_a_changed_archive_is_opened_again(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip")
    assert read(os.fsencode(path / "a.jpg")) == FILES["a.jpg"]
    pack(path, {"0.jpg": b"more than before" * 100, "a.jpg": b"new"})
    assert read(os.fsencode(path / "a.jpg")) == b"new"


def test_the_last_of_several_members_of_a_name_has_the_name_and_none_is_lost(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for content in (b"first", b"second", b"third"):
            entry = tarfile.TarInfo("./a.jpg")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    assert outcomes(tmp_path / "x.tar") == {"a.jpg": b"third", "a.jpg#1": b"second", "a.jpg#2": b"first"}


def test_names_that_lead_out_of_an_archive_stay_inside_it_and_touch_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a secret on the disk")
    names = ["../a.jpg", "../../../../etc/a.jpg", f"{tmp_path}/a.jpg", "x/../../a.jpg"]
    for kind in ("x.zip", "x.tar"):
        path = pack(tmp_path / kind, dict.fromkeys(names, b"inside"))
        found = sources(path)
        assert len(found) == len(names)
        for name, source in found.items():
            assert ".." not in name.split("/")
            assert os.path.normpath(source.name) == os.fsdecode(source.name).encode()
            assert read_source(source) == read(source.name) == b"inside"


@given(st.binary(min_size=1, max_size=30).filter(lambda path: b"\0" not in path))
def test_a_member_name_never_leads_elsewhere(path: bytes) -> None:
    name = member_name(b"/p/x.zip", path)
    assert os.path.normpath(name + b"end") == name + b"end"
    assert name.startswith(b"/p/x.zip/")
    assert b"/p/x.zip" in archives_around(name)
    assert split_frame(name) is None


@given(content=st.binary(max_size=300), kind=st.sampled_from(KINDS))
def test_any_bytes_called_an_archive_are_one_bad_image_or_none(
    content: bytes, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"wild {kind}"
    path.write_bytes(content)
    found = list(contents.list_inside(Source(os.fsencode(path), len(content), "1"), 1.0))
    assert all(isinstance(outcome(source), ErrorCode) for source in found)


@given(data=st.data())
def test_a_damaged_archive_gives_only_what_was_in_it(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / data.draw(st.sampled_from(KINDS))
    content = bytearray(pack(path).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(bytes(content[: cut if data.draw(st.booleans()) else len(content)]))
    found = list(contents.list_inside(Source(os.fsencode(path), len(content), "1"), 1.0))
    is_told = any(source.container is None for source in found)
    for source in found:
        # A tar has no checksum over a member, so only the decoder sees a changed byte. A wrong checksum over the whole
        # archive is a row of its own.
        is_right = (result := outcome(source)) in FILES.values()
        assert isinstance(result, ErrorCode) or is_right or path.name == "x.tar" or (is_told and "zip" not in path.name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_archive_gives_a_bad_image_with_the_reason(kind: str, tmp_path: Path) -> None:
    files = {f"{number}.jpg": os.urandom(5000) for number in range(5)}
    path = pack(tmp_path / kind, files)
    path.write_bytes(path.read_bytes()[:14_000])
    found = outcomes(path)
    assert found[str(path)] is ErrorCode.CORRUPT_IMAGE
    if not kind.endswith(("zip", "ZIP", "bz2")):  # bzip2 packs blocks of 900 kB
        assert found["0.jpg"] == files["0.jpg"]
    for name, content in files.items():
        assert found.get(name) in {None, content, ErrorCode.TRUNCATED_IMAGE, ErrorCode.UNREADABLE}


def test_an_empty_file_and_a_fifo_called_archives_are_bad_images(tmp_path: Path) -> None:
    (tmp_path / "a.zip").touch()
    (tmp_path / "b.tar").touch()
    os.mkfifo(tmp_path / "c.tgz")
    (tmp_path / "d.zip").symlink_to(tmp_path / "gone.zip")
    assert outcomes(tmp_path) == {
        "a.zip": ErrorCode.ZERO_SIZE_FILE,
        "b.tar": ErrorCode.ZERO_SIZE_FILE,
        "c.tgz": ErrorCode.UNREADABLE,
        "d.zip": ErrorCode.MISSING_FILE,
    }


def test_archives_and_videos_inside_archives_are_not_entered_but_named(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"a.jpg": b"a", "in.zip": b"b", "clip.mp4": b"c", "deep/in.tar.gz": b"d"})
    codes = dict.fromkeys(("in.zip", "clip.mp4", "deep/in.tar.gz"), ErrorCode.UNSUPPORTED_FORMAT)
    assert outcomes(path) == {"a.jpg": b"a", **codes}


def test_an_encrypted_member_is_refused_by_name(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"a.jpg": b"a", "b.jpg": b"b"})
    content = path.read_bytes()
    place = content.index(b"PK\x01\x02")  # the first entry of the directory; its flags are 8 bytes further
    path.write_bytes(content[: place + 8] + b"\x01" + content[place + 9 :])
    assert outcomes(path) == {"a.jpg": ErrorCode.UNSUPPORTED_FORMAT, "b.jpg": b"b"}


def test_a_bomb_is_refused_by_its_size_or_cut_where_it_lies_about_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zips, "MAX_MEMBER_BYTES", 10_000_000)
    path = pack(tmp_path / "x.zip", {"bomb.jpg": bytes(10_000_001)})
    assert outcomes(path) == {"bomb.jpg": ErrorCode.IMAGE_TOO_LARGE}
    small = path.read_bytes().replace(struct.pack("<I", 10_000_001), struct.pack("<I", 1000))
    path.write_bytes(small)
    assert outcomes(path) == {"bomb.jpg": ErrorCode.CORRUPT_IMAGE}


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    packed = zlib.compress(bytes(100_000), wbits=-15)
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0, zlib.crc32(bytes(100_000)), len(packed), 100_000, 5, 0)
    body = local + b"0.jpg" + packed
    entries = b"".join(
        struct.pack(
            "<4s6H3I5H2I",
            *(b"PK\1\2", 20, 20, 0, 8, 0, 0, zlib.crc32(bytes(100_000)), len(packed), 100_000, 5, 0, 0, 0, 0, 0, place),
        )
        + b"%d.jpg" % place
        for place in range(3)
    )
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 3, 3, len(entries), len(body), 0)
    (tmp_path / "x.zip").write_bytes(body + entries + end)
    found = outcomes(tmp_path / "x.zip")
    assert len(found) == 3
    assert set(found.values()) == {ErrorCode.CORRUPT_IMAGE}


def test_a_compressed_tar_that_expands_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dedup_assets.engine.inputs.containers.streams._FREE_BYTES", 100_000)
    path = pack(tmp_path / "x.tgz", {"a.jpg": b"a", "zeros.bin": bytes(20_000_000), "b.jpg": b"b"})
    assert outcomes(path) == {"a.jpg": b"a", str(path): ErrorCode.CORRUPT_IMAGE}


def test_links_inside_a_tar_are_followed_and_others_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"a secret on the disk")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        entry = tarfile.TarInfo("sub/a.jpg")
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"a"))
        for name, kind, target in (
            ("hard.jpg", tarfile.LNKTYPE, "sub/a.jpg"),
            ("sub/soft.jpg", tarfile.SYMTYPE, "a.jpg"),
            ("out.jpg", tarfile.SYMTYPE, str(tmp_path / "secret.jpg")),
            ("fifo.jpg", tarfile.FIFOTYPE, ""),
            ("zero.jpg", tarfile.CHRTYPE, ""),
        ):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, target
            archive.addfile(link)
    assert outcomes(tmp_path / "x.tar") == {
        "sub/a.jpg": b"a",
        "hard.jpg": b"a",
        "sub/soft.jpg": b"a",
        "out.jpg": ErrorCode.MISSING_FILE,
        "fifo.jpg": ErrorCode.UNSUPPORTED_FORMAT,
        "zero.jpg": ErrorCode.UNSUPPORTED_FORMAT,
    }


def test_names_of_any_bytes_survive(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w", errors="surrogateescape", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo(os.fsdecode(b"\xff\n,\x22.jpg")), io.BytesIO())
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        packed.writestr("\u00e9.jpg".encode().decode("cp437"), b"")
    content = (
        (tmp_path / "x.zip").read_bytes().replace("\u00e9.jpg".encode().decode("cp437").encode(), "\u00e9.jpg".encode())
    )
    assert content
    names = [os.fsdecode(name) for name in sources(tmp_path)]
    assert names == ["x.tar/" + os.fsdecode(b"\xff\n,\x22.jpg"), "x.zip/\u00e9.jpg"]


def test_a_folder_called_like_an_archive_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.zip").mkdir()
    (tmp_path / "x.zip" / "a.jpg").write_bytes(b"a")
    assert outcomes(tmp_path) == {"x.zip/a.jpg": b"a"}
    assert read(os.fsencode(tmp_path / "x.zip" / "a.jpg")) == b"a"


def test_the_largest_member_is_as_large_as_the_largest_file() -> None:
    from dedup_assets.engine.inputs import reading

    assert member.MAX_MEMBER_BYTES <= reading.MAX_FILE_BYTES


def test_a_dictionary_is_refused_only_beyond_the_largest_usual_size(tmp_path: Path) -> None:
    plain, path = pack(tmp_path / "x.tar").read_bytes(), tmp_path / "x.tar.xz"
    path.write_bytes(lzma.compress(plain, preset=9))
    assert outcomes(path) == FILES
    path.write_bytes(say_large_dictionary(lzma.compress(plain)))
    assert outcomes(path) == {str(path): ErrorCode.IMAGE_TOO_LARGE}
    with pytest.raises(ImageError, match=r"needs more than \d+ bytes of memory to be decompressed"):
        read(os.fsencode(path))


def say_large_dictionary(packed: bytes) -> bytes:
    """An .xz file whose first block says that it needs 512 MiB (the .xz format 1.2, 3.1 and 5.3.1)."""
    head, size = 12, (packed[12] + 1) * 4
    assert packed[head + 2 : head + 4] == b"\x21\x01"
    block = packed[head : head + 4] + bytes([34]) + packed[head + 5 : head + size - 4]
    return packed[:head] + block + struct.pack("<I", zlib.crc32(block)) + packed[head + size :]


def test_an_xz_of_several_streams_is_read_whole_and_a_cut_one_is_told(tmp_path: Path) -> None:
    plain = pack(tmp_path / "x.tar").read_bytes()
    path = tmp_path / "y.tar.xz"
    path.write_bytes(lzma.compress(plain[:700]) + bytes(8) + lzma.compress(plain[700:]))
    assert outcomes(path) == FILES
    path.write_bytes(path.read_bytes()[:-40])
    assert outcomes(path)[str(path)] is ErrorCode.CORRUPT_IMAGE


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_of_too_many_files_is_told_and_not_held(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member, "MOST_MEMBERS", 50)
    path = pack(tmp_path / kind, {f"{n}.jpg": b"content" for n in range(51)})
    found = outcomes(path)
    assert found[str(path)] is ErrorCode.IMAGE_TOO_LARGE
    assert len(found) == (1 if kind.lower().endswith("zip") else 51)
    assert len(outcomes(pack(tmp_path / kind, {f"{n}.jpg": b"content" for n in range(50)}))) == 50


def test_a_directory_that_says_it_is_huge_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "_DIRECTORY_BYTES", 1000)
    path = pack(tmp_path / "x.zip", {f"{n}.jpg": b"content" for n in range(50)})
    assert outcomes(path) == {str(path): ErrorCode.IMAGE_TOO_LARGE}


def test_an_archive_that_holds_itself_is_not_entered(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip")
    for _ in range(3):  # each archive has the name of the one around it
        path.write_bytes(pack(tmp_path / "y.zip", {"x.zip": path.read_bytes(), "a.jpg": b"a"}).read_bytes())
    assert outcomes(path) == {"a.jpg": b"a", "x.zip": ErrorCode.UNSUPPORTED_FORMAT}
    with pytest.raises(ImageError):
        read(os.fsencode(path) + b"/x.zip/x.zip/a.jpg")


def extended(kind: bytes, text: bytes) -> bytes:
    """A header of this type with its text, then the header of an empty file."""
    head = tarfile.TarInfo("pax")
    head.type, head.size = kind, len(text)
    padded = text.ljust(-(-len(text) // 512) * 512, b"\0")
    return head.tobuf(tarfile.USTAR_FORMAT) + padded + tarfile.TarInfo("a.jpg").tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize(
    "text",
    [
        b"3 \n" * 100_000 + b"=",  # each record makes a naive parser search to the end
        b"1" * 300_000,
        b"300014 comment=" + b"1" * 299_998 + b"\n",
        b"99999999 a=b\n",
        b"10 a=bcdefg\n",
    ],
)
@pytest.mark.parametrize("kind", [b"x", b"g"])
def test_an_extended_header_that_takes_for_ever_is_damage(text: bytes, kind: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(extended(kind, text) + bytes(1024))
    before = time.process_time()
    assert outcomes(path) == {str(path): ErrorCode.CORRUPT_IMAGE}
    assert time.process_time() - before < 5


def test_headers_for_all_files_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dedup_assets.engine.inputs.containers.streams._HEADER_BYTES", 100_000)
    path = tmp_path / "x.tar"
    path.write_bytes(b"".join(extended(b"g", b"20008 k%d=" % n + b"v" * 20_000 + b"\n") for n in range(10, 30)))
    found = outcomes(path)
    assert found[str(path)] is ErrorCode.CORRUPT_IMAGE
    assert len(found) < 6


def test_long_names_and_extended_headers_that_are_right_are_read(tmp_path: Path) -> None:
    name = "x" * 140 + "/" + "g" * 600 + ".jpg"
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        with tarfile.open(tmp_path / "x.tar", "w", format=form, pax_headers={"comment": "of all"}) as archive:
            entry = tarfile.TarInfo(name)
            entry.size, entry.pax_headers = 1, {"SCHILY.xattr.user.preview": "a=b\n" * 50_000}
            archive.addfile(entry, io.BytesIO(b"a"))
        assert outcomes(tmp_path / "x.tar") == {name: b"a"}


def test_a_sparse_map_without_an_end_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dedup_assets.engine.inputs.containers.streams._HEADER_BYTES", 100_000)
    text = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n27 GNU.sparse.name=a.jpg\n\n"[:-1]
    path = tmp_path / "x.tar"
    path.write_bytes(extended(b"x", text) + b"9" * 10_000_000)
    before = time.process_time()
    assert set(outcomes(path).values()) <= {ErrorCode.CORRUPT_IMAGE, ErrorCode.UNSUPPORTED_FORMAT}
    assert time.process_time() - before < 5


def test_compressed_archives_read_in_turns_hold_few_decompressors(tmp_path: Path) -> None:
    paths = [pack(tmp_path / f"{n}.tar.xz") for n in range(8)]
    listed = [sources(path) for path in paths]
    for name, content in FILES.items():
        for found in listed:
            assert read_source(found[name]) == content
    holding = [1 for _, archive in contents._opened._archives.values() if getattr(archive, "_stream", None)]
    assert len(holding) <= 3


def tar_with_header(changes: dict[int, bytes]) -> bytes:
    """A tar of one member, with some bytes of its header replaced and a correct checksum."""
    header = bytearray(tarfile.TarInfo("a.jpg").tobuf())
    for place, content in changes.items():
        header[place : place + len(content)] = content
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1536)


def zip_with_size(size: int) -> bytes:
    """A zip64 archive whose only member claims these sizes, packed and unpacked (APPNOTE 4.5.3)."""
    name, extra, unknown = b"a.jpg", struct.pack("<HHQQ", 1, 16, size, size), 0xFFFFFFFF
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 45, 0, 0, 0, 0, 0, unknown, unknown, len(name), len(extra))
    member_bytes = local + name + extra + b"x" * 50
    entry = struct.pack(
        "<4sHHHHHHIIIHHHHHII", b"PK\1\2", 45, 45, 0, 0, 0, 0, 0, unknown, unknown, len(name), len(extra), 0, 0, 0, 0, 0
    )
    directory = entry + name + extra
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(member_bytes), 0)
    return member_bytes + directory + end


BEYOND = {
    "size 2^88.tar": tar_with_header({124: b"\x80" + b"\xff" * 11}),
    "size 2^63.tar": tar_with_header({124: b"\x80" + bytes(3) + b"\x80" + bytes(7)}),
    "size below 0.tar": tar_with_header({124: b"\xff" * 12}),
    "time 2^88.tar": tar_with_header({136: b"\x80" + b"\xff" * 11}),
    "sparse.tar": tar_with_header({156: b"S", 386: b"\xff" * 24, 483: b"\x80" + b"\xff" * 11}),
    "size 2^64.zip": zip_with_size(2**64 - 1),
    "size 2^63.zip": zip_with_size(2**63),
    "size 2^62.zip": zip_with_size(2**62),
}


@pytest.mark.parametrize("name", BEYOND)
def test_a_header_beyond_all_sizes_costs_its_archive_and_nothing_else(name: str, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    (tmp_path / name).write_bytes(BEYOND[name])
    found = outcomes(tmp_path)
    assert found.pop("photo.jpg") == b"photo"
    assert found
    assert all(isinstance(outcome, ErrorCode) for outcome in found.values())


@settings(max_examples=60)
@given(data=st.data(), kind=st.sampled_from(["x.zip", "x.tar", "x.tar.gz"]))
def test_no_archive_whatever_its_bytes_ends_a_listing(
    data: st.DataObject, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("wild")
    (folder / "photo.jpg").write_bytes(b"photo")
    content = bytearray(pack(folder / kind).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(content), 2000) - 1))
        content[place : place + data.draw(st.sampled_from([0, 1, 8]))] = data.draw(
            st.one_of(st.binary(max_size=12), st.sampled_from([b"\xff" * 8, b"\x80" + bytes(7), bytes(8)]))
        )
    if kind == "x.tar" and len(content) > 512:
        content[148:156] = b" " * 8
        content[148:156] = b"%06o\0 " % sum(content[:512])
    (folder / kind).write_bytes(content)
    assert outcomes(folder)["photo.jpg"] == b"photo"
