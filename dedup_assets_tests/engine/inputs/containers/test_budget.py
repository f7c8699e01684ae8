"""An archive that would take hours to unpack costs its time limit and one bad image, and the run goes on."""

import bz2
import gzip
import lzma
import os
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from dedup_assets.engine.core.defaults import IMAGE_SECONDS
from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode, Source
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.inputs.containers import budget, contents, streams, zips
from dedup_assets.engine.inputs.reading import read, read_source
from dedup_assets_tests.engine.inputs.containers.test_archives import FILES, KINDS, outcome, pack

LITTLE = 0.05  # seconds; unpacking each bomb takes more than ten times as long
GENEROUS = 600.0
ZEROS = 4 << 20  # of one compressed stream


def tar_entry(name: str, size: int, content: bytes = b"") -> bytes:
    """The header of a member, and its content if it is given."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf() + content.ljust(-(-len(content) // 512) * 512, b"\0")


def photo(name: str) -> bytes:
    return tar_entry(name, 5, b"photo")


PACK: dict[str, Callable[[bytes], bytes]] = {
    "x.tar.gz": lambda content: gzip.compress(content, 1),
    "x.tar.bz2": lambda content: bz2.compress(content, 1),
    "x.tar.xz": lambda content: lzma.compress(content, preset=0),
}
COMPRESSED = sorted(PACK)


def bomb(kind: str, times: int = 512) -> bytes:
    """A tar with 2 GiB of zeros between two photographs, in many valid streams."""
    before = photo("a.jpg") + tar_entry("zeros.bin", times * ZEROS)
    return PACK[kind](before) + PACK[kind](bytes(ZEROS)) * times + PACK[kind](photo("b.jpg") + bytes(1024))


def empty_streams(kind: str) -> bytes:
    """A tar with many empty streams between its members: much to read, and no output."""
    nothing = {"x.tar.gz": 300_000, "x.tar.bz2": 500_000, "x.tar.xz": 200_000}[kind]
    return PACK[kind](photo("a.jpg")) + PACK[kind](b"") * nothing + PACK[kind](photo("b.jpg") + bytes(1024))


@pytest.fixture
def no_earnings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are read of an archive add no time to its limit."""
    monkeypatch.setattr(budget, "_SECONDS_A_BYTE", 0.0)


@pytest.fixture(autouse=True)
def _much_may_come_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_FREE_BYTES", 1 << 40)


def write(path: Path, content: bytes) -> Source:
    path.write_bytes(content)
    return Source(os.fsencode(path), len(content), "1")


def listed(archive: Source, seconds: float) -> dict[str, Source]:
    found = contents.list_inside(archive, 1.0, seconds)
    return {os.fsdecode(source.name.removeprefix(archive.name + b"/")): source for source in found}


def test_the_time_is_that_of_the_setting() -> None:
    assert Settings.model_fields["image_seconds"].default == IMAGE_SECONDS


@pytest.mark.usefixtures("no_earnings")
@pytest.mark.parametrize("make", [bomb, empty_streams])
@pytest.mark.parametrize("kind", COMPRESSED)
def test_an_archive_that_cannot_be_listed_in_its_time_is_told_beside_what_was_found(
    kind: str, make: Callable[[str], bytes], tmp_path: Path
) -> None:
    archive = write(tmp_path / kind, make(kind))
    found = listed(archive, LITTLE)
    assert found.keys() == {"a.jpg", str(tmp_path / kind)}
    assert read_source(found["a.jpg"], LITTLE) == b"photo"
    with pytest.raises(ImageError, match=r"image_seconds=0\.05 .*; raise image_seconds, or unpack") as caught:
        read_source(found[str(tmp_path / kind)], LITTLE)
    assert caught.value.code is ErrorCode.UNREADABLE


@pytest.mark.usefixtures("no_earnings")
@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_member_that_takes_too_long_is_bad_and_those_before_it_are_good(
    kind: str, tmp_path: Path, seconds_by_question: Callable[[], float]
) -> None:
    found = listed(write(tmp_path / kind, bomb(kind, 8)), GENEROUS)
    assert found.keys() == {"a.jpg", "b.jpg"}
    for _ in range(2):
        with pytest.raises(ImageError, match="raise image_seconds") as caught:
            read_source(found["b.jpg"], 20.0)
        assert caught.value.code is ErrorCode.UNREADABLE
        before = seconds_by_question()
        assert outcome_in(found["b.jpg"], 20.0) is ErrorCode.UNREADABLE
        assert seconds_by_question() == before + 1  # a member that took too long is not unpacked again
        assert read_source(found["a.jpg"], 20.0) == b"photo"


