"""Which sources are read ahead of their use, and how many."""

import threading
import time
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from dedup_assets.engine.core.records import Source
from dedup_assets.engine.extraction.read_ahead import CHUNK_IMAGES, open_chunks
from dedup_assets.engine.inputs.listing import list_images
from dedup_assets_tests.support.pictures import SavePhoto

MANY = 8


class _Distant(MemoryFileSystem):  # type: ignore[misc]  # fsspec is untyped
    """A store in memory that counts waiting readers, answers first when many wait, and takes 20 ms per answer."""

    protocol = "distant"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    changed = threading.Condition()
    waiting = most_waiting = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("distant://").strip("/")

    def unstrip_protocol(self, name: str) -> str:
        return f"distant://{name.lstrip('/')}"

    def cat_file(self, *args: Any, **more: Any) -> bytes:
        with _Distant.changed:
            _Distant.waiting += 1
            _Distant.most_waiting = max(_Distant.most_waiting, _Distant.waiting)
            _Distant.changed.notify_all()
            _Distant.changed.wait_for(lambda: _Distant.most_waiting > MANY, 100)
        time.sleep(0.02)
        with _Distant.changed:
            _Distant.waiting -= 1
            _Distant.changed.notify_all()
        return super().cat_file(*args, **more)  # type: ignore[no-any-return]


@pytest.fixture
def distant() -> str:
    """A prefix of 200 objects on such a store."""
    fsspec.register_implementation("distant", _Distant, clobber=True)
    _Distant.waiting = _Distant.most_waiting = 0
    for number in range(200):
        fsspec.filesystem("distant").pipe(f"/bucket/{number:03}.jpg", b"%d" % number)
    return "distant://bucket"


def test_objects_of_a_store_are_read_many_at_once_and_given_in_order(distant: str) -> None:
    manifest = list_images(distant)
    with open_chunks(manifest) as chunks:
        contents = [content for chunk in chunks for content in chunk]
    assert contents == [b"%d" % number for number in range(200)]
    assert MANY < _Distant.most_waiting <= 64


def test_reading_ahead_is_bounded_and_ends_with_the_block(distant: str) -> None:
    with open_chunks(list_images(distant)) as chunks:
        next(chunks)
        time.sleep(0.2)
        assert _Distant.most_waiting <= 64
    with _Distant.changed:
        assert _Distant.changed.wait_for(lambda: _Distant.waiting == 0, 100)


def test_local_files_are_left_to_whoever_decodes_and_members_of_archives_are_not(
    tmp_path: Path, save_photo: SavePhoto
) -> None:
    names = [save_photo(tmp_path / f"{number:02}.png", number) for number in range(CHUNK_IMAGES + 2)]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "00.png", "in.png")
    with open_chunks(list_images(str(tmp_path))) as chunks:
        contents = [list(chunk) for chunk in chunks]
    assert [len(chunk) for chunk in contents] == [CHUNK_IMAGES, 3]
    found = [content for chunk in contents for content in chunk]
    assert [content.name if isinstance(content, Source) else content for content in found] == [
        *names,
        (tmp_path / "00.png").read_bytes(),
    ]
