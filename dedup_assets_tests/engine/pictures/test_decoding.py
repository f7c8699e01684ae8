"""The picture or the error that `decoding` gives for every kind of file.

The pictures are made here with Pillow and simplejpeg, or byte by byte where neither can write the kind. Tests that
take the fixture `shared_data` need the folder that the environment variable DEDUP_SHARED names (default: `shared`
beside the checkout), and skip where there is none.
"""

import contextlib
import io
import os
import struct
import subprocess
import sys
import time
import warnings
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import BoundingBox, ErrorCode
from dedup_assets.engine.pictures.codecs.damage import to_image_error
from dedup_assets.engine.pictures.decoding import DecodingLimits, ResizablePicture, decode, decode_resized, image_size
from dedup_assets.engine.pictures.resizing import resize
from dedup_assets_tests.support.places import ROOT

HEIGHT, WIDTH = 48, 64
_ROWS, _COLS = np.mgrid[0:HEIGHT, 0:WIDTH]
# Four coloured quarters with a ramp: no two of the eight orientations look alike.
PICTURE = np.stack([_ROWS * 5, _COLS * 3 + 40, np.where(_ROWS + _COLS < 40, 220, 30)], axis=2).astype(np.uint8)
GRAY_16 = (np.linspace(0, 65535, WIDTH)[None, :] * np.ones((HEIGHT, 1))).astype(np.uint16)
WHITE = (255, 255, 255)
ODD_FILE_SECONDS = 20


