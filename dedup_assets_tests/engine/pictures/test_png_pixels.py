"""PNG files that FFmpeg helps to read: the pixels, and what is refused, are those of Pillow."""

import io
import struct
from collections.abc import Callable
from functools import partial
from zlib import compress, crc32, decompress

import numpy as np
import pytest
from PIL import Image, ImageCms

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs import png, png_pixels
from dedup_assets.engine.pictures.decoding import decode
from dedup_assets_tests.support.pictures import photo_like

_SIZE = (331, 257)
_PHOTO = photo_like(3, *_SIZE)
_RAMP = (np.add.outer(np.arange(_SIZE[1]), np.arange(_SIZE[0])) % 256).astype(np.uint8)


def _with_alpha(alpha: np.ndarray) -> Image.Image:
    return Image.fromarray(np.dstack([np.asarray(_PHOTO), alpha]))


_PICTURES: dict[str, Callable[[], Image.Image]] = {
    "rgb": lambda: _PHOTO,
    "gray": lambda: _PHOTO.convert("L"),
    "palette": lambda: _PHOTO.quantize(200),
    "alpha": lambda: _with_alpha(_RAMP),
    "opaque alpha": lambda: _with_alpha(np.full_like(_RAMP, 255)),
    "no colour seen": lambda: _with_alpha(np.zeros_like(_RAMP)),
    "gray and alpha": lambda: Image.merge("LA", (_PHOTO.convert("L"), Image.fromarray(_RAMP))),
}
_LEFT_TO_PILLOW: dict[str, Callable[[], Image.Image]] = {
    "bits": lambda: _PHOTO.convert("1"),
    "few colours": lambda: _PHOTO.quantize(16),
    "deep": lambda: Image.fromarray(_RAMP.astype(np.uint16) * 256 + 7),
}
_SAVED_WITH = {
    "plain": {},
    "not packed": {"compress_level": 0},
    "profile": {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()},
}


def _saved(picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    return file.getvalue()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc32(kind + body))


def _beginning(file: bytes, kind: bytes, body: bytes) -> bytes:
    return file[:33] + _chunk(kind, body) + file[33:]


_read_by_pillow = partial(_beginning, kind=b"acTL", body=struct.pack(">II", 1, 0))
"""The same picture as an animation of one frame, which nothing else reads."""


def _is_usual(file: bytes) -> bool:
    return png_pixels.read(file, _SIZE) is not None


def _lines_of(file: bytes) -> bytes:
    return decompress(
        b"".join(file[part.start + 8 : part.end - 4] for part in png.chunks(file) if part.kind == b"IDAT")
    )


def _repacked(file: bytes, packed: bytes) -> bytes:
    return file[: file.index(b"IDAT") - 4] + _chunk(b"IDAT", packed) + png.END


def _outcome(file: bytes) -> object:
    try:
        return decode(file).tobytes()
    except ImageError as error:
        return error.code


@pytest.mark.parametrize("options", _SAVED_WITH.values(), ids=_SAVED_WITH)
@pytest.mark.parametrize("make", _PICTURES.values(), ids=_PICTURES)
def test_the_pixels_are_those_of_pillow(make: Callable[[], Image.Image], options: dict[str, object]) -> None:
    file = _saved(make(), **options)
    assert _is_usual(file)
    assert not _is_usual(_read_by_pillow(file))
    np.testing.assert_array_equal(decode(file), decode(_read_by_pillow(file)))


@pytest.mark.parametrize(
    "transparent", [{"rgb": (1, 2, 3)}, {"gray": 9}, {"palette": 5}, {"palette": bytes(range(200))}]
)
def test_colours_that_are_transparent_are_those_of_pillow(transparent: dict[str, object]) -> None:
    ((name, value),) = transparent.items()
    file = _saved(_PICTURES[name](), transparency=value)
    assert _is_usual(file)
    np.testing.assert_array_equal(decode(file), decode(_read_by_pillow(file)))


@pytest.mark.parametrize("make", _PICTURES.values(), ids=_PICTURES)
def test_a_gamma_is_applied_to_them_as_to_others(make: Callable[[], Image.Image]) -> None:
    file = _saved(make())
    linear = _beginning(file, b"gAMA", struct.pack(">I", 100_000))
    assert _is_usual(linear)
    np.testing.assert_array_equal(decode(linear), decode(_read_by_pillow(linear)))
    assert make().mode == "RGBA" or (decode(linear) != decode(file)).any()


@pytest.mark.parametrize("behind", [False, True])
def test_a_turned_picture_is_upright_wherever_its_file_says_so(behind: bool) -> None:
    file, exif = _saved(_PHOTO), Image.Exif()
    exif[0x0112] = 6
    block = _chunk(b"eXIf", exif.tobytes()[6:])
    turned = file[: -len(png.END)] + block + png.END if behind else file[:33] + block + file[33:]
    np.testing.assert_array_equal(decode(turned), np.rot90(np.asarray(_PHOTO), -1))


@pytest.mark.parametrize("make", _LEFT_TO_PILLOW.values(), ids=_LEFT_TO_PILLOW)
def test_other_depths_are_left_to_pillow(make: Callable[[], Image.Image]) -> None:
    file = _saved(make())
    assert not _is_usual(file)
    assert decode(file).shape == (_SIZE[1], _SIZE[0], 3)


@pytest.mark.parametrize("left", [-13, -14, 4000, 50])
def test_a_file_that_was_cut_is_truncated(left: int) -> None:
    with pytest.raises(ImageError) as caught:
        decode(_saved(_PHOTO)[:left])
    assert caught.value.code is ErrorCode.TRUNCATED_IMAGE


def test_lines_that_are_not_as_the_header_says_are_judged_by_pillow() -> None:
    file = _saved(_PHOTO)
    lines, packed = _lines_of(file), compress(_lines_of(file))
    unusual = {
        "too few": compress(lines[:-600]),
        "too many": compress(lines + b"more"),
        "an unknown filter": compress(b"\7" + lines[1:]),
        "another checksum": packed[:-1] + bytes([packed[-1] ^ 1]),
        "no checksum": packed[:-4],
    }
    for name, stream in unusual.items():
        other = _repacked(file, stream)
        assert not _is_usual(other), name
        assert _outcome(other) == _outcome(_read_by_pillow(other)), name
    assert _is_usual(_repacked(file, packed))


def test_damaged_packed_pixels_are_judged_as_pillow_does() -> None:
    file, random = _saved(_PHOTO), np.random.default_rng(5)
    packed = compress(_lines_of(file))
    for place, bit in zip(random.integers(0, len(packed), 40), random.integers(0, 8, 40), strict=True):
        damaged = bytearray(packed)
        damaged[place] ^= 1 << int(bit)
        other = _repacked(file, bytes(damaged))
        assert _outcome(other) == _outcome(_read_by_pillow(other)), (place, bit)
