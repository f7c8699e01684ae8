"""What was noted in a file: captions, keywords, names of persons, ratings, places, in EXIF, XMP, IPTC and PNG.

Each note becomes a word, the digest of its text, so that it is found again in another file, whichever block holds it
there. Notes of programs (tools, histories, serial numbers) are left out. A damaged block counts as far as it is read.
Formats: EXIF 2.32, 4.6.4; XMP (ISO 16684-1) with the schemas of Dublin Core, Adobe, the Metadata Working Group and
Microsoft; IPTC-IIM 4.2 in resources of Photoshop.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from typing import Any
from xml.parsers import expat

_DESCRIPTION, _RATING, _COMMENT = 0x010E, 0x4746, 0x9286
_WINDOWS = (0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F)  # title, comment, keywords and subject, as UTF-16
_PLACE = (1, 2, 3, 4)  # latitude and longitude, each with its hemisphere before it
_CHARSETS = {b"ASCII\0\0\0": "utf-8", b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "iso2022_jp", bytes(8): "utf-8"}
_OF_XMP = {
    **dict.fromkeys(("title", "description", "subject"), "http://purl.org/dc/elements/1.1/"),
    **dict.fromkeys(("Rating", "Label"), "http://ns.adobe.com/xap/1.0/"),
    "Headline": "http://ns.adobe.com/photoshop/1.0/",
    "hierarchicalSubject": "http://ns.adobe.com/lightroom/1.0/",
    "UserComment": "http://ns.adobe.com/exif/1.0/",
    "Name": "http://www.metadataworkinggroup.com/schemas/regions/",
    "PersonDisplayName": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "PersonInImage": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
_NAMES = {f"{space} {name}": name for name, space in _OF_XMP.items()}
_OF_IPTC = {5, 25, 105, 120}  # title, keyword, headline, caption
_OF_PNG = {b"Title", b"Description", b"Comment", b"parameters", b"prompt"}
_MOST_NOTES = 100  # more are one word together
_DIGEST_BYTES = 6


def note_words(texts: Iterable[str]) -> list[str]:
    """A word for each text: equal for equal texts, whatever space is around their words; sorted."""
    found = sorted({plain for text in texts if (plain := " ".join(text.replace("\0", " ").split()))})
    if len(found) > _MOST_NOTES:
        found = ["\n".join(found)]
    encoded = (each.encode("utf-8", "replace") for each in found)
    return sorted(f"note-{blake2b(each, digest_size=_DIGEST_BYTES).hexdigest()}" for each in encoded)


def of_exif(tags: Mapping[int, Any], inner: Mapping[int, Any]) -> Iterator[str]:
    """The notes of an EXIF block.

    Args:
        tags: of its first directory.
        inner: of its EXIF directory.
    """
    if isinstance(text := tags.get(_DESCRIPTION), str):
        with suppress(UnicodeError):  # Pillow reads all text as Latin-1
            text = text.encode("latin-1").decode("utf-8")
        yield text
    if isinstance(comment := inner.get(_COMMENT), bytes) and comment[:8] in _CHARSETS:
        yield comment[8:].decode(_CHARSETS[comment[:8]], "replace")
    for tag in _WINDOWS:
        if isinstance(value := tags.get(tag), bytes):
            yield value.decode("utf-16-le", "replace")
    yield from _rating(tags.get(_RATING))


def of_gps(tags: Mapping[int, Any]) -> Iterator[str]:
    """Where the picture was taken, if the GPS directory of an EXIF block says so."""
    place = [tags.get(tag) for tag in _PLACE]
    if None not in place:
        yield f"at {place}"


def of_xmp(packet: bytes) -> list[str]:
    """The notes of an XMP packet."""
    reader = _XmpReader()
    with suppress(expat.ExpatError, ValueError):
        reader.read(packet)
    return reader.found


class _XmpReader:
    def __init__(self) -> None:
        self.found: list[str] = []
        self._within: list[str] = []
        self._text = ""

    def read(self, packet: bytes) -> None:
        """Read a packet. Raises ExpatError where it is damaged, ValueError where it declares a document type."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._read_text
        parser.StartDoctypeDeclHandler = self._refuse
        parser.Parse(packet.strip(b"\0 "), True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        for each, text in attributes.items():
            self._note(_NAMES.get(each, ""), text)
        self._within.append(_NAMES.get(name) or (self._within[-1] if self._within else ""))
        self._text = ""

    def _end(self, _: str) -> None:
        self._note(self._within.pop(), self._text)
        self._text = ""

    def _read_text(self, text: str) -> None:
        self._text += text

    def _note(self, name: str, text: str) -> None:
        if name:
            self.found += _rating(text) if name == "Rating" else [text]

    def _refuse(self, *_: object) -> None:
        raise ValueError("XMP has no document type")


def of_photoshop(resources: bytes) -> Iterator[str]:
    """The notes of the IPTC block among resources of Photoshop."""
    place = 0
    while resources[place : place + 4] == b"8BIM" and place + 12 <= len(resources):
        start = place + 7 + (resources[place + 6] | 1)  # after a name that is even with the byte of its length
        size = int.from_bytes(resources[start : start + 4], "big")
        if resources[place + 4 : place + 6] == b"\x04\x04":
            yield from of_iptc(resources[start + 4 : start + 4 + size])
        place = start + 4 + size + size % 2


def of_iptc(block: bytes) -> Iterator[str]:
    """The notes of an IPTC block."""
    place = 0
    while block[place : place + 1] == b"\x1c" and place + 5 <= len(block):
        record, number, size = block[place + 1], block[place + 2], int.from_bytes(block[place + 3 : place + 5], "big")
        text = block[place + 5 : place + 5 + size]
        if record == 2 and number in _OF_IPTC:  # noqa: PLR2004 - the record of a picture
            yield _decoded(text)
        place += 5 + size


def of_png(texts: Iterable[tuple[bytes, bytes]]) -> Iterator[str]:
    """The notes among the texts of a PNG: keyword and text of each."""
    return (_decoded(text) for keyword, text in texts if keyword in _OF_PNG)


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeError:
        return text.decode("latin-1")


def _rating(value: object) -> list[str]:
    """A rating in words; none for 0, which says that there is none."""
    text = str(value).strip() if value is not None else ""
    return [f"rating {text}"] if text not in ("", "0", "0.0") else []
