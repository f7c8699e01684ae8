"""What a file says of camera, time, compression and metadata is read, and damage never raises an error."""

from functools import cache
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from dedup_assets.engine.pictures.codecs.metadata import read_moment, read_provenance
from dedup_assets.engine.pictures.provenance import Provenance
from dedup_assets_tests.support.pictures import photo_like

MAKE, MODEL, EXIF_PART, GPS_PART, TAKEN, LATITUDE = 0x010F, 0x0110, 0x8769, 0x8825, 0x9003, 2


def exif_of_a_camera() -> Image.Exif:
    exif = Image.Exif()
    exif[MAKE], exif[MODEL] = "Maker\0", "Model  7"
    exif.get_ifd(EXIF_PART)[TAKEN] = "2019:05:04 03:02:01"
    exif.get_ifd(GPS_PART)[LATITUDE] = (1.0, 2.0, 3.0)
    return exif


def plain_words(carries: str) -> list[str]:
    return [word for word in carries.split() if "-" not in word]


@cache  # it holds the time of its making
def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(kind: str, **options: Any) -> bytes:
    file = BytesIO()
    photo_like(1, 40, 30).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_camera_time_place_and_profile_are_read(kind: str) -> None:
    found = read_provenance(encoded(kind, exif=exif_of_a_camera(), icc_profile=profile()))
    assert (found.format, found.camera, found.taken) == (kind, "Maker Model 7", "2019-05-04 03:02:01")
    assert plain_words(found.carries) == ["exif", "gps", "icc"]
    assert read_moment(encoded(kind, exif=exif_of_a_camera()), None) == "2019-05-04 03:02:01"


def test_a_tiff_is_its_own_exif_block() -> None:
    found = read_provenance(exif_of_a_camera().tobytes().removeprefix(b"Exif\0\0"))
    assert (found.format, found.camera, found.taken) == ("TIFF", "Maker Model 7", "2019-05-04 03:02:01")
    assert plain_words(found.carries) == ["exif", "gps"]
    assert read_provenance(encoded("TIFF", icc_profile=profile())).carries == "icc"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "GIF", "BMP"])
def test_a_file_without_metadata_carries_nothing(kind: str) -> None:
    found = read_provenance(encoded(kind))
    assert (found.format, found.camera, found.taken, found.carries) == (kind, "", "", "")


@pytest.mark.parametrize(
    ("kind", "options", "is_lossless"),
    [
        *(("PNG", {}, True), ("BMP", {}, True), ("JPEG", {}, False), ("AVIF", {}, False), ("TIFF", {}, True)),
        *(("WEBP", {"lossless": True}, True), ("WEBP", {"quality": 80}, False)),
        *(("TIFF", {"compression": "jpeg"}, False), ("TIFF", {"compression": "tiff_lzw"}, True)),
    ],
)
def test_formats_are_told_apart_by_loss(kind: str, options: dict[str, Any], is_lossless: bool) -> None:
    assert read_provenance(encoded(kind, **options)).is_lossless is is_lossless


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 90, 95, 100])
def test_the_quality_of_a_jpeg_is_found_again(quality: int) -> None:
    assert read_provenance(encoded("JPEG", quality=quality)).jpeg_quality == quality


def test_other_formats_have_no_jpeg_quality() -> None:
    assert read_provenance(encoded("PNG")).jpeg_quality is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_xmp_is_noticed(kind: str) -> None:
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    options: dict[str, Any] = {"xmp": packet}
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        notes = PngInfo()
        notes.add_itxt("XML:com.adobe.xmp", packet.decode())
        options = {"pnginfo": notes}
    assert read_provenance(encoded(kind, **options)).carries == "xmp"


@given(st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF"]), st.data())
def test_damage_never_raises_an_error(kind: str, data: st.DataObject) -> None:
    whole = _with_metadata(kind)
    start = data.draw(st.integers(0, len(whole)))
    noise = data.draw(st.binary(max_size=20))
    damaged = whole[:start] + noise + whole[start + len(noise) :]
    assert isinstance(read_provenance(damaged), Provenance)
    assert isinstance(read_provenance(whole[:start]), Provenance)


def _with_metadata(kind: str) -> bytes:
    return encoded(kind, exif=exif_of_a_camera(), icc_profile=profile())


def test_what_is_no_picture_says_nothing() -> None:
    found = read_provenance(b"%PDF-1.7")
    assert found == Provenance(carries=found.carries)
    assert found.carries.startswith("unread-")