def save(image: Image.Image | NDArray[Any], format_name: str, **options: Any) -> bytes:
    """The content of the file that Pillow writes."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


def exif(orientation: int) -> bytes:
    """An EXIF block that holds only the orientation."""
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def tiff(  # noqa: D417
    samples: NDArray[Any], *, photometric: int = 1, sample_format: int = 1, bits: int | None = None, tile: int = 0
) -> bytes:
    """A gray, uncompressed, little-endian TIFF, for what Pillow cannot write.

    Args:
        tile: side of square tiles; 0 for one strip.
    """
    height, width = samples.shape
    blocks = [samples.tobytes()]
    if tile:
        corners = [(row, col) for row in range(0, height, tile) for col in range(0, width, tile)]
        blocks = [samples[row : row + tile, col : col + tile].tobytes() for row, col in corners]
    starts = [8 + sum(map(len, blocks[:n])) for n in range(len(blocks))]
    pixels = b"".join(blocks)
    arrays_at = 8 + len(pixels)
    arrays = struct.pack(f"<{2 * len(blocks)}I", *starts, *map(len, blocks))
    where, sizes = (arrays_at, arrays_at + 4 * len(blocks)) if len(blocks) > 1 else (starts[0], len(blocks[0]))
    tags = [(256, width), (257, height), (258, bits or samples.itemsize * 8), (259, 1), (262, photometric), (277, 1)]
    if tile:
        tags += [(322, tile), (323, tile), (324, where), (325, sizes)]
    else:
        tags += [(273, where), (278, height), (279, sizes)]
    tags += [(339, sample_format)]
    counts = {273: len(blocks), 279: len(blocks), 324: len(blocks), 325: len(blocks)}
    entries = b"".join(struct.pack("<HHII", tag, 4, counts.get(tag, 1), value) for tag, value in sorted(tags))
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    return b"II*\0" + struct.pack("<I", arrays_at + len(arrays)) + pixels + arrays + directory


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """An RGB PNG without pixels, with the given chunks."""
    header = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    parts = [header, *chunks, (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def error_of(data: bytes, **options: Any) -> ImageError:
    """The error that decoding raises."""
    with pytest.raises(ImageError) as caught:
        decode(data, **options)
    return caught.value


def difference(seen: NDArray[Any], expected: NDArray[Any]) -> float:
    """Mean absolute difference of two pictures of the same size, in gray levels."""
    assert seen.shape == expected.shape
    return float(np.abs(seen.astype(int) - expected).mean())


def a_jpeg() -> bytes:
    """A small JPEG with several rows of blocks."""
    return simplejpeg.encode_jpeg(PICTURE, quality=95, colorsubsampling="444")


LOSSLESS = {
    "PNG": {},
    "WEBP": {"lossless": True},
    "BMP": {},
    "TIFF": {},
    "TIFF lzw": {"compression": "tiff_lzw"},
    "TIFF deflate": {"compression": "tiff_adobe_deflate"},
    "JPEG2000": {},
    "JPEG2000 j2k": {"no_jp2": True},
    "PPM": {},
    "TGA": {},
    "TGA rle": {"compression": "tga_rle"},
    "PCX": {},
    "SGI": {},
    "QOI": {},
}
LOSSY = {
    "JPEG": {"quality": 95},
    "JPEG progressive": {"quality": 95, "progressive": True},
    "WEBP": {"quality": 95},
    "AVIF": {"quality": 95},
    "GIF": {},
}


@pytest.fixture(params=sorted(LOSSLESS))
def lossless_file(request: pytest.FixtureRequest) -> bytes:
    return save(PICTURE, request.param.split()[0], **LOSSLESS[request.param])


@pytest.fixture(params=sorted(LOSSY))
def lossy_file(request: pytest.FixtureRequest) -> bytes:
    return save(PICTURE, request.param.split()[0], **LOSSY[request.param])


class TestFormats:
    """Every format comes out as the picture that was saved."""

    def test_lossless_formats_give_the_pixels_that_were_saved(self, lossless_file: bytes) -> None:
        pixels = decode(lossless_file)
        np.testing.assert_array_equal(pixels, PICTURE)
        assert pixels.dtype == np.uint8
        assert pixels.flags.c_contiguous
        assert image_size(lossless_file) == (WIDTH, HEIGHT)

    def test_lossy_formats_give_nearly_the_pixels_that_were_saved(self, lossy_file: bytes) -> None:
        assert difference(decode(lossy_file), PICTURE) < 8
        assert image_size(lossy_file) == (WIDTH, HEIGHT)

    def test_a_memoryview_is_as_good_as_bytes(self, lossless_file: bytes) -> None:
        np.testing.assert_array_equal(decode(memoryview(lossless_file)), PICTURE)

    def test_an_icon_is_an_image(self) -> None:
        side = np.ascontiguousarray(PICTURE[:32, :32])
        np.testing.assert_array_equal(decode(save(side, "ICO", sizes=[(32, 32)])), side)

    def test_tiles_of_a_tiff_are_put_together(self) -> None:
        gray = PICTURE[:, :, 1]
        np.testing.assert_array_equal(decode(tiff(gray, tile=16))[:, :, 0], gray)

    def test_the_first_frame_of_an_animation_is_the_picture(self) -> None:
        frames = [Image.fromarray(PICTURE), Image.fromarray(255 - PICTURE)]
        for name in ("GIF", "PNG", "WEBP"):
            animation = save(frames[0], name, save_all=True, append_images=frames[1:], duration=50)
            assert difference(decode(animation), PICTURE) < 8, name

    @pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (20, 90, 40)])
    @pytest.mark.parametrize("format_name", ["GIF", "PNG", "WEBP", "TIFF"])
    def test_of_frames_or_pages_the_first_that_is_not_of_one_colour_is_the_picture(
        self, format_name: str, colour: tuple[int, int, int]
    ) -> None:
        """Animations that fade in from black would all be black by their first frame."""
        blank = Image.new("RGB", (WIDTH, HEIGHT), colour)
        frames = [blank, blank.point(lambda level: level ^ 1), Image.fromarray(PICTURE), Image.fromarray(255 - PICTURE)]
        several = save(frames[0], format_name, save_all=True, append_images=frames[1:], duration=50)
        assert difference(decode(several), PICTURE) < 8
        only_blank = save(blank, format_name, save_all=True, append_images=[blank, blank], duration=50)
        assert difference(decode(only_blank), np.asarray(blank)) < 3

    def test_pages_of_another_size_do_not_stand_in_for_the_first(self) -> None:
        blank = Image.new("RGB", (WIDTH, HEIGHT), WHITE)
        pages = save(blank, "TIFF", save_all=True, append_images=[Image.fromarray(PICTURE).resize((99, 33))])
        assert (decode(pages) == 255).all()

    def test_gray_jpeg_comes_back_as_rgb(self) -> None:
        pixels = decode(save(Image.fromarray(PICTURE).convert("L"), "JPEG", quality=95))
        assert pixels.shape == PICTURE.shape
        assert (pixels[:, :, 0] == pixels[:, :, 2]).all()

    @pytest.mark.parametrize("format_name", ["JPEG", "TIFF"])
    def test_cmyk_has_the_colours_that_were_saved(self, format_name: str) -> None:
        """Pillow writes a CMYK JPEG like Adobe: with an Adobe marker and inverted values."""
        pixels = decode(save(Image.fromarray(PICTURE).convert("CMYK"), format_name), at_least=(16, 16))
        assert difference(pixels, PICTURE) < 8

    def test_cielab_has_the_colours_that_were_saved(self) -> None:
        from PIL import ImageCms

        to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        lab = ImageCms.applyTransform(Image.fromarray(PICTURE), to_lab)
        assert lab is not None
        assert difference(decode(save(lab, "TIFF")), PICTURE) < 8


class TestDepth:
    """Samples of more or fewer than 8 bits."""

    @pytest.mark.parametrize("format_name", ["PNG", "TIFF", "PPM"])
    def test_16_bit_gray_is_shifted_neither_wrapped_nor_clipped(self, format_name: str) -> None:
        file = save(Image.frombytes("I;16", (WIDTH, HEIGHT), GRAY_16.tobytes()), format_name)
        np.testing.assert_array_equal(decode(file)[:, :, 0], GRAY_16 >> 8)

    def test_flat_16_bit_gray_keeps_its_brightness(self) -> None:
        dark = np.full((HEIGHT, WIDTH), 10 << 8, np.uint16)
        assert (decode(tiff(dark)) == 10).all()

    def test_white_is_zero_is_turned_round_in_16_bits_too(self) -> None:
        np.testing.assert_array_equal(decode(tiff(GRAY_16, photometric=0))[:, :, 1], 255 - (GRAY_16 >> 8))

    @pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint32, np.int16])
    def test_float_and_wide_gray_is_scaled_by_its_own_range(self, dtype: type[np.generic]) -> None:
        kind = np.dtype(dtype)
        low, high = (-3.5, 0.25) if kind.kind == "f" else (np.iinfo(dtype).min // 2, np.iinfo(dtype).max - 7)
        ramp = (np.linspace(low, high, WIDTH)[None, :] * np.ones((HEIGHT, 1))).astype(dtype)
        pixels = decode(tiff(ramp, sample_format={"u": 1, "i": 2, "f": 3}[kind.kind]))
        np.testing.assert_allclose(pixels[0, :, 0], np.linspace(0, 255, WIDTH), atol=1)

    def test_nan_is_black_and_infinity_white(self) -> None:
        values = np.linspace(0, 1, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
        values[0, :3] = np.nan, np.inf, -np.inf
        assert decode(tiff(values, sample_format=3))[0, :3, 0].tolist() == [0, 255, 0]

    def test_one_bit_is_black_and_white(self) -> None:
        bits = Image.fromarray(PICTURE).convert("1")
        for name in ("PNG", "TIFF", "BMP", "PPM"):
            np.testing.assert_array_equal(decode(save(bits, name)), np.asarray(bits.convert("RGB")), err_msg=name)

    def test_16_bit_colour_keeps_its_upper_bytes(self) -> None:
        file = png(16, 16)
        wide = np.repeat(PICTURE[:16, :16].reshape(16, -1), 2, axis=1)  # every sample twice: upper and lower byte
        rows = b"".join(b"\0" + row.tobytes() for row in wide)
        header = struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0)
        body = zlib.compress(rows)
        chunks = [(b"IHDR", header), (b"IDAT", body), (b"IEND", b"")]
        file = file[:8] + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
        np.testing.assert_array_equal(decode(file), PICTURE[:16, :16])


class TestTransparency:
    """Colours under transparent pixels are not seen; the backdrop is white."""

    @pytest.mark.parametrize(
        ("mode", "format_name"),
        [
            ("RGBA", "PNG"),
            ("RGBA", "TIFF"),
            ("RGBA", "WEBP"),
            ("LA", "PNG"),
            ("LA", "TIFF"),
            ("LA", "JPEG2000"),
            ("PA", "TIFF"),
        ],
    )
    def test_transparent_pixels_are_white(self, mode: str, format_name: str) -> None:
        image = Image.new("RGBA", (WIDTH, HEIGHT), (10, 10, 10, 0))
        image.paste((10, 10, 10, 255), (0, 0, WIDTH // 2, HEIGHT))
        options = {"lossless": True} if format_name == "WEBP" else {}
        pixels = decode(save(image.convert(mode), format_name, **options))
        assert tuple(pixels[0, 0]) == (10, 10, 10)
        assert tuple(pixels[0, -1]) == WHITE

    def test_half_transparent_black_is_gray(self) -> None:
        pixels = decode(save(Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 128)), "PNG"))
        assert (np.abs(pixels.astype(int) - 127) <= 1).all()

    @pytest.mark.parametrize("format_name", ["PNG", "GIF"])
    def test_a_transparent_palette_entry_is_white(self, format_name: str) -> None:
        image = Image.new("P", (WIDTH, HEIGHT), 1)
        image.putpalette([200, 0, 0, 0, 200, 0])
        image.paste(0, (0, 0, 20, HEIGHT))
        pixels = decode(save(image, format_name, transparency=0))
        assert tuple(pixels[0, 0]) == WHITE
        assert tuple(pixels[0, -1]) == (0, 200, 0)

    def test_palette_entries_with_alpha_are_blended(self) -> None:
        image = Image.new("P", (WIDTH, HEIGHT), 1)
        image.putpalette([200, 0, 0, 0, 0, 0])
        assert (np.abs(decode(save(image, "PNG", transparency=bytes([255, 128]))).astype(int) - 127) <= 1).all()

    def test_a_transparent_colour_is_white(self) -> None:
        image = Image.new("RGB", (WIDTH, HEIGHT), (1, 2, 3))
        assert (decode(save(image, "PNG", transparency=(1, 2, 3))) == 255).all()

    def test_a_transparent_16_bit_gray_is_white(self) -> None:
        image = Image.frombytes("I;16", (WIDTH, HEIGHT), np.full((HEIGHT, WIDTH), 5000, np.uint16).tobytes())
        assert (decode(save(image, "PNG", transparency=5000)) == 255).all()


class TestOrientation:
    """The orientation that a camera wrote is applied exactly once."""

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
    def test_every_orientation_is_shown_upright(self, format_name: str, orientation: int) -> None:
        """Pillow's own `Transpose` values say how a picture must be stored so that the tag turns it upright."""
        turned = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation -> Transpose that undoes it
        stored = Image.fromarray(PICTURE)
        if orientation in turned:
            stored = stored.transpose(Image.Transpose(turned[orientation]))
        file = save(stored, format_name, exif=exif(orientation), **({} if format_name == "TIFF" else {"quality": 95}))
        assert image_size(file) == (WIDTH, HEIGHT)
        assert difference(decode(file), PICTURE) < 8

    @pytest.mark.parametrize("value", [0, 9, 700])
    def test_a_senseless_orientation_is_ignored(self, value: int) -> None:
        assert decode(save(PICTURE, "JPEG", exif=exif(value))).shape == PICTURE.shape

    def test_a_damaged_exif_block_does_not_cost_the_picture(self) -> None:
        block = exif(6)
        for end in range(6, len(block)):
            assert decode(save(PICTURE, "JPEG", exif=block[:end])).size == PICTURE.size
        assert decode(save(PICTURE, "PNG", exif=block[:9])).shape == PICTURE.shape


