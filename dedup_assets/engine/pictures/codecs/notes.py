"""What was noted in a file: captions, keywords, names, ratings, authors, dates, places, in EXIF, XMP, IPTC and PNG.

Each note becomes a word, its kind and the digest of its text, so that it is found again in another file, whichever
block holds it there. Notes of programs (tools, histories) are left out. A damaged block counts as far as it is read.
Formats: EXIF 2.32, 4.6.4; XMP (ISO 16684-1) with the schemas of Dublin Core, Adobe, the Metadata Working Group and
Microsoft; IPTC-IIM 4.2 in resources of Photoshop.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from typing import Any
from xml.parsers import expat
from zlib import crc32

from dedup_assets.engine.core.carried import AUTHOR, COMMENT, DATE, NOTE, PLACE, SHOT

Note = tuple[str, str]
"""Its kind, of `core.carried`, and its text."""

_DESCRIPTION, _RATING, _COMMENT, _TAKEN, _DIGITIZED = 0x010E, 0x4746, 0x9286, 0x9003, 0x9004
_SUBSECOND, _MAKERS_OWN, _IMAGE_ID = 0x9291, 0x927C, 0xA420
_AUTHORS = (0x013B, 0x8298, 0xA430)  # artist, copyright, owner of the camera
_WINDOWS = (0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F)  # title, comment, keywords and subject, as UTF-16
_WINDOWS_AUTHOR = 0x9C9D
_PLACE = (1, 2, 3, 4)  # latitude and longitude, each with its hemisphere before it
_MAPS = (33550, 33922, 34264, 34735)  # where the pixels of a TIFF are on the earth (GeoTIFF 1.1)
_CHARSETS = {b"ASCII\0\0\0": "utf-8", b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "iso2022_jp", bytes(8): "utf-8"}
_EXIF_SCHEMA, _TIFF_SCHEMA = "http://ns.adobe.com/exif/1.0/", "http://ns.adobe.com/tiff/1.0/"
_CORE, _PHOTOSHOP = "http://purl.org/dc/elements/1.1/", "http://ns.adobe.com/photoshop/1.0/"
_WINDOWS_PHOTO = "http://ns.microsoft.com/photo/1.0/"
_RIGHTS = "http://ns.adobe.com/xap/1.0/rights/"
_OF_XMP = {
    **dict.fromkeys((_CORE + " title", _CORE + " description", _CORE + " subject"), NOTE),
    "http://ns.adobe.com/xap/1.0/ Rating": "rating",
    "http://ns.adobe.com/xap/1.0/ Label": NOTE,
    _PHOTOSHOP + " Headline": NOTE,
    "http://ns.adobe.com/lightroom/1.0/ hierarchicalSubject": NOTE,
    _EXIF_SCHEMA + " UserComment": NOTE,
    "http://www.metadataworkinggroup.com/schemas/regions/ Name": NOTE,
    "http://ns.microsoft.com/photo/1.2/t/Region# PersonDisplayName": NOTE,
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/ PersonInImage": NOTE,
    "http://www.digikam.org/ns/1.0/ TagsList": NOTE,
    **dict.fromkeys((_WINDOWS_PHOTO + " LastKeywordXMP", _WINDOWS_PHOTO + " LastKeywordIPTC"), NOTE),
    **dict.fromkeys((_PHOTOSHOP + " Instructions", _PHOTOSHOP + " Category", _CORE + " relation"), NOTE),
    **dict.fromkeys((_CORE + " creator", _CORE + " rights", _PHOTOSHOP + " Credit"), AUTHOR),
    **dict.fromkeys((_TIFF_SCHEMA + " Artist", _TIFF_SCHEMA + " Copyright"), AUTHOR),
    **dict.fromkeys((_RIGHTS + " Owner", _RIGHTS + " UsageTerms", _RIGHTS + " WebStatement"), AUTHOR),
    **dict.fromkeys((_EXIF_SCHEMA + " DateTimeOriginal", _PHOTOSHOP + " DateCreated"), DATE),
    **dict.fromkeys((_EXIF_SCHEMA + " GPSLatitude", _EXIF_SCHEMA + " GPSLongitude"), PLACE),
    **dict.fromkeys((_PHOTOSHOP + " City", _PHOTOSHOP + " State", _PHOTOSHOP + " Country"), PLACE),
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/ Location": PLACE,
}
_OF_IPTC = {
    **dict.fromkeys((5, 15, 20, 25, 40, 105, 120), NOTE),  # title, categories, keyword, instructions, headline, caption
    **dict.fromkeys((80, 110, 115, 116, 118), AUTHOR),  # by-line, credit, source, copyright, contact
    **dict.fromkeys((90, 92, 95, 101), PLACE),  # city, part of it, state, country
}
_IPTC_DATE, _IPTC_TIME = 55, 60
_OF_PNG = {b"Author": AUTHOR, b"Copyright": AUTHOR, b"Disclaimer": AUTHOR}
_OF_PROGRAMS = re.compile(rb"(?i)software$|date:|thumb::|png:|jpeg:|signature$|warning$")
_PROGRAMS_COMMENT = re.compile(
    r"(?i)^\W*(CREATOR: gd-jpeg|Lavc|Lavf|Intel\(R\) JPEG|LEAD Tech|(File written|Created) (by|with)|Optimized |"
    r"Compressed |Processed |AppleMark|JPEG Encoder|Handmade Software|ImageMagick|xr:d|Edited (by|with)|Software:)"
)
_TIME = re.compile(r"(\d{4})[:-](\d{2})[:-](\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2})?))?")
_MOST_NOTES = 100  # of a kind: more are one word together
_DIGEST_BYTES = 6


def note_words(found: Iterable[Note]) -> list[str]:
    """A word for each note: equal for equal texts of a kind, whatever space is around their words; sorted."""
    texts: dict[str, set[str]] = {}
    for kind, text in found:
        if plain := " ".join(text.replace("\0", " ").split()):
            texts.setdefault(kind, set()).add(plain)
    words = []
    for kind, plain_texts in texts.items():
        some = ["\n".join(sorted(plain_texts))] if len(plain_texts) > _MOST_NOTES else plain_texts
        words += [kind + digest(each.encode("utf-8", "replace")) for each in some]
    return sorted(words)


def digest(data: bytes) -> str:
    """What tells contents apart in a word."""
    return blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def of_exif(tags: Mapping[int, Any], inner: Mapping[int, Any]) -> Iterator[Note]:
    """The notes of an EXIF block.

    Args:
        tags: of its first directory.
        inner: of its EXIF directory.
    """
    if isinstance(text := tags.get(_DESCRIPTION), str):
        yield NOTE, _as_utf8(text)
    if isinstance(comment := inner.get(_COMMENT), bytes) and comment[:8] in _CHARSETS:
        yield NOTE, comment[8:].decode(_CHARSETS[comment[:8]], "replace")
    for tag in (*_WINDOWS, _WINDOWS_AUTHOR):
        if isinstance(value := tags.get(tag), bytes):
            yield AUTHOR if tag == _WINDOWS_AUTHOR else NOTE, value.decode("utf-16-le", "replace")
    yield from _rating(tags.get(_RATING))
    for tag in _AUTHORS:
        if isinstance(text := tags.get(tag) or inner.get(tag), str):
            yield AUTHOR, _as_utf8(text)
    yield from _of_moment(inner)
    if place := [str(tags[tag]) for tag in _MAPS if tag in tags]:
        yield PLACE, " ".join(place)


def _of_moment(inner: Mapping[int, Any]) -> Iterator[Note]:
    """When a picture was taken, and what tells it from others of the same second."""
    if isinstance(taken := inner.get(_TAKEN) or inner.get(_DIGITIZED), str):
        yield from _dated(taken)
        if isinstance(part := inner.get(_SUBSECOND), str) and part.strip(" \0"):
            yield SHOT, f"{taken} {part}"
    if isinstance(name := inner.get(_IMAGE_ID), str) and name.strip(" \x000"):
        yield SHOT, name
    if isinstance(own := inner.get(_MAKERS_OWN), bytes):
        yield SHOT, f"{len(own)} {crc32(own)}"


def of_gps(tags: Mapping[int, Any]) -> Iterator[Note]:
    """Where the picture was taken, if the GPS directory of an EXIF block says so."""
    place = [tags.get(tag) for tag in _PLACE]
    if None not in place:
        yield PLACE, f"at {place}"


def of_comments(comments: Iterable[bytes]) -> Iterator[Note]:
    """The comments that no program wrote of itself."""
    texts = (_decoded(comment) for comment in comments)
    return ((COMMENT, text) for text in texts if not _PROGRAMS_COMMENT.match(text))


def of_xmp(packet: bytes) -> list[Note]:
    """The notes of an XMP packet."""
    reader = _XmpReader()
    with suppress(expat.ExpatError, ValueError):
        reader.read(packet)
    return reader.found


class _XmpReader:
    def __init__(self) -> None:
        self.found: list[Note] = []
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
            self._note(_OF_XMP.get(each, ""), text)
        self._within.append(_OF_XMP.get(name) or (self._within[-1] if self._within else ""))
        self._text = ""

    def _end(self, _: str) -> None:
        self._note(self._within.pop(), self._text)
        self._text = ""

    def _read_text(self, text: str) -> None:
        self._text += text

    def _note(self, kind: str, text: str) -> None:
        if kind == "rating":
            self.found += _rating(text)
        elif kind == DATE:
            self.found += _dated(text)
        elif kind:
            self.found.append((kind, text))

    def _refuse(self, *_: object) -> None:
        raise ValueError("XMP has no document type")


def of_photoshop(resources: bytes) -> Iterator[Note]:
    """The notes of the IPTC block among resources of Photoshop."""
    place = 0
    while resources[place : place + 4] == b"8BIM" and place + 12 <= len(resources):
        start = place + 7 + (resources[place + 6] | 1)  # after a name that is even with the byte of its length
        size = int.from_bytes(resources[start : start + 4], "big")
        if resources[place + 4 : place + 6] == b"\x04\x04":
            yield from of_iptc(resources[start + 4 : start + 4 + size])
        place = start + 4 + size + size % 2


def of_iptc(block: bytes) -> Iterator[Note]:
    """The notes of an IPTC block."""
    place, moment = 0, dict[int, str]()
    while block[place : place + 1] == b"\x1c" and place + 5 <= len(block):
        record, number, size = block[place + 1], block[place + 2], int.from_bytes(block[place + 3 : place + 5], "big")
        text = block[place + 5 : place + 5 + size]
        if record == 2:  # noqa: PLR2004 - the record of a picture
            moment[number] = _decoded(text)
            if kind := _OF_IPTC.get(number):
                yield kind, _decoded(text)
        place += 5 + size
    day, time = moment.get(_IPTC_DATE, ""), moment.get(_IPTC_TIME, "")
    if day.strip("0"):
        clock = f" {time[:2]}:{time[2:4]}:{time[4:6]}" if time else ""
        yield from _dated(f"{day[:4]}-{day[4:6]}-{day[6:8]}{clock}")


def of_png(texts: Iterable[tuple[bytes, bytes]]) -> Iterator[Note]:
    """The notes among the texts of a PNG: keyword and text of each."""
    return ((_OF_PNG.get(keyword, NOTE), _decoded(text)) for keyword, text in texts if not _OF_PROGRAMS.match(keyword))


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeError:
        return text.decode("latin-1")


def _as_utf8(text: str) -> str:
    """A text that Pillow has read as Latin-1, as which it reads all of EXIF."""
    with suppress(UnicodeError):
        return text.encode("latin-1").decode("utf-8")
    return text


def _dated(text: str) -> list[Note]:
    """A moment, in the same words whichever block has it; none where there are only zeros or spaces."""
    found = _TIME.match(text.strip())
    if found is None or found[1] == "0000":
        return []
    return [(DATE, "{}-{}-{} {}".format(*found.groups(default="")))]


def _rating(value: object) -> list[Note]:
    """A rating in words; none for 0, which says that there is none."""
    text = str(value).strip() if value is not None else ""
    return [(NOTE, f"rating {text}")] if text not in ("", "0", "0.0") else []
