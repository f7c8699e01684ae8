"""Frames and pages are counted from the blocks of a file, and damage never raises an error."""

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup_assets.engine.pictures.frames import count_frames
from dedup_assets_tests.support.pictures import photo_like


def encoded(kind: str, frames: int) -> bytes:
    first, *rest = [photo_like(seed, 40, 30) for seed in range(frames)]
    file = BytesIO()
    more = {"save_all": True, "append_images": rest} if rest else {}
    first.save(file, kind, **more)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("frames", [1, 3])
def test_each_frame_counts(kind: str, frames: int) -> None:
    assert count_frames(encoded(kind, frames)) == frames


def test_an_avif_sequence_has_several_and_a_still_picture_one() -> None:
    assert count_frames(encoded("AVIF", 1)) == 1
    assert count_frames(encoded("AVIF", 3)) > 1


@pytest.mark.parametrize("kind", ["JPEG", "BMP"])
def test_a_plain_picture_has_one(kind: str) -> None:
    assert count_frames(encoded(kind, 1)) == 1


def test_a_thumbnail_in_a_tiff_is_no_page() -> None:
    file = BytesIO()
    small = photo_like(1, 20, 15)
    small.encoderinfo = {"tiffinfo": {254: 1}}
    photo_like(0, 40, 30).save(file, "TIFF", save_all=True, append_images=[small])
    assert count_frames(file.getvalue()) == 1


@settings(max_examples=50)
@given(st.sampled_from(["GIF", "PNG", "WEBP", "TIFF", "AVIF"]), st.data())
def test_a_damaged_file_has_at_least_one_frame(kind: str, data: st.DataObject) -> None:
    whole = bytearray(encoded(kind, 3))
    for _ in range(4):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    assert count_frames(bytes(whole[: data.draw(st.integers(0, len(whole)))])) >= 1


def test_pages_that_point_at_each_other_are_counted_once() -> None:
    page = b"\x00\x00" + (8).to_bytes(4, "little")
    assert count_frames(b"II*\0" + (8).to_bytes(4, "little") + page) == 1