class TestAtLeast:
    """Only JPEG is scaled down, and never too far."""

    def test_a_jpeg_is_scaled_down_to_no_less_than_asked_for(self) -> None:
        big = simplejpeg.encode_jpeg(np.ascontiguousarray(np.tile(PICTURE, (10, 10, 1))))
        for at_least in [(160, 160), (100, 200), (200, 100), (400, 10), (480, 640), (900, 900)]:
            height, width = decode(big, at_least=at_least).shape[:2]
            assert height >= min(at_least[0], 480)
            assert width >= min(at_least[1], 640)
        assert decode(big, at_least=(160, 160)).shape == (180, 240, 3)
        assert decode(big, at_least=(180, 180)).shape == (240, 320, 3)

    def test_asked_for_sides_are_those_of_the_displayed_picture(self) -> None:
        wide = np.ascontiguousarray(np.tile(PICTURE, (4, 12, 1)))  # 192 x 768 stored, 768 x 192 displayed
        file = save(wide, "JPEG", exif=exif(6))
        assert decode(file, at_least=(300, 80)).shape == (384, 96, 3)
        assert decode(file, at_least=(80, 150)).shape == (768, 192, 3)

    def test_scaled_decoding_shows_the_same_picture(self) -> None:
        smooth = np.asarray(Image.fromarray(PICTURE).resize((640, 480), Image.Resampling.BICUBIC))
        file = simplejpeg.encode_jpeg(np.ascontiguousarray(smooth), quality=95)
        small, full = (resize(decode(file, at_least=asked), (160, 160)) for asked in ((160, 160), None))
        assert difference(small, full) < 1

    def test_other_formats_come_in_full_size(self, lossless_file: bytes) -> None:
        assert decode(lossless_file, at_least=(8, 8)).shape == PICTURE.shape


