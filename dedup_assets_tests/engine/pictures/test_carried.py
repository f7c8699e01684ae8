"""What a file carries beside the pixels that are compared is a word of its own, and the same word in each such file."""

import re
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from dedup_assets.engine.core.carried import said_of
from dedup_assets.engine.pictures.codecs.metadata import read_provenance
from dedup_assets.engine.pictures.decoding import ResizablePicture
from dedup_assets_tests.support.pictures import photo_like

EXIF, TAKEN, PART, MAKERS, NAME = 0x8769, 0x9003, 0x9291, 0x927C, 0xA420
FILM = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 40


def encoded(kind: str = "JPEG", picture: Image.Image | None = None, **options: Any) -> bytes:
    file = BytesIO()
    (picture or photo_like(1, 40, 30)).save(file, kind, **options)
    return file.getvalue()


def exif(first: dict[int, Any] | None = None, **inner: Any) -> bytes:
    block = Image.Exif()
    block.update(first or {})
    block.get_ifd(EXIF).update({int(tag[1:]): value for tag, value in inner.items()})
    return block.tobytes()


def taken(moment: str, part: str = "") -> bytes:
    return exif(**{f"t{TAKEN}": moment} | ({f"t{PART}": part} if part else {}))


def packet(attributes: str) -> bytes:
    spaces = "xmlns:exif='http://ns.adobe.com/exif/1.0/' xmlns:tiff='http://ns.adobe.com/tiff/1.0/'"
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    return (
        f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='{rdf}'><rdf:Description {spaces} {attributes}/>"
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def with_segment(marker: int, body: bytes) -> bytes:
    plain = encoded()
    return plain[:2] + segment(marker, body) + plain[2:]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(kind: bytes, body: bytes) -> bytes:
    plain = encoded("PNG")
    return plain[:33] + chunk(kind, body) + plain[33:]


def text(keyword: str, said: str) -> bytes:
    notes = PngInfo()
    notes.add_text(keyword, said)
    return encoded("PNG", pnginfo=notes)


def profile(name: str) -> bytes:
    if name == "LAB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    plain = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    if name == "wide":  # red and green change places
        red, green = plain.index(b"rXYZ"), plain.index(b"gXYZ")
        plain[red : red + 4], plain[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(plain)


def gray_16(offset: int = 0) -> Image.Image:
    return Image.fromarray((np.arange(1200, dtype=np.uint16).reshape(30, 40) * 50 + offset).astype(np.uint16))


def clear(least: int) -> Image.Image:
    picture = photo_like(1, 40, 30).convert("RGBA")
    alpha = Image.new("L", picture.size, 255)
    alpha.putpixel((3, 4), least)
    picture.putalpha(alpha)
    return picture


def with_second_picture() -> bytes:
    file = BytesIO()
    photo_like(1, 40, 30).save(file, "MPO", save_all=True, append_images=[photo_like(2, 200, 150)])
    return file.getvalue()


HOLDERS = {
    "a date": taken("2020:01:02 03:04:05"),
    "a date, of a scan": exif(**{"t36868": "2020:01:02 03:04:05"}),
    "a camera's note": exif(**{f"t{MAKERS}": b"Maker" * 20}),
    "a camera's note, by name": exif(**{f"t{NAME}": "0123456789abcdef"}),
    "an author": exif({0x013B: "Anna"}),
    "rights": exif({0x8298: "(c) Anna"}),
    "how it was exposed": exif(**{"t33434": 0.01}),
}
CARRIED = {
    **{what: (encoded(exif=block), encoded(exif=exif({0x0131: "x"}))) for what, block in HOLDERS.items()},
    "a comment": (encoded(comment=b"Oma"), encoded()),
    "a caption": (text("Weather", "rain"), text("Software", "x")),
    "another colour space": (encoded(icc_profile=profile("wide")), encoded(icc_profile=profile("sRGB"))),
    "another colour space, CMYK": (encoded(picture=photo_like(1, 40, 30).convert("CMYK")), encoded()),
    "another colour space, coded": (with_chunk(b"cICP", b"\x09\x10\0\1"), with_chunk(b"cICP", b"\1\x0d\0\1")),
    "another picture": (with_second_picture(), encoded()),
    "a film": (encoded() + FILM, encoded() + b"\0" * 3000),
    "a gain map": (encoded(xmp=packet("hdrgm:Version='1.0' xmlns:hdrgm='g'")) + encoded() * 3, encoded(xmp=packet(""))),
    "a depth map": (
        encoded(xmp=packet("xmlns:G='x' G:Mime='GDepth'")) + encoded() * 3,
        encoded(xmp=packet("xmlns:G='x' G:Mime='GDepth'")),
    ),
    "other data after": (encoded("PNG") + b"Rar!" + FILM[40:], encoded("PNG") + b"tiny"),
    "data of a camera": (with_segment(0xE1, b"FLIR\0" + bytes(100)), with_segment(0xEE, b"Adobe" + bytes(100))),
    "data of a camera or program": (with_chunk(b"mkBS", bytes(3000)), with_chunk(b"vpAg", bytes(9))),
    "more than 8 bits": (encoded("PNG", gray_16()), encoded("PNG", photo_like(1, 40, 30).convert("L"))),
    "floating point": (
        encoded("TIFF", Image.fromarray(np.linspace(0, 1, 1200, dtype=np.float32).reshape(30, 40))),
        encoded("TIFF"),
    ),
    "transparent parts": (encoded("PNG", clear(9)), encoded("PNG", clear(255))),
    "transparent parts of WebP": (encoded("WEBP", clear(9), lossless=True), encoded("WEBP", clear(255), lossless=True)),
    "transparent parts of TIFF": (encoded("TIFF", clear(9)), encoded("TIFF", clear(255))),
    "a resolution": (encoded(dpi=(300, 300)), encoded(dpi=(72, 72))),
    "a resolution of PNG": (encoded("PNG", dpi=(600, 600)), encoded("PNG", dpi=(96, 96))),
    "a resolution of TIFF": (encoded("TIFF", dpi=(1200, 1200)), encoded("TIFF")),
    "a resolution of BMP": (encoded("BMP", dpi=(300, 300)), encoded("BMP")),
    "a resolution of WebP": (encoded("WEBP", exif=exif({0x011A: 300, 0x011B: 300})), encoded("WEBP")),
    "whose metadata are not read": (encoded("JPEG2000"), encoded("BMP")),
}


@pytest.mark.parametrize("what", CARRIED)
def test_what_a_file_carries_is_said_in_words(what: str) -> None:
    holder, plain = (set(read_provenance(data).carries.split()) for data in CARRIED[what])
    assert plain - holder == set()
    wanted = re.split(",| of ", what)[0]
    assert any(wanted in said for said in said_of(holder - plain)), holder
    assert said_of(plain - holder) == []


def test_the_same_moment_is_the_same_word_in_each_block() -> None:
    dates = [
        encoded(exif=taken("2020:01:02 03:04:05")),
        encoded(xmp=packet("exif:DateTimeOriginal='2020-01-02T03:04:05.50+01:00'")),
        encoded("PNG", exif=taken("2020:01:02 03:04:05")),
    ]
    words = [{word for word in read_provenance(data).carries.split() if word.startswith("date-")} for data in dates]
    assert words[0] == words[1] == words[2]
    assert len(words[0]) == 1


def test_shots_of_one_second_are_told_apart_by_its_parts() -> None:
    one, other = (read_provenance(encoded(exif=taken("2020:01:02 03:04:05", part))).carries for part in ("12", "57"))
    more = set(one.split()) - set(other.split())
    assert said_of(more, other.split()) == ["is, by what its camera noted, another shot"]


def test_the_same_author_is_the_same_word_in_exif_and_xmp() -> None:
    one = read_provenance(encoded(exif=exif({0x013B: "Anna"}))).carries
    assert {word for word in one.split() if word.startswith("author-")} <= set(
        read_provenance(encoded(xmp=packet("tiff:Artist='Anna'"))).carries.split()
    )


def test_sixteen_bits_with_other_samples_are_other_words() -> None:
    one, other = (read_provenance(encoded("PNG", gray_16(offset))).carries for offset in (0, 1))
    assert said_of(set(one.split()) - set(other.split())) == ["has other samples beyond the 8 bits that are compared"]
    assert read_provenance(encoded("PNG", gray_16())).carries == one


@pytest.mark.parametrize(
    "said", [b"CREATOR: gd-jpeg v1.0 (using IJG JPEG v62)", b"Lavc58.54.100", b" Created with GIMP"]
)
def test_what_a_program_says_of_itself_is_no_comment(said: bytes) -> None:
    assert read_provenance(encoded(comment=said)).carries == ""


def test_auxiliary_pictures_of_heif_are_said_in_words() -> None:
    file = encoded("AVIF", clear(9))
    named = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
    assert said_of(read_provenance(file).carries.split())[0] == "has transparent parts"
    depth = file.replace(named, b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth")
    assert said_of(read_provenance(depth).carries.split()) == ["holds a depth map"]
    gains = file.replace(named, b"urn:com:apple:photo:2020:aux:hdrgainmap".ljust(len(named), b"\0"))
    assert "holds a gain map (HDR)" not in said_of(read_provenance(gains).carries.split())
    gains = file.replace(named, b"urn:com:apple:photo:2020:aux:HDRGainMap".ljust(len(named), b"\0"))
    assert said_of(read_provenance(gains).carries.split()) == ["holds a gain map (HDR)"]


def test_gif_comments_and_what_follows_a_gif_are_found(tmp_path: Path) -> None:
    plain = encoded("GIF")
    assert read_provenance(plain).carries == ""
    assert said_of(read_provenance(encoded("GIF", comment=b"Oma")).carries.split()) == [
        "has a comment that the kept one lacks"
    ]
    assert said_of(read_provenance(plain + FILM).carries.split()) == ["holds a film"]


@pytest.mark.parametrize("picture", [gray_16(), clear(9)], ids=["16 bits", "transparent"])
def test_the_same_samples_are_the_same_word_however_they_are_packed(picture: Image.Image) -> None:
    one, other = (encoded("PNG", picture, compress_level=level) for level in (0, 9))
    assert read_provenance(one).carries == read_provenance(other).carries != ""


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("least", [9, 255])
def test_decoding_sees_the_transparency_that_the_file_alone_tells(kind: str, least: int) -> None:
    data = encoded(kind, clear(least))
    picture = ResizablePicture(data)
    picture.resized((10, 10))
    assert picture.is_transparent is (least == 9)
    assert read_provenance(data, picture.is_transparent) == read_provenance(data)


def test_a_raw_file_beside_its_preview_is_said_to_be_one() -> None:
    raw = exif({0x0110: "Model"}).removeprefix(b"Exif\0\0").replace(b"MM\0*", b"MMOR")
    assert "is a raw file of a camera" in said_of(read_provenance(raw).carries.split())


@pytest.mark.parametrize("dpi", [150, 200, 240, 300, 400, 600, 1200, 2400])
def test_the_same_resolution_is_the_same_word_in_each_format(dpi: int) -> None:
    files = [encoded(kind, dpi=(dpi, dpi)) for kind in ("JPEG", "PNG", "TIFF", "BMP")]
    in_centimetres = with_segment(0xE0, b"JFIF\0\1\2\2" + struct.pack(">HH", *[round(dpi / 2.54)] * 2) + b"\0\0")
    files += [encoded("WEBP", exif=exif({0x011A: dpi, 0x011B: dpi, 0x0128: 2})), in_centimetres]
    words = [{word for word in read_provenance(data).carries.split() if word.startswith("dots-")} for data in files]
    assert len(words[0]) == 1
    assert all(each == words[0] for each in words), words


@pytest.mark.parametrize("block", [{0x011A: 300}, {0x011A: 1e9, 0x011B: 1e9}, {0x011A: 0.0, 0x011B: 0.0}])
def test_a_resolution_that_says_nothing_is_no_word(block: dict[int, Any]) -> None:
    for data in (encoded(exif=exif(block)), encoded(exif=exif({0x011A: 300, 0x011B: 300, 0x0128: 1}))):
        assert "dots-" not in read_provenance(data).carries
