"""Colours are those that a browser shows: profiles and gamma are applied, and sRGB pictures stay as they are."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from dedup_assets.engine.pictures.codecs.colours import correction_by_profile
from dedup_assets.engine.pictures.codecs.segments import read_segments
from dedup_assets.engine.pictures.decoding import decode, decode_resized
from dedup_assets_tests.support.pictures import photo_like

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# sRGB with the primaries of red and green exchanged, so that the effect of the profile is large.
SWAPPED = SRGB.replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ").replace(b"----", b"gXYZ")
SMOOTH = photo_like(3, 64, 48).resize((16, 12)).resize((64, 48))


def gray_profile(gamma: float) -> bytes:
    """The smallest gray profile (ICC.1:2001, 6.1 and 6.3.1.2)."""
    point = b"XYZ \0\0\0\0" + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    curve = b"curv\0\0\0\0" + struct.pack(">IH2x", 1, round(gamma * 256))
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", 156, len(point), b"kTRC", 156 + len(point), len(curve))
    body = tags + point + curve
    head = struct.pack(">I4sI4s4s4s12x4s", 128 + len(body), b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ ", b"acsp")
    head = head.ljust(68, b"\0") + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    return head.ljust(128, b"\0") + body


def save(image: Image.Image, format_name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


def png_with(chunks: dict[bytes, bytes], image: Image.Image) -> bytes:
    plain = save(image, "PNG")
    added = b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks.items()
    )
    return plain[:33] + added + plain[33:]


def difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int:
    return int(np.abs(a.astype(int) - b).max())


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_profile_is_applied_in_every_format_that_carries_one(format_name: str) -> None:
    options = {"lossless": True} if format_name == "WEBP" else {}
    plain = decode(save(SMOOTH, format_name, **options))
    with_profile = decode(save(SMOOTH, format_name, icc_profile=SWAPPED, **options))
    assert difference(with_profile, plain[:, :, [1, 0, 2]]) <= 2


@pytest.mark.parametrize("progressive", [False, True])
def test_what_the_model_sees_has_the_colours_of_the_thumbnail(progressive: bool) -> None:
    large = SMOOTH.resize((640, 480))
    data = save(large, "JPEG", icc_profile=SWAPPED, progressive=progressive)
    seen = np.frombuffer(decode_resized(data, (48, 64)), np.uint8).reshape(48, 64, 3)
    shown = np.asarray(Image.fromarray(decode(data)).resize((64, 48), Image.Resampling.BILINEAR))
    assert difference(seen, shown) <= 6
    assert difference(seen, np.asarray(SMOOTH)[:, :, [1, 0, 2]]) < 40 < difference(seen, np.asarray(SMOOTH))


def test_a_profile_counts_before_transparency() -> None:
    image = SMOOTH.convert("RGBA")
    image.putalpha(128)
    plain, with_profile = decode(save(image, "PNG")), decode(save(image, "PNG", icc_profile=SWAPPED))
    assert difference(with_profile, plain[:, :, [1, 0, 2]]) <= 2


def test_a_gray_profile_is_applied() -> None:
    ramp = Image.fromarray(np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1)))
    linear = decode(save(ramp, "PNG", icc_profile=gray_profile(1.0)))
    assert abs(int(linear[0, 32, 0]) - 188) <= 2  # half the light intensity
    usual = decode(save(ramp, "PNG", icc_profile=gray_profile(2.2)))
    assert difference(usual, decode(save(ramp, "PNG"))) <= 10  # the dark end of sRGB is linear, not a power


def test_a_profile_larger_than_pillow_reads_is_applied() -> None:
    noise = bytes(np.random.default_rng(1).integers(0, 256, 1_500_000, np.uint8))
    chunk = b"large\0\0" + zlib.compress(SWAPPED + noise, 1)
    seen = decode(png_with({b"iCCP": chunk}, SMOOTH))
    assert difference(seen, np.asarray(SMOOTH)[:, :, [1, 0, 2]]) <= 2


def test_the_usual_profile_and_a_broken_one_change_nothing() -> None:
    plain = decode(save(SMOOTH, "JPEG"))
    assert np.array_equal(decode(save(SMOOTH, "JPEG", icc_profile=SRGB)), plain)
    for broken in (b"no profile", SWAPPED[:200], SWAPPED.replace(b"RGB ", b"HSV "), b"\0" * 128):
        assert np.array_equal(decode(save(SMOOTH, "JPEG", icc_profile=broken)), plain)
    assert correction_by_profile(SRGB) is None


def test_a_profile_in_segments_is_joined_and_ignored_if_a_part_is_missing() -> None:
    long = SWAPPED + bytes(np.random.default_rng(1).integers(0, 256, 150_000, np.uint8))
    data = save(SMOOTH, "JPEG", icc_profile=long)
    assert read_segments(data).profile == long
    second = data.index(b"ICC_PROFILE\0\2")
    assert read_segments(data[:second] + b"XXX" + data[second + 3 :]).profile == b""
    assert read_segments(data[:second]).profile == b""


def test_the_gamma_of_a_png_is_applied_unless_usual_or_overridden() -> None:
    ramp = Image.fromarray(np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1)))
    plain = decode(save(ramp, "PNG"))
    linear = struct.pack(">I", 100_000)
    applied = decode(png_with({b"gAMA": linear}, ramp))
    assert applied[0, :, 0].tolist()[::16] == [0, 137, 188, 225]
    assert np.array_equal(decode(png_with({b"gAMA": linear, b"sRGB": b"\0"}, ramp)), plain)
    assert np.array_equal(decode(png_with({b"gAMA": linear, b"cICP": b"\1\15\0\1"}, ramp)), plain)
    assert np.array_equal(decode(png_with({b"gAMA": struct.pack(">I", 45_455)}, ramp)), plain)
    for nonsense in (0, 1, 2**31 - 1):
        assert decode(png_with({b"gAMA": struct.pack(">I", nonsense)}, ramp)).shape == plain.shape


def test_gamma_counts_for_palettes_deep_gray_and_before_transparency() -> None:
    linear = {b"gAMA": struct.pack(">I", 100_000)}
    levels = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
    ramp = Image.fromarray(levels)
    expected = decode(png_with(linear, ramp))
    deep = Image.fromarray(levels.astype(np.uint16) * 257)
    assert difference(decode(png_with(linear, deep)), expected) <= 1
    palette = ramp.copy()
    palette.putpalette(bytes(level for level in range(256) for _ in range(3)))
    assert difference(decode(png_with(linear, palette)), expected) == 0
    veiled = ramp.convert("LA")
    veiled.putalpha(128)
    assert difference(decode(png_with(linear, veiled)), ((expected.astype(int) + 255) // 2).astype(np.uint8)) <= 2


def test_a_gif_is_white_where_its_first_frame_is_not() -> None:
    data = bytearray(save(Image.new("P", (20, 30), 0), "GIF"))
    data[6:10] = struct.pack("<HH", 40, 50)  # the canvas
    picture = decode(bytes(data))
    assert picture.shape == (50, 40, 3)
    assert picture[:30, :20].max() == 0
    assert picture[30:].min() == picture[:, 20:].min() == 255


def ink_profile() -> bytes:
    """A printer profile (ICC.1:2001, 6.5.8) with gray inks only. One ink alone halves the lightness."""
    lightness = [max(0, 255 - 128 * bin(corner).count("1")) for corner in range(16)]
    table = bytes(range(256))
    clut = bytes(value for level in lightness for value in (level, 128, 128))
    unity = struct.pack(">9i", *(0x10000 if place % 4 == 0 else 0 for place in range(9)))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + unity + table * 4 + clut + table * 3
    body = struct.pack(">I4sII", 1, b"A2B0", 144, len(lut)) + lut
    head = struct.pack(">I4sI4s4s4s12x4s", 128 + len(body), b"lcms", 0x02100000, b"prtr", b"CMYK", b"Lab ", b"acsp")
    return (head.ljust(68, b"\0") + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)).ljust(128, b"\0") + body


def test_a_profile_of_inks_is_applied_to_a_jpeg_of_inks_and_to_nothing_else() -> None:
    cyan = Image.new("CMYK", (32, 32), (255, 0, 0, 0))
    assert decode(save(cyan, "JPEG"))[16, 16].tolist() == [0, 255, 255]
    shown = decode(save(cyan, "JPEG", icc_profile=ink_profile()))[16, 16].astype(int)
    assert np.ptp(shown) <= 2
    assert abs(shown[0] - 119) <= 6  # L* = 50
    assert np.array_equal(decode(save(SMOOTH, "JPEG", icc_profile=ink_profile())), decode(save(SMOOTH, "JPEG")))
    assert np.array_equal(decode(save(cyan, "JPEG", icc_profile=SWAPPED)), decode(save(cyan, "JPEG")))