class TestBox:
    """A crop in displayed pixels."""

    @pytest.mark.parametrize("format_name", ["PNG", "JPEG"])
    def test_the_box_is_cut_from_the_displayed_full_size_picture(self, format_name: str) -> None:
        stored = Image.fromarray(PICTURE).transpose(Image.Transpose.ROTATE_90)  # orientation 6 turns it back
        file = save(stored, format_name, exif=exif(6), quality=95)
        seen = decode(file, box=BoundingBox(row=5, col=20, width=30, height=12), at_least=(4, 4))
        assert difference(seen, PICTURE[5:17, 20:50]) < 8
        assert seen.flags.c_contiguous

    @pytest.mark.parametrize(
        "box", [(0, 0, WIDTH + 1, 5), (0, 0, 5, HEIGHT + 1), (-1, 0, 5, 5), (0, -1, 5, 5), (5, 5, 0, 5), (5, 5, 5, -2)]
    )
    def test_a_box_outside_the_picture_is_refused(self, box: tuple[int, int, int, int]) -> None:
        error = error_of(save(PICTURE, "PNG"), box=BoundingBox(*box))
        assert error.code is ErrorCode.BAD_BOUNDING_BOX
        assert f"{WIDTH} x {HEIGHT}" in str(error)

    def test_the_whole_picture_is_a_box(self) -> None:
        np.testing.assert_array_equal(decode(save(PICTURE, "PNG"), box=BoundingBox(0, 0, WIDTH, HEIGHT)), PICTURE)


