"""Pictures that use a part of their range are scaled by that part, so that their content is visible."""

import io

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.pictures.codecs.depth import to_8_bits
from dedup_assets.engine.pictures.decoding import decode
from dedup_assets_tests.support.pictures import photo_like

GRAY = np.asarray(photo_like(5, 96, 64).convert("L"))
RGB = np.asarray(photo_like(6, 96, 64))
BITS = (9, 10, 11, 12, 13, 14, 16)


def png_of(samples: NDArray[np.uint16]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "PNG")
    return file.getvalue()


def deep_png(samples: NDArray[np.uint16]) -> bytes:
    """A PNG of 16 bits in 2 to 4 bands, which Pillow cannot write."""
    import struct
    import zlib

    height, width, bands = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[bands], 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiff_of(samples: NDArray[np.generic], **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, **options)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize("bits", BITS)
def test_gray_of_a_sensor_is_the_picture_of_8_bits(bits: int) -> None:
    fine = GRAY.astype(np.uint16) << (bits - 8)
    assert fine.max() >= 1 << (bits - 1)
    for file in (png_of(fine), tiff_of(fine), tiff_of(fine, byteorder=">")):
        np.testing.assert_array_equal(decode(file)[:, :, 0], GRAY)


@pytest.mark.parametrize("bits", BITS)
def test_colour_of_a_sensor_is_the_picture_of_8_bits(bits: int) -> None:
    fine = RGB.astype(np.uint16) << (bits - 8)
    assert fine.max() >= 1 << (bits - 1)
    for file in (deep_png(fine), tiff_of(fine, photometric="rgb"), tiff_of(fine, photometric="rgb", byteorder=">")):
        np.testing.assert_array_equal(decode(file), RGB)


def test_8_bits_in_16_are_the_picture() -> None:
    np.testing.assert_array_equal(decode(png_of(GRAY.astype(np.uint16)))[:, :, 0], GRAY)
    np.testing.assert_array_equal(decode(deep_png(RGB.astype(np.uint16))), RGB)


def test_as_many_bits_count_as_a_file_says() -> None:
    fine = RGB.astype(np.uint16) << 7
    pam = b"P7\nWIDTH 96\nHEIGHT 64\nDEPTH 3\nMAXVAL 32767\nENDHDR\n" + fine.astype(">u2").tobytes()
    np.testing.assert_array_equal(decode(pam), RGB)
    pytest.importorskip("imagecodecs")  # packs and unpacks
    np.testing.assert_array_equal(decode(tiff_of(GRAY.astype(np.uint16) << 7, bitspersample=15))[:, :, 0], GRAY)


@pytest.mark.parametrize("factor", [256, 257])
@pytest.mark.parametrize("darker", [1, 3, 5, 12])
def test_8_bits_made_16_are_the_picture_however_dark_it_is(darker: int, factor: int) -> None:
    dark, colours = GRAY // darker, RGB // darker
    np.testing.assert_array_equal(decode(png_of(dark.astype(np.uint16) * factor))[:, :, 0], dark)
    np.testing.assert_array_equal(decode(deep_png(colours.astype(np.uint16) * factor)), colours)


def test_alpha_of_deep_colour_stays_what_it_is() -> None:
    alpha = np.full((64, 96, 1), 65535, np.uint16)
    alpha[:, 48:] = 0
    seen = decode(deep_png(np.concatenate([RGB.astype(np.uint16) << 4, alpha], axis=2)))
    np.testing.assert_array_equal(seen[:, :48], RGB[:, :48])
    assert (seen[:, 48:] == 255).all()


def test_gray_of_a_sensor_with_alpha_is_the_picture_of_8_bits() -> None:
    alpha = np.full((64, 96), 65535, np.uint16)
    for bits in BITS:
        seen = decode(deep_png(np.stack([GRAY.astype(np.uint16) << (bits - 8), alpha], axis=2)))
        np.testing.assert_array_equal(seen, np.repeat(GRAY[:, :, None], 3, axis=2))


