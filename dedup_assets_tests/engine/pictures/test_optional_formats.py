"""Raw files and JPEG XL are read if their decoders are installed; otherwise a message says what to install."""

import io

import numpy as np
import pytest
from PIL import Image

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs import extras
from dedup_assets.engine.pictures.decoding import decode, image_size
from dedup_assets_tests.support.pictures import photo_like
from dedup_assets_tests.support.raw_files import make_dng

RGB = np.asarray(photo_like(8, 96, 64))
JXL_STARTS = [b"\xff\x0a\x41\x24\x08\x04", b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl "]


def jpeg_of(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "extra"),
    [
        *[(start, "jxl") for start in JXL_STARTS],
        (make_dng(jpeg_of(RGB)), "raw"),
        (b"FUJIFILMCCD-RAW 0201", "raw"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "raw"),
        (b"II*\0\x10\0\0\0CR\2\0", "raw"),
    ],
)
def test_without_its_decoder_a_file_is_unsupported_and_says_what_to_install(
    data: bytes, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(ImageError, match=rf"pip install 'dedup-assets\[{extra}\]'") as caught:
        decode(data)
    assert caught.value.code is ErrorCode.UNSUPPORTED_FORMAT


def test_an_ordinary_tiff_is_no_raw_file() -> None:
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "TIFF")
    np.testing.assert_array_equal(decode(file.getvalue()), RGB)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_raw_file_is_its_preview_upright(orientation: int) -> None:
    pytest.importorskip("rawpy")
    preview = jpeg_of(RGB)
    seen = decode(make_dng(preview, orientation=orientation))
    wanted = np.rot90(decode(preview), {1: 0, 3: 2, 6: -1, 8: 1}[orientation])
    np.testing.assert_array_equal(seen, wanted)
    assert image_size(make_dng(preview, orientation=orientation)) == seen.shape[1::-1]


def test_a_cut_raw_file_is_bad() -> None:
    pytest.importorskip("rawpy")
    with pytest.raises(ImageError):
        decode(make_dng(jpeg_of(RGB))[:400])


@pytest.mark.parametrize("is_in_container", [False, True])
@pytest.mark.parametrize("size", [(64, 96), (64, 64), (300, 400), (17, 1000)])
def test_jpeg_xl_is_the_picture_that_was_saved(size: tuple[int, int], is_in_container: bool) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    file = imagecodecs.jpegxl_encode(pixels, lossless=True, usecontainer=is_in_container)
    np.testing.assert_array_equal(decode(file), pixels)
    assert image_size(file) == size[::-1]


def test_jpeg_xl_in_gray_with_alpha_or_of_16_bits_is_shown() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    gray = imagecodecs.jpegxl_encode(RGB[:, :, 0], lossless=True)
    np.testing.assert_array_equal(decode(gray)[:, :, 2], RGB[:, :, 0])
    deep = imagecodecs.jpegxl_encode(RGB.astype(np.uint16) * 257, lossless=True)
    np.testing.assert_array_equal(decode(deep), RGB)
    alpha = np.zeros((64, 96, 1), np.uint8)
    transparent = imagecodecs.jpegxl_encode(np.concatenate([RGB, alpha + 255], axis=2), lossless=True)
    np.testing.assert_array_equal(decode(transparent), RGB)


def test_a_cut_jpeg_xl_is_truncated() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    file = imagecodecs.jpegxl_encode(RGB)
    with pytest.raises(ImageError) as caught:
        decode(file[: len(file) // 2])
    assert caught.value.code is ErrorCode.TRUNCATED_IMAGE