class TestBrokenFiles:
    """Each kind of damage has its code."""

    @pytest.mark.parametrize("share", [0.6, 0.9, 0.99])
    def test_a_cut_file_is_truncated(self, lossy_file: bytes, share: float) -> None:
        assert error_of(lossy_file[: int(len(lossy_file) * share)]).code is ErrorCode.TRUNCATED_IMAGE

    @pytest.mark.parametrize("name", sorted(set(LOSSLESS) - {"TGA rle", "SGI", "TIFF", "TIFF lzw", "TIFF deflate"}))
    def test_a_cut_lossless_file_is_truncated(self, name: str) -> None:
        file = save(PICTURE, name.split(maxsplit=1)[0], **LOSSLESS[name])
        assert error_of(file[: len(file) * 9 // 10]).code is ErrorCode.TRUNCATED_IMAGE

    def test_a_dds_texture_with_too_few_bytes_is_truncated(self) -> None:
        file = save(PICTURE, "DDS")
        np.testing.assert_array_equal(decode(file), PICTURE)
        assert error_of(file[:12] + struct.pack("<II", 9000, 9000) + file[20:]).code is ErrorCode.TRUNCATED_IMAGE

    def test_a_tiff_whose_strips_lie_beyond_its_end_is_truncated(self) -> None:
        whole = tiff(PICTURE[:, :, 0])
        directory, pixels = whole[-(6 + 12 * 10) :], whole[8 : 8 + HEIGHT * WIDTH]
        moved = b"II*\0" + struct.pack("<I", 8) + directory + pixels[:100]
        assert error_of(moved).code is ErrorCode.TRUNCATED_IMAGE

    @pytest.mark.parametrize("missing", [5, 40])
    @pytest.mark.parametrize("progressive", [False, True])
    def test_a_jpeg_that_lacks_picture_data_at_its_end_is_truncated(self, missing: int, progressive: bool) -> None:
        file = save(PICTURE, "JPEG", progressive=progressive)
        assert error_of(file[:-missing]).code is ErrorCode.TRUNCATED_IMAGE
        assert error_of(file[:-missing], at_least=(8, 8)).code is ErrorCode.TRUNCATED_IMAGE

    @pytest.mark.parametrize("missing", [1, 2])
    @pytest.mark.parametrize("progressive", [False, True])
    def test_a_jpeg_that_lacks_only_its_end_marker_is_good(self, missing: int, progressive: bool) -> None:
        file = save(PICTURE, "JPEG", progressive=progressive)
        np.testing.assert_array_equal(decode(file[:-missing]), decode(file))
        large = save(np.tile(PICTURE, (9, 9, 1)), "JPEG", progressive=progressive)
        np.testing.assert_array_equal(decode(large[:-missing], at_least=(99, 99)), decode(large, at_least=(99, 99)))

    @pytest.mark.parametrize("end", [b"\xff\xe9", b"\xff\x1d\xf1", b"\xff\xc6", b"\xff\xfe\x70\x00 a note that is cut"])
    @pytest.mark.parametrize("progressive", [False, True])
    def test_a_jpeg_whose_end_marker_is_damaged_is_good(self, end: bytes, progressive: bool) -> None:
        file = save(PICTURE, "JPEG", progressive=progressive)
        np.testing.assert_array_equal(decode(file[:-2] + end), decode(file))
        assert error_of(file[:-200] + end).code in (ErrorCode.CORRUPT_IMAGE, ErrorCode.TRUNCATED_IMAGE)

    def test_frames_without_pixels_at_the_start_of_a_gif_do_no_harm(self) -> None:
        empty = b"," + struct.pack("<4HB", 0, 0, 0, 3, 0) + b"\x02\x01\x2c\0"
        file = save(Image.fromarray(PICTURE).quantize(16), "GIF")
        frame = file.index(b",\0\0\0\0" + struct.pack("<2H", WIDTH, HEIGHT))
        np.testing.assert_array_equal(decode(file[:frame] + empty * 2 + file[frame:]), decode(file))
        error = error_of(file[:frame] + empty + b";")
        assert error.code is ErrorCode.UNSUPPORTED_FORMAT
        assert "no frame has pixels" in str(error)

    def test_a_progressive_jpeg_that_was_cut_between_two_scans_is_truncated(self) -> None:
        file = save(PICTURE, "JPEG", progressive=True)
        scans = [place for place in range(len(file)) if file[place : place + 2] == b"\xff\xda"]
        assert len(scans) > 4
        for scan in scans[1:]:
            tables = file.rindex(b"\xff\xc4", 0, scan)  # the Huffman table precedes its scan
            assert error_of(file[:tables]).code is ErrorCode.TRUNCATED_IMAGE

    @pytest.mark.parametrize("tail", [b"\0" * 100, b"a second picture", a_jpeg()])
    def test_bytes_after_the_end_marker_do_no_harm(self, tail: bytes) -> None:
        np.testing.assert_array_equal(decode(a_jpeg() + tail), decode(a_jpeg()))

    def test_stray_bytes_before_a_marker_do_no_harm(self) -> None:
        file = a_jpeg()
        tables = file.index(b"\xff\xdb")
        np.testing.assert_array_equal(decode(file[:tables] + bytes(7) + file[tables:]), decode(file))

    def test_stray_bytes_before_a_restart_marker_do_no_harm(self) -> None:
        file = save(PICTURE, "JPEG", restart_marker_blocks=4)
        restart = file.index(b"\xff\xd0", file.index(b"\xff\xda"))
        np.testing.assert_array_equal(decode(file[:restart] + bytes(3) + file[restart:]), decode(file))

    def test_a_jpeg_that_lost_picture_data_is_corrupt(self) -> None:
        file = save(PICTURE, "JPEG", restart_marker_blocks=4)
        restart = file.index(b"\xff\xd1", file.index(b"\xff\xda"))
        assert error_of(file[: restart - 30] + file[restart:]).code is ErrorCode.CORRUPT_IMAGE

    def test_a_few_bytes_cannot_be_a_hundred_megapixels(self) -> None:
        file = a_jpeg()
        start = file.index(b"\xff\xc0")
        wide = file[: start + 5] + struct.pack(">HH", 10_000, 10_000) + file[start + 9 :]
        assert image_size(wide) == (10_000, 10_000)
        assert error_of(wide).code is ErrorCode.TRUNCATED_IMAGE

    def test_a_png_with_damaged_pixels_is_corrupt(self) -> None:
        file = bytearray(save(np.random.default_rng(0).integers(0, 256, PICTURE.shape, np.uint8), "PNG"))
        file[len(file) // 2] ^= 0xFF
        assert error_of(bytes(file)).code is ErrorCode.CORRUPT_IMAGE

    @pytest.mark.parametrize("lost", range(1, 13))
    @pytest.mark.parametrize("picture", [PICTURE, np.tile(PICTURE, (8, 8, 1))], ids=["small", "large"])
    def test_a_png_that_lacks_only_its_end_mark_is_good(self, picture: NDArray[np.uint8], lost: int) -> None:
        file = save(picture, "PNG")
        np.testing.assert_array_equal(decode(file[:-lost]), picture)
        assert error_of(file[: -lost - 12]).code is ErrorCode.TRUNCATED_IMAGE

    def test_a_flat_picture_of_a_psd_is_what_is_shown_whatever_its_layers_are(self, shared_data: Path) -> None:
        file = (shared_data / "odd" / "pillow" / "psd-oob-write-overflow.psd").read_bytes()
        assert decode(file, limits=DecodingLimits(min_side=1)).shape == (10, 10, 3)

    def test_a_png_whose_pixels_are_not_those_of_its_checksum_is_corrupt(self) -> None:
        """Deflate unpacks many kinds of damage, and Pillow shows the result; browsers do not."""
        file, other = save(PICTURE, "PNG", compress_level=0), save(PICTURE[::-1], "PNG", compress_level=0)
        assert len(file) == len(other)
        end = file.index(b"IEND") - 8
        assert error_of(other[:end] + file[end:]).code is ErrorCode.CORRUPT_IMAGE

    def test_a_damaged_note_behind_the_pixels_of_a_png_does_no_harm(self) -> None:
        file, note = save(PICTURE, "PNG"), struct.pack(">I", 4) + b"noTe" + b"text" + bytes(4)
        end = file.index(b"IEND") - 4
        np.testing.assert_array_equal(decode(file[:end] + note + file[end:]), PICTURE)

    @pytest.mark.parametrize("tail", [bytes(100), b"\x7f\xff\x12\x34\x9a\xff\x00\x01" * 20, b"\xff" * 7])
    @pytest.mark.parametrize("format_name", ["AVIF", "HEIF"])
    def test_bytes_after_the_last_box_do_no_harm(
        self, format_name: str, tail: bytes, request: pytest.FixtureRequest
    ) -> None:
        if format_name == "AVIF":
            file = save(PICTURE, "AVIF", quality=90)
        else:
            shared: Path = request.getfixturevalue("shared_data")
            file = (shared / "odd" / "pillow" / "hopper.heif").read_bytes()
        np.testing.assert_array_equal(decode(file + tail), decode(file))
        assert error_of(file[:-20]).code is ErrorCode.TRUNCATED_IMAGE

    def test_an_empty_file_has_a_code_of_its_own(self) -> None:
        assert error_of(b"").code is ErrorCode.ZERO_SIZE_FILE

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            (b"%PDF-1.7\n%", "PDF"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
            (b"Pyramids are not portable pixmaps", "text"),
            (b"\0" * 100, r"\x00"),
            (b"\xff\xd8", r"\xff"),
            (b"x", "text"),
        ],
    )
    def test_what_is_no_image_is_unsupported_and_the_reason_says_what_it_is(self, data: bytes, says: str) -> None:
        error = error_of(data)
        assert error.code is ErrorCode.UNSUPPORTED_FORMAT
        assert says in str(error)

    @pytest.mark.parametrize("call", [decode, image_size])
    def test_header_only_questions_end_in_the_same_error(self, call: Any) -> None:
        with pytest.raises(ImageError, match="not an image"):
            call(b"no image")

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (MemoryError(), ErrorCode.IMAGE_TOO_LARGE),
            (OverflowError("int too large"), ErrorCode.CORRUPT_IMAGE),
            (Image.DecompressionBombError("big"), ErrorCode.IMAGE_TOO_LARGE),
            (EOFError(), ErrorCode.TRUNCATED_IMAGE),
            (NotImplementedError(), ErrorCode.UNSUPPORTED_FORMAT),
            (zlib.error("Error -3"), ErrorCode.CORRUPT_IMAGE),
            (KeyError((3, 16)), ErrorCode.UNSUPPORTED_FORMAT),
        ],
    )
    def test_every_exception_of_a_decoder_has_a_code(self, error: Exception, code: ErrorCode) -> None:
        judged = to_image_error(error, "PNG")
        assert judged.code is code
        assert str(judged) != "PNG: "


