"""Radiance HDR, PAM and BMP with bits of its own are read, and what is cut or damaged is an ImageError."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.inputs.kinds import HEAD_BYTES, Kind, is_image_head, kind_of
from dedup_assets.engine.pictures.decoding import decode, image_size
from dedup_assets_tests.support.pictures import photo_like

WIDTH, HEIGHT = 40, 30
PHOTO = np.asarray(photo_like(3, WIDTH, HEIGHT))


def rgbe(exponent: int = 128) -> NDArray[np.uint8]:
    """(h, w, 4): the photograph as light; all channels share one exponent."""
    return np.dstack([PHOTO, np.full(PHOTO.shape[:2], exponent, np.uint8)])


def coded_row(row: NDArray[np.uint8]) -> bytes:
    """A row as literals of up to 100 values, and one run where a channel is of one value."""
    coded = bytes((2, 2, WIDTH >> 8, WIDTH & 255))
    for channel in row.T:
        if (channel == channel[0]).all():
            coded += bytes((128 + WIDTH, channel[0]))
        else:
            coded += bytes((WIDTH - 10,)) + channel[:-10].tobytes() + bytes((10,)) + channel[-10:].tobytes()
    return coded


def hdr(body: bytes, size: str = f"-Y {HEIGHT} +X {WIDTH}", form: str = "32-bit_rle_rgbe") -> bytes:
    return f"#?RADIANCE\nFORMAT={form}\nEXPOSURE=1\n\n{size}\n".encode() + body


CODED = hdr(b"".join(coded_row(row) for row in rgbe()))
PLAIN = hdr(rgbe().tobytes())


def pam(samples: NDArray[np.integer], most: int, kind: str = "RGB") -> bytes:
    height, width, depth = samples.shape
    header = f"P7\n# a note\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL {most}\nTUPLTYPE {kind}\nENDHDR\n"
    return header.encode() + samples.astype(">u2" if most > 255 else np.uint8).tobytes()


def bmp(masks: tuple[int, ...], bits: int = 32, *, top_down: bool = False) -> bytes:
    """The photograph with each colour in the bits of its mask."""
    pixels = np.zeros((HEIGHT, WIDTH), np.uint32)
    opaque = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    for mask, plane in zip(masks, np.dstack([PHOTO, opaque]).transpose(2, 0, 1), strict=False):
        low = mask & -mask or 1
        pixels |= (np.rint(plane / 255 * (mask // low)).astype(np.uint32) * low).astype(np.uint32)
    rows = pixels.astype("<u2" if bits == 16 else "<u4")[:: 1 if top_down else -1].tobytes()
    info = struct.pack("<IiiHHIIiiII", 40, WIDTH, -HEIGHT if top_down else HEIGHT, 1, bits, 3, len(rows), 0, 0, 0, 0)
    offset = 14 + len(info) + 4 * len(masks)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + info + struct.pack("<3I", *masks) + rows


def test_hdr_is_shown_by_its_light_whatever_the_exponent_and_the_coding() -> None:
    shown = decode(CODED)
    assert shown.shape == PHOTO.shape
    assert np.array_equal(decode(PLAIN), shown)
    assert np.array_equal(decode(hdr(rgbe(90).tobytes())), shown)
    order = np.argsort(PHOTO[..., 1], axis=None)
    assert (np.diff(shown[..., 1].ravel()[order].astype(int)) >= 0).all()  # brighter light is never darker
    assert shown.max() == 255


def test_repeated_pixels_of_old_hdr_files_are_read() -> None:
    pixel, repeat = bytes((10, 20, 30, 128)), bytes((1, 1, 1, WIDTH - 1))
    shown = decode(hdr((pixel + repeat) * HEIGHT))
    assert shown.shape == (HEIGHT, WIDTH, 3)
    assert (shown == shown[0, 0]).all()


def test_hdr_of_another_order_or_format_is_unsupported() -> None:
    for other in (hdr(b"", size="+Y 30 +X 40"), hdr(b"", form="32-bit_rle_xyze")):
        with pytest.raises(ImageError) as caught:
            decode(other)
        assert caught.value.code is ErrorCode.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("most", [255, 100, 65535])
def test_pam_colours_are_scaled_by_their_largest_value(most: int) -> None:
    samples = np.rint(PHOTO.astype(float) * most / 255).astype(int)
    assert np.abs(decode(pam(samples, most)).astype(int) - PHOTO).max() <= 2


def test_pam_gray_and_alpha_are_read() -> None:
    gray = PHOTO[..., :1]
    assert np.array_equal(decode(pam(gray, 255, "GRAYSCALE")), np.repeat(gray, 3, 2))
    opaque, clear = np.full_like(gray, 255), np.zeros_like(gray)
    assert np.array_equal(decode(pam(np.dstack([PHOTO, opaque]), 255, "RGB_ALPHA")), PHOTO)
    half = np.dstack([PHOTO, np.where(np.arange(WIDTH)[None, :, None] < 20, opaque, clear)])
    assert (decode(pam(half, 255, "RGB_ALPHA"))[:, 20:] == 255).all()


@pytest.mark.parametrize(
    ("masks", "bits", "off"),
    [
        ((0x3FF, 0xFFC00, 0xFFF00000), 32, 1),
        ((0xFF, 0xFF00, 0xFF0000), 32, 1),
        ((0x7C0, 0xF800, 0x3F), 16, 5),
    ],
)
@pytest.mark.parametrize("top_down", [False, True])
def test_bmp_colours_of_any_bits_are_read(masks: tuple[int, ...], bits: int, off: int, *, top_down: bool) -> None:
    shown = decode(bmp(masks, bits, top_down=top_down)).astype(int)
    assert np.abs(shown - PHOTO).max() <= off


def test_a_colour_without_bits_is_nowhere() -> None:
    shown = decode(bmp((0xFF00, 0xFF, 0), 16))
    assert (shown[..., 2] == 0).all()
    assert np.abs(shown[..., :2].astype(int) - PHOTO[..., :2]).max() <= 1


WHOLE = {
    "coded.hdr": CODED,
    "plain.hdr": PLAIN,
    "colour.pam": pam(PHOTO, 255),
    "bits.bmp": bmp((0x3FF, 0xFFC00, 0xFFF00000)),
}


@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_a_file_that_is_cut_is_never_good(name: str, data: st.DataObject) -> None:
    whole = WHOLE[name]
    with pytest.raises(ImageError):
        decode(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_changed_bytes_give_a_picture_or_an_image_error(name: str, data: st.DataObject) -> None:
    whole = WHOLE[name]
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + data.draw(st.binary(min_size=1, max_size=4)) + whole[at + 1 :]
    try:
        width, height = image_size(changed)
        if width * height < 1_000_000:
            decode(changed)
    except ImageError:
        pass


def test_they_are_recognised_by_name_and_by_content() -> None:
    assert {kind_of(name.encode()) for name in WHOLE} == {Kind.IMAGE}
    assert all(is_image_head(data[:HEAD_BYTES]) for data in (CODED, WHOLE["bits.bmp"]))