@pytest.fixture
def seconds_by_question(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """A clock that advances by one second at each reading, which is once per step."""
    seconds = count(0.0)
    monkeypatch.setattr(time, "thread_time", lambda: next(seconds))
    return time.thread_time


def outcome_in(source: Source, seconds: float) -> bytes | ErrorCode:
    try:
        return read_source(source, seconds)
    except ImageError as problem:
        return problem.code


@pytest.mark.usefixtures("no_earnings")
def test_an_archive_is_tried_again_with_more_time(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.bz2"
    archive = write(path, bomb(path.name, 2))
    assert str(path) in listed(archive, 0.0)
    assert outcome_in(listed(archive, GENEROUS)["b.jpg"], 0.0) is ErrorCode.UNREADABLE
    assert {name: outcome(source) for name, source in listed(archive, GENEROUS).items()} == {
        "a.jpg": b"photo",
        "b.jpg": b"photo",
    }


@pytest.mark.usefixtures("no_earnings", "seconds_by_question")
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_member_of_a_zip_that_cannot_be_unpacked_in_its_time_is_bad_alone(method: int, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.jpg", b"photo")
        archive.writestr("bomb.jpg", bytes(24 << 20))
        archive.writestr("b.jpg", b"photo")
    found = listed(Source(os.fsencode(path), 1, "1"), LITTLE)
    assert {name: outcome_in(source, 20.0) for name, source in found.items()} == {
        "a.jpg": b"photo",
        "bomb.jpg": ErrorCode.UNREADABLE,
        "b.jpg": b"photo",
    }
    assert len(read(os.fsencode(path / "bomb.jpg"))) == 24 << 20


@pytest.fixture
def longest_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The largest input and the largest output of one step, in bytes."""
    most = [0, 0]

    def watched(make: Callable[..., object]) -> Callable[..., object]:
        class Watched:
            def __init__(self, *args: object, **more: object) -> None:
                self._decoder = make(*args, **more)

            def __getattr__(self, name: str) -> object:
                return getattr(self._decoder, name)

            def decompress(self, given: bytes, most_out: int = 0) -> bytes:
                content = self._decoder.decompress(given, most_out)  # type: ignore[attr-defined]
                most[:] = max(most[0], len(given)), max(most[1], len(content))
                return content  # type: ignore[no-any-return]

        return Watched

    monkeypatch.setattr(lzma, "LZMADecompressor", watched(lzma.LZMADecompressor))
    monkeypatch.setattr(bz2, "BZ2Decompressor", watched(bz2.BZ2Decompressor))
    monkeypatch.setattr(zlib, "decompressobj", watched(zlib.decompressobj))
    if hasattr(zlib, "_ZlibDecompressor"):
        monkeypatch.setattr(zlib, "_ZlibDecompressor", watched(zlib._ZlibDecompressor))
    return most


@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_bounded_and_honest_archives_are_read_to_the_byte(
    kind: str, longest_steps: list[int], tmp_path: Path
) -> None:
    files = {"large.jpg": os.urandom(1_200_000) + bytes(4 << 20), **FILES}
    path = pack(tmp_path / kind, files)
    found = listed(Source(os.fsencode(path), 1, "1"), IMAGE_SECONDS)
    assert {name: outcome(source) for name, source in found.items()} == files
    most_in, most_out = longest_steps
    assert most_in <= budget.STEP_BYTES
    assert most_out <= budget.STEP_BYTES
    assert (most_out > 1 << 12) == (kind != "x.tar")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("change", [-1, 0, 1])
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_member_of_a_zip_is_whole_however_small_the_steps_are(
    method: int, change: int, step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zips, "STEP_BYTES", step)
    content = b"photo" * 100 + os.urandom(300) + bytes(1000)
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.jpg", content)
        archive.infolist()[0].file_size += change
    found = listed(Source(os.fsencode(path), 1, "1"), IMAGE_SECONDS)
    assert outcome(found["a.jpg"]) == (content if not change else ErrorCode.CORRUPT_IMAGE)


def test_an_archive_earns_time_by_what_is_read_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack(tmp_path / "x.tar.gz", {"noise.jpg": os.urandom(4 << 20)})
    seconds = count(0, 0.001)  # each reading of the clock takes 1 ms: some hundred, of 4 s earned
    monkeypatch.setattr(time, "thread_time", lambda: next(seconds))
    assert listed(Source(os.fsencode(path), 1, "1"), 0.05).keys() == {"noise.jpg"}
    monkeypatch.setattr(budget, "_SECONDS_A_BYTE", 0.0)
    assert str(path) in listed(Source(os.fsencode(path), 1, "1"), 0.05)


def test_headers_of_a_plain_tar_are_listed_in_bounded_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write(tmp_path / "x.tar", b"".join(photo(f"{n}.jpg") for n in range(100)) + bytes(1024))
    seconds = count(0, 0.5)
    monkeypatch.setattr(time, "thread_time", lambda: next(seconds))
    found = listed(archive, 20.0)
    assert str(tmp_path / "x.tar") in found
    assert 10 < len(found) < 50


def test_a_stream_goes_back_in_steps_too(longest_steps: list[int], tmp_path: Path) -> None:
    plain = os.urandom(900_000) + bytes(2 << 20)
    path = tmp_path / "x.tar.bz2"
    path.write_bytes(bz2.compress(plain))
    with streams.open_stream(os.fsencode(path), IMAGE_SECONDS) as stream:
        assert stream.seek(2 << 20) == 2 << 20
        assert stream.seek(500_000) == 500_000
        assert stream.take(700_000) == plain[500_000:1_200_000]
    assert longest_steps[1] <= budget.STEP_BYTES