class TestLimits:
    """Limits are checked before pixels are decoded."""

    def test_a_picture_with_a_short_side_is_too_small(self) -> None:
        line = np.zeros((9, 100, 3), np.uint8)
        assert error_of(save(line, "PNG")).code is ErrorCode.IMAGE_TOO_SMALL
        assert error_of(save(line, "JPEG")).code is ErrorCode.IMAGE_TOO_SMALL
        assert decode(save(line, "PNG"), limits=DecodingLimits(min_side=9)).shape == line.shape

    def test_a_bomb_is_refused_from_its_header(self) -> None:
        """Decoding a gigapixel would take seconds and gigabytes."""
        began = time.process_time()
        assert error_of(png(40_000, 40_000)).code is ErrorCode.IMAGE_TOO_LARGE
        jpeg = a_jpeg()
        start = jpeg.index(b"\xff\xc0")
        huge = jpeg[: start + 5] + struct.pack(">HH", 60_000, 60_000) + jpeg[start + 9 :]
        assert error_of(huge).code is ErrorCode.IMAGE_TOO_LARGE
        gif = save(PICTURE, "GIF")
        assert error_of(gif[:6] + b"\xff\xff\xff\xff" + gif[10:]).code is ErrorCode.IMAGE_TOO_LARGE
        assert time.process_time() - began < 1

    def test_the_limit_is_the_number_of_pixels(self) -> None:
        file = save(PICTURE, "PNG")
        assert decode(file, limits=DecodingLimits(max_pixels=WIDTH * HEIGHT)).shape == PICTURE.shape
        error = error_of(file, limits=DecodingLimits(max_pixels=WIDTH * HEIGHT - 1))
        assert error.code is ErrorCode.IMAGE_TOO_LARGE

    def test_a_limit_above_pillows_own_holds(self) -> None:
        """Pillow alone refuses 180 million pixels; here decoding fails later, for lack of pixel data."""
        error = error_of(png(20_000, 9_000), limits=DecodingLimits(max_pixels=10**9))
        assert error.code is not ErrorCode.IMAGE_TOO_LARGE

    @pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"tEXt", b"iCCP"])
    @pytest.mark.parametrize("is_before_pixels", [False, True])
    def test_a_text_or_profile_larger_than_pillow_reads_does_no_harm(self, kind: bytes, is_before_pixels: bool) -> None:
        large = b"a" * 5_000_000
        body = {
            b"zTXt": b"workflow\0\0" + zlib.compress(large),
            b"iTXt": b"workflow\0\1\0\0\0" + zlib.compress(large),
            b"tEXt": b"workflow\0" + large,
            b"iCCP": b"profile\0\0" + zlib.compress(large),
        }[kind]
        file = save(PICTURE, "PNG")
        place = file.index(b"IDAT" if is_before_pixels else b"IEND") - 4
        np.testing.assert_array_equal(decode(file[:place] + png_chunk(kind, body) + file[place:]), PICTURE)

    @pytest.mark.parametrize("body", [b"", b"\1"])
    @pytest.mark.parametrize("kind", [b"cHRM", b"pHYs", b"sRGB", b"iCCP"])
    def test_a_damaged_chunk_that_the_picture_does_not_need_does_no_harm(self, kind: bytes, body: bytes) -> None:
        file = save(PICTURE, "PNG")
        place = file.index(b"IDAT") - 4
        np.testing.assert_array_equal(decode(file[:place] + png_chunk(kind, body) + file[place:]), PICTURE)


