"""Files are read by name, and everything that is not a readable file has an error code."""

import os
import socket
import threading
import time
from pathlib import Path

import fsspec
import pytest

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.inputs import reading
from dedup_assets.engine.inputs.reading import read


def refused(name: bytes) -> ImageError:
    """The error of a name that cannot be read."""
    with pytest.raises(ImageError) as error:
        read(name)
    assert str(error.value)
    return error.value


def test_a_file_is_read_whole_whatever_bytes_its_name_has(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b'/a\n",\xff.jpg'
    content = os.urandom(100_000)
    with open(name, "wb") as file:  # noqa: PTH123 - a Path of bytes does not exist
        file.write(content)
    assert read(name) == content


def test_a_fifo_without_a_writer_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    error = refused(os.fsencode(tmp_path / "pipe.jpg"))
    assert error.code is ErrorCode.UNREADABLE
    assert str(error) == "is not a regular file, but a FIFO"


def test_the_writer_of_a_fifo_never_meets_a_reader(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    written = threading.Thread(target=lambda: pipe.write_bytes(b"for somebody else"), daemon=True)
    written.start()  # opening waits for a reader
    refused(os.fsencode(pipe))
    time.sleep(0.2)
    assert written.is_alive()
    assert pipe.read_bytes() == b"for somebody else"


@pytest.mark.parametrize("device", [b"/dev/zero", b"/dev/null", b"/dev/tty"])
def test_device_files_are_refused(device: bytes) -> None:
    assert refused(device).code is ErrorCode.UNREADABLE
    assert str(refused(device)) == "is not a regular file, but a device"


def test_a_folder_and_a_socket_are_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.jpg")  # a relative path, because socket paths have a short limit
        assert refused(b"socket.jpg").code is ErrorCode.UNREADABLE
        assert str(refused(b"socket.jpg")) == "is not a regular file, but a socket"
    assert refused(os.fsencode(tmp_path)).code is ErrorCode.UNREADABLE


def test_what_is_refused_leaves_no_file_open(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not walked
    for name in (tmp_path, tmp_path / "empty.jpg", tmp_path / "pipe.jpg", tmp_path / "gone.jpg"):
        refused(os.fsencode(name))
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_missing_file_and_a_link_to_nothing_are_missing(tmp_path: Path) -> None:
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    assert refused(os.fsencode(tmp_path / "gone.jpg")).code is ErrorCode.MISSING_FILE
    assert refused(os.fsencode(tmp_path / "link.jpg")).code is ErrorCode.MISSING_FILE


def test_a_link_to_itself_and_a_name_too_long_are_unreadable(tmp_path: Path) -> None:
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    assert refused(os.fsencode(tmp_path / "self.jpg")).code is ErrorCode.UNREADABLE
    assert refused(os.fsencode(tmp_path) + b"/" + b"n" * 300).code is ErrorCode.UNREADABLE
    assert refused(b"a\0b").code is ErrorCode.UNREADABLE


def test_an_empty_file_has_a_code_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert refused(os.fsencode(tmp_path / "empty.jpg")).code is ErrorCode.ZERO_SIZE_FILE


def test_a_file_too_large_to_hold_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(reading.MAX_FILE_BYTES + 1)
    assert refused(os.fsencode(tmp_path / "huge.jpg")).code is ErrorCode.IMAGE_TOO_LARGE


def test_objects_of_a_store_are_read_and_missing_ones_are_missing(store: str) -> None:
    filesystem = fsspec.filesystem("memory")
    filesystem.pipe("/bucket/a.jpg", b"content")
    filesystem.pipe("/bucket/empty.jpg", b"")
    assert read(f"{store}/a.jpg".encode()) == b"content"
    assert refused(f"{store}/gone.jpg".encode()).code is ErrorCode.MISSING_FILE
    assert refused(f"{store}/\xff.jpg".encode("latin-1")).code is ErrorCode.MISSING_FILE
    assert refused(f"{store}/empty.jpg".encode()).code is ErrorCode.ZERO_SIZE_FILE


def test_a_url_of_an_unknown_kind_is_unreadable_with_a_reason_that_is_text() -> None:
    error = refused(b"foo\xff://bucket/a.jpg")
    assert error.code is ErrorCode.UNREADABLE
    str(error).encode("utf-8")
