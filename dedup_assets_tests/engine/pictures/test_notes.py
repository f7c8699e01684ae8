"""Captions, keywords, names and ratings are found in every block that programs write them to."""

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import dedup_assets
from dedup_assets.engine.pictures.codecs.metadata import read_provenance
from dedup_assets_tests.support.pictures import photo_like

_HEADER_BYTES = 16
TEXT = "Oma im Garten, Käseglocke"
PACKET = """<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF
xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description xmlns:xmp='http://ns.adobe.com/xap/1.0/'
xmlns:dc='http://purl.org/dc/elements/1.1/' xmp:CreatorTool='x' {attributes}>{body}</rdf:Description></rdf:RDF>
</x:xmpmeta>   <?xpacket end='w'?>"""


def packet(body: str = "", attributes: str = "") -> bytes:
    return PACKET.format(body=body, attributes=attributes).encode()


def encoded(kind: str = "JPEG", **options: Any) -> bytes:
    file = BytesIO()
    photo_like(1, 40, 30).save(file, kind, **options)
    return file.getvalue()


def notes_of(data: bytes, kind: str = "note-") -> list[str]:
    return [word for word in read_provenance(data).carries.split() if word.startswith(kind)]


def exif(tag: int, value: Any, part: int = 0) -> bytes:
    block = Image.Exif()
    (block.get_ifd(part) if part else block)[tag] = value
    return block.tobytes()


def caption(text: str) -> bytes:
    return packet(f"<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>{text}</rdf:li></rdf:Alt></dc:description>")


def with_iptc(jpeg: bytes, *records: tuple[int, str]) -> bytes:
    block = b"".join(
        b"\x1c\x02" + struct.pack(">BH", number, len(text.encode())) + text.encode() for number, text in records
    )
    other = b"8BIM\x04\x25\x00\x00" + struct.pack(">I", 3) + b"abc\0"
    body = b"Photoshop 3.0\0" + other + b"8BIM\x04\x04\x03abc" + struct.pack(">I", len(block)) + block
    return jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def png_text(**texts: str) -> bytes:
    notes = PngInfo()
    for keyword, text in texts.items():
        notes.add_text(keyword, text, zip=True)
    return encoded("PNG", pnginfo=notes)


WAYS = {
    "EXIF description": lambda text: encoded(exif=exif(0x010E, text.encode())),
    "EXIF comment": lambda text: encoded(exif=exif(0x9286, b"ASCII\0\0\0" + text.encode(), 0x8769)),
    "EXIF comment in UTF-16": lambda text: encoded(exif=exif(0x9286, b"UNICODE\0" + text.encode("utf-16-le"), 0x8769)),
    "Windows": lambda text: encoded(exif=exif(0x9C9C, text.encode("utf-16-le") + b"\0\0")),
    "XMP": lambda text: encoded(xmp=caption(text)),
    "XMP in WebP": lambda text: encoded("WEBP", xmp=caption(text)),
    "IPTC": lambda text: with_iptc(encoded(), (120, text)),
    "PNG": lambda text: png_text(Description=text),
    "TIFF": lambda text: encoded("TIFF", tiffinfo={270: text.encode()}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_caption_is_the_same_word_wherever_it_is_written(way: str) -> None:
    written = WAYS[way](TEXT)
    assert notes_of(written) == notes_of(encoded(xmp=caption(f" {TEXT}\n")))
    assert len(notes_of(written)) == 1
    assert notes_of(WAYS[way]("Opa")) != notes_of(written)


def test_keywords_names_and_ratings_are_words_of_their_own() -> None:
    keywords = "<dc:subject><rdf:Bag><rdf:li>Oma</rdf:li><rdf:li>Garten</rdf:li></rdf:Bag></dc:subject>"
    rated = notes_of(encoded(xmp=packet(keywords, "xmp:Rating='5'")))
    assert len(rated) == 3
    assert set(notes_of(with_iptc(encoded(), (25, "Garten"), (25, "Oma"), (80, "by")))) < set(rated)
    assert set(notes_of(encoded(xmp=packet("<xmp:Rating>5</xmp:Rating>")))) < set(rated)
    assert set(notes_of(encoded(exif=exif(0x4746, 5)))) < set(rated)


@pytest.mark.parametrize(
    "data",
    [
        encoded(xmp=packet("", "xmp:Rating='0'")),
        encoded(exif=exif(0x9286, bytes(20), 0x8769)),
        encoded(exif=exif(0x010E, b"   ")),
        encoded(xmp=b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + caption("&b;")),
        png_text(Software="x"),
    ],
)
def test_what_nobody_noted_is_no_word(data: bytes) -> None:
    assert notes_of(data) == []


@given(st.sampled_from(sorted(WAYS)), st.integers(0, 2000), st.binary(max_size=20))
def test_damaged_notes_never_cost_the_other_facts(way: str, start: int, noise: bytes) -> None:
    whole = WAYS[way](TEXT)
    found = read_provenance(whole[:start] + noise + whole[start + len(noise) :])
    assert (found.format == read_provenance(whole).format) or start < _HEADER_BYTES


def test_many_notes_are_one_word() -> None:
    many = "".join(f"<rdf:li>{number}</rdf:li>" for number in range(2000))
    assert len(notes_of(encoded(xmp=packet(f"<dc:subject><rdf:Bag>{many}</rdf:Bag></dc:subject>")))) == 1


@pytest.mark.parametrize(
    ("kept", "copy", "role"),
    [
        (caption("Oma"), caption("Opa"), "review"),
        (packet("", "xmp:Rating='3'"), packet("", "xmp:Rating='5'"), "review"),
        (packet(), packet("<dc:subject><rdf:Bag><rdf:li>Oma</rdf:li></rdf:Bag></dc:subject>"), "review"),
        (caption("Oma"), packet(), "copy"),
        (caption("Oma"), caption("Oma "), "copy"),
    ],
)
def test_a_copy_with_a_note_that_the_kept_image_lacks_is_for_review(
    tmp_path: Path, kept: bytes, copy: bytes, role: str
) -> None:
    (tmp_path / "in").mkdir()
    picture = photo_like(3, 200, 150)
    picture.save(tmp_path / "in" / "a.jpg", quality=95, xmp=kept, comment=b"Created with larger" * 20)
    picture.save(tmp_path / "in" / "b.jpg", quality=95, xmp=copy)
    assert dedup_assets.run(str(tmp_path / "in"), str(tmp_path / "out"), num_threads=1) == 0
    groups = dedup_assets.load(str(tmp_path / "out")).groups()
    assert sorted(groups["role"]) == sorted(["keep", role])
    assert set(groups["relation"]) == {"", "pixels"}


def placed(north: float) -> bytes:
    block = Image.Exif()
    block.get_ifd(0x8825).update({1: "N", 2: (north, 30.0, 0.0), 3: "E", 4: (11.0, 15.0, 0.0)})
    return encoded(exif=block.tobytes())


def test_another_place_is_another_note_and_the_same_one_is_found_again() -> None:
    assert notes_of(placed(48), "place-") == notes_of(placed(48), "place-") != notes_of(placed(12), "place-")
    assert len(notes_of(placed(48), "place-")) == 1