@pytest.mark.parametrize("nothing", [None, 0, 65535])
def test_a_small_part_of_the_range_is_stretched_with_or_without_dead_pixels(nothing: int | None) -> None:
    """As from a thermal camera: some hundred levels, in hundredths of a kelvin."""
    warm = (21_000 + 4 * GRAY.astype(np.uint16)).astype(np.uint16)
    if nothing is not None:
        warm[:3] = nothing
    seen = decode(png_of(warm))[3:, :, 0].astype(int)
    assert seen.min() <= 2
    assert seen.max() >= 253
    assert np.corrcoef(seen.ravel(), GRAY[3:].ravel())[0, 1] > 0.999


def test_noise_of_a_few_levels_is_not_stretched() -> None:
    noise = np.random.default_rng(0).integers(20_000, 20_012, (64, 96)).astype(np.uint16)
    assert np.ptp(decode(png_of(noise)).astype(int)) <= 1


def test_black_and_white_in_16_bits_stay_black_and_white() -> None:
    drawing = np.where(GRAY > 99, 65535, 0).astype(np.uint16)
    drawing[tuple(np.argwhere(GRAY <= 99)[0])] = 1
    np.testing.assert_array_equal(decode(png_of(drawing))[:, :, 0], np.where(GRAY > 99, 255, 0))


@pytest.mark.parametrize("nodata", [-9999.0, -3.4028234663852886e38, 1e20])
@pytest.mark.parametrize("is_said", [False, True])
def test_values_that_mean_nothing_was_measured_do_not_count(nodata: float, is_said: bool) -> None:
    metres = GRAY.astype(np.float32) / 7 + 1200
    metres[10:30] = nodata
    tags = [(42113, "s", 0, str(nodata), True)] if is_said else []
    seen = decode(tiff_of(metres, extratags=tags))[:, :, 0].astype(int)
    measured = np.r_[0:10, 30:64]
    assert np.ptp(seen[measured]) >= 250
    assert np.corrcoef(seen[measured].ravel(), GRAY[measured].ravel())[0, 1] > 0.999
    assert seen[10:30].max() == (255 if nodata > 0 and not is_said else 0)


def test_nodata_within_the_range_of_the_picture_is_black() -> None:
    metres = GRAY.astype(np.float32)
    metres[20:40] = 120.0
    seen = decode(tiff_of(metres, extratags=[(42113, "s", 0, "120", True)]))
    assert (seen[20:40] == 0).all()


def test_a_few_outliers_do_not_hide_a_float_picture() -> None:
    values = GRAY.astype(np.float32)
    values[0, :3] = 40_000, 9_000, -8_000
    seen = decode(tiff_of(values))[:, :, 0]
    assert np.corrcoef(seen[1:].ravel(), GRAY[1:].ravel())[0, 1] > 0.99
    assert np.ptp(seen[1:].astype(int)) > 200


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.float64, np.int8, np.int16, np.int32, np.uint32, np.int64]
)
def test_any_number_type_is_stretched_over_its_own_range(dtype: type[np.generic]) -> None:
    values = (GRAY.astype(np.int16) - 128).astype(dtype) if np.dtype(dtype).kind != "u" else GRAY.astype(dtype) + 4_000
    seen = decode(tiff_of(values))[:, :, 0].astype(int)
    wanted = (GRAY.astype(float) - GRAY.min()) * 255 / np.ptp(GRAY)
    assert np.abs(seen - wanted).max() <= 1


def test_unsigned_32_bits_without_a_sample_format_are_no_negative_numbers() -> None:
    values = (GRAY.astype(np.uint32) << 24) | 0x00FFFFFF
    file = tiff_of(values, metadata=None)
    assert 339 not in Image.open(io.BytesIO(file)).tag_v2  # type: ignore[attr-defined]
    seen = decode(file)[:, :, 0].astype(int)
    assert np.corrcoef(seen.ravel(), GRAY.ravel())[0, 1] > 0.999


def test_scaling_gives_the_same_for_any_shape_and_leaves_8_bits_alone() -> None:
    deep = GRAY.astype(np.uint16) * 13
    np.testing.assert_array_equal(to_8_bits(deep.reshape(-1)), to_8_bits(deep).reshape(-1))
    assert to_8_bits(GRAY) is GRAY
    assert to_8_bits(np.full((3, 3), np.nan)).max() == 0
    assert to_8_bits(np.zeros((0, 3), np.float32)).shape == (0, 3)
