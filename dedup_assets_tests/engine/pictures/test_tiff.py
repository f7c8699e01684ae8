"""Every kind of TIFF gives its picture or "unsupported", never a wrong picture and never "corrupt"."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode, Source
from dedup_assets.engine.decoders.asking import decode_all, open_decoders
from dedup_assets.engine.decoders.tasks import DecodingTask
from dedup_assets.engine.pictures.codecs import tiff
from dedup_assets.engine.pictures.decoding import DecodingLimits, decode, image_size
from dedup_assets_tests.support.pictures import photo_like

RGB = np.asarray(photo_like(7, 96, 64))


def save(samples: NDArray[np.generic], **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, **options)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_in_planes_are_the_picture(dtype: type[np.generic], compression: str | None, byteorder: str) -> None:
    planes = np.moveaxis(RGB.astype(dtype), 2, 0)
    planes = planes * 257 if dtype is np.uint16 else planes
    file = save(planes, photometric="rgb", planarconfig="separate", compression=compression, byteorder=byteorder)
    np.testing.assert_array_equal(decode(file), RGB)


@pytest.mark.parametrize("planarconfig", ["contig", "separate"])
@pytest.mark.parametrize("bands", [3, 4, 5, 8, 13])
def test_of_several_bands_the_first_three_are_shown(bands: int, planarconfig: str) -> None:
    samples = np.concatenate([RGB, *[RGB[:, :, :1]] * (bands - 3)], axis=2)
    samples = np.moveaxis(samples, 2, 0) if planarconfig == "separate" else samples
    file = save(samples, photometric="minisblack", planarconfig=planarconfig)
    np.testing.assert_array_equal(decode(file), RGB)
    assert image_size(file) == (96, 64)


def test_two_bands_are_shown_in_gray() -> None:
    seen = decode(save(RGB[:, :, :2], photometric="minisblack", planarconfig="contig"))
    np.testing.assert_array_equal(seen, np.repeat(RGB[:, :, :1], 3, axis=2))


def test_alpha_beside_colours_of_another_type_counts() -> None:
    samples = np.concatenate([RGB, np.zeros((64, 96, 1), np.uint8)], axis=2).astype(np.float32)
    samples[:, :48, 3] = 255
    seen = decode(save(samples, photometric="rgb", extrasamples=["unassalpha"]))
    assert (seen[:, 48:] == 255).all()
    assert np.abs(seen[:, :48].astype(int) - RGB[:, :48]).max() <= 255 - np.ptp(RGB.astype(int)) + 1


def test_white_is_zero_holds_for_every_type() -> None:
    gray = RGB[:, :, 1].astype(np.float64)
    seen, turned = (decode(save(gray, photometric=kind)) for kind in ("minisblack", "miniswhite"))
    np.testing.assert_array_equal(turned, 255 - seen)


def test_orientation_holds_for_bands() -> None:
    file = save(
        np.repeat(RGB, 2, axis=2)[:, :, :5],
        photometric="minisblack",
        planarconfig="contig",
        extratags=[(274, "H", 1, 6, True)],
    )
    assert image_size(file) == (64, 96)
    assert decode(file).shape == (96, 64, 3)


def test_a_compression_without_its_decoder_is_unsupported_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tiff, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    file = bytearray(save(RGB))
    at = file.index((259).to_bytes(2, "little") + (3).to_bytes(2, "little"))
    for unknown in (34887, 50001, 34712, 60000):  # LERC, WebP, JPEG 2000, nothing
        file[at + 8 : at + 10] = unknown.to_bytes(2, "little")
        with pytest.raises(ImageError) as caught:
            decode(bytes(file))
        assert caught.value.code is ErrorCode.UNSUPPORTED_FORMAT, unknown


def test_numbers_that_are_no_picture_are_unsupported() -> None:
    with pytest.raises(ImageError, match="no numbers that can be shown") as caught:
        decode(save(RGB[:, :, 0].astype(np.complex64)))
    assert caught.value.code is ErrorCode.UNSUPPORTED_FORMAT


def test_a_cut_or_damaged_file_of_several_bands_is_bad() -> None:
    samples = np.concatenate([RGB, RGB[:, :, :2]], axis=2)
    file = save(samples, photometric="minisblack", planarconfig="contig", compression="zlib")
    for bad in (file[: len(file) // 2], file[:300] + bytes(2000) + file[2300:]):
        with pytest.raises(ImageError) as caught:
            decode(bad)
        assert caught.value.code in (ErrorCode.TRUNCATED_IMAGE, ErrorCode.CORRUPT_IMAGE, ErrorCode.UNSUPPORTED_FORMAT)


def test_max_pixels_is_the_limit_not_pillows_own(tmp_path: Path) -> None:
    """178,956,970 pixels are Pillow's limit."""
    path = tmp_path / "scan.tif"
    Image.new("1", (13_500, 13_500)).save(path, compression="group4")
    limits = DecodingLimits(max_pixels=183_000_000)
    tasks = [
        DecodingTask((16, 16), None, limits, 600.0),
        DecodingTask((16, 16), None, DecodingLimits(max_pixels=10**8), 600.0),
    ]
    with open_decoders(1) as pool, pool.lend() as lent:
        good, bad = (decode_all([Source(bytes(path), -1, "")], task, lent).problems[0] for task in tasks)
    assert good is None
    assert bad is not None
    assert bad.code is ErrorCode.IMAGE_TOO_LARGE