class TestManners:
    """Decoding leaves the state of its process as it was."""

    def test_nothing_is_written_and_no_warning_escapes(self, capfd: pytest.CaptureFixture[str]) -> None:
        bad_exif = tiff(PICTURE[:, :, 0])[:-4] + struct.pack("<I", 999_999)
        for file in (bad_exif, png(12_000, 8_000), tiff(PICTURE[:, :, 0], bits=16), save(PICTURE, "PNG")):
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter("always")
                with contextlib.suppress(ImageError):
                    decode(file)
            assert not heard
        assert capfd.readouterr() == ("", "")

    def test_the_warning_filters_are_as_before_after_many_threads(self) -> None:
        before = list(warnings.filters)
        files = [save(PICTURE, name) for name in ("PNG", "TIFF", "GIF", "BMP")] * 20
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(decode, files))
        assert list(warnings.filters) == before

    def test_threads_get_the_same_pixels(self) -> None:
        files = [save(PICTURE, name) for name in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF", "GIF", "JPEG2000")]
        alone = [decode(file) for file in files]
        with ThreadPoolExecutor(8) as pool:
            for _ in range(5):
                for one, other in zip(alone, pool.map(decode, files), strict=True):
                    np.testing.assert_array_equal(one, other)

    def test_pillow_keeps_its_state(self) -> None:
        """In a new process, importing loads neither libheif nor Pillow's formats; decoding registers no HEIF plugin."""
        code = """if True:
            import sys
            from PIL import Image
            limit = Image.MAX_IMAGE_PIXELS
            from dedup_assets.engine.pictures.decoding import decode
            from dedup_assets.engine.core.errors import ImageError
            assert "pi_heif" not in sys.modules and "PIL.TiffImagePlugin" not in sys.modules
            for data in (b"no image", b"\\0\\0\\0\\x18ftypheic\\0\\0\\0\\0mif1heic"):
                try:
                    decode(data)
                except ImageError:
                    pass
            assert Image.MAX_IMAGE_PIXELS == limit and "HEIF" not in Image.OPEN
        """
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=os.environ)


def _samples() -> list[bytes]:
    names = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "AVIF", "ICO", "TGA", "PPM", "PCX", "SGI", "QOI")
    files = [save(PICTURE, name) for name in names]
    deep = Image.frombytes("I;16", (WIDTH, HEIGHT), GRAY_16.tobytes())
    return [
        *files,
        save(PICTURE, "JPEG", progressive=True, exif=exif(5)),
        save(Image.fromarray(PICTURE).convert("CMYK"), "JPEG"),
        save(Image.fromarray(PICTURE).convert("P"), "PNG", transparency=0),
        save(deep, "PNG"),
        save(PICTURE, "TIFF", compression="tiff_lzw", exif=exif(3)),
        tiff(PICTURE[:, :, 0], tile=16),
    ]


SAMPLES = _samples()
patient = settings(max_examples=150)


def decode_or_refuse(data: bytes) -> None:
    """Decode, with a limit so that damaged headers stay cheap; every exception but ImageError is raised."""
    began = time.thread_time()
    try:
        pixels = decode(data, at_least=(16, 16), limits=DecodingLimits(max_pixels=2_000_000))
    except ImageError:
        pass
    else:
        assert pixels.dtype == np.uint8
        assert pixels.shape[2] == 3
    assert time.thread_time() - began < 5


class TestWildInput:
    """Random damage."""

    @given(st.sampled_from(SAMPLES), st.floats(0, 1))
    @patient
    def test_a_file_cut_anywhere_ends_well_or_as_image_error(self, file: bytes, share: float) -> None:
        decode_or_refuse(file[: int(len(file) * share)])

    @given(
        st.sampled_from(SAMPLES),
        st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=9),
    )
    @patient
    def test_changed_bytes_end_well_or_as_image_error(self, file: bytes, changes: list[tuple[float, int]]) -> None:
        damaged = bytearray(file)
        for place, value in changes:
            damaged[int(len(file) * place**2)] = value  # squared: headers are hit more often
        decode_or_refuse(bytes(damaged))

    @given(st.binary(max_size=200), st.sampled_from([b"", *(file[:12] for file in SAMPLES)]))
    @patient
    def test_noise_ends_as_image_error(self, noise: bytes, start: bytes) -> None:
        decode_or_refuse(start + noise)


class TestSharedPictures:
    """Files of the folder that `shared_data` names."""

    @pytest.mark.timeout(300)
    def test_every_odd_file_is_good_or_has_a_code(self, shared_data: Path) -> None:
        outcome: Counter[str] = Counter()
        for path in sorted(path for path in (shared_data / "odd").rglob("*") if path.is_file()):
            began = time.thread_time()
            try:
                pixels = decode(path.read_bytes(), at_least=(160, 160))
            except ImageError as error:
                outcome[error.code] += 1
            else:
                outcome["good"] += 1
                assert pixels.shape[2] == 3, path
            assert time.thread_time() - began < ODD_FILE_SECONDS, path
        assert sum(outcome.values()) == 986
        assert outcome["good"] > 280, outcome

    @pytest.mark.parametrize("series", ["Landscape", "Portrait"])
    def test_photographs_in_every_orientation_look_alike(self, shared_data: Path, series: str) -> None:
        files = sorted((shared_data / "odd" / "exif_orientation").glob(f"{series}_*.jpg"))
        assert len(files) > 3
        pictures = [resize(decode(file.read_bytes(), at_least=(90, 90)), (90, 90)) for file in files]
        for other in pictures[1:]:  # a digit in the middle differs
            assert difference(other, pictures[0]) < 3

    def test_heic_is_decoded_and_turned_once(self, shared_data: Path) -> None:
        for path in sorted((shared_data / "odd").rglob("*.hei[cf]")):
            data = path.read_bytes()
            try:
                pixels = decode(data)
            except ImageError:
                continue
            assert pixels.shape[1::-1] == image_size(data), path

    def test_photographs_are_good(self, shared_data: Path) -> None:
        for path in sorted((shared_data / "photos").rglob("*.jpg"))[::20]:
            pixels = decode(path.read_bytes(), at_least=(160, 160))
            assert min(pixels.shape[:2]) >= min(160, *image_size(path.read_bytes()))


@pytest.mark.parametrize("box", [None, BoundingBox(10, 20, 30, 25)])
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WebP", "TIFF"])
def test_a_picture_that_is_resized_again_is_as_if_it_were_decoded_again(
    format_name: str, box: BoundingBox | None
) -> None:
    data = save(Image.fromarray(PICTURE).resize((640, 480)), format_name)
    picture = ResizablePicture(data, box)
    for size in ((30, 40), (60, 80), (30, 40)):
        assert np.array_equal(picture.resized(size), decode_resized(data, size, box=box))
