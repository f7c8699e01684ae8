"""What people noted of an image in files that hold more than that: tables of a folder, and streams of file systems."""

import codecs
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cache

from dedup_assets.engine.inputs.stacks import Stacks

_TECHNICAL = re.compile(rb"(backuphash|moddate|width|height|onlinechecksum|iidlist_.*)\s*=", re.IGNORECASE)
_WORDS = (b"_kMDItemUserTags", b"kMDItemFinderComment", b"kMDItemComment", b"kMDItemKeywords", b"kMDItemStarRating")
_DESCRIBED = re.compile(rb'"(?P<quoted>[^"]+)"\s+(?P<of_quoted>.+)|(?P<plain>\S+)\s+(?P<of_plain>.+)')
_OLD_ENCODINGS = ("cp1252", "cp437", "mac_roman")  # of names, before programs wrote UTF-8
_Noted = Mapping[bytes, frozenset[bytes]]


class Annotations:
    """Reads what is noted of images, each file of a folder once.

    Args:
        stacks: finds what belongs to images.
        read: gives the bytes of a file.
    """

    def __init__(self, stacks: Stacks, read: Callable[[bytes], bytes]) -> None:
        self._stacks, self._read = stacks, read
        self._table = cache(self._read_table)

    def of(self, name: bytes) -> frozenset[tuple[bytes, bytes]]:
        """What is noted of an image and the other halves of its shot: by what, and the words or a hash of them.

        Raises what listing a folder and reading a file raise.
        """
        beside = self._stacks.beside(name)
        found = set[tuple[bytes, bytes]]()
        for table in self._stacks.notes_of_folder(name):
            program, noted = table.rpartition(b"/")[2].lower().lstrip(b"."), self._table(table)
            for image, called in {name: b"*", **beside.halves}.items():
                found.update((program + b"/" + called, line) for line in _noted_of(image, noted))
        for stream, kind in beside.streams.items():
            data = self._read(stream)
            if any(word in data for word in _WORDS):
                found.add((kind, hashlib.sha256(data).digest()))
        return frozenset(found)

    def _read_table(self, name: bytes) -> _Noted:
        data = self._read(name).removeprefix(codecs.BOM_UTF8)
        return _described(data) if name.lower().endswith(b".ion") else _sections(data)


def _noted_of(image: bytes, noted: _Noted) -> frozenset[bytes]:
    leaf = image.rpartition(b"/")[2]
    names = {leaf}
    text = leaf.decode("utf-8", "surrogateescape")
    for encoding in _OLD_ENCODINGS if not leaf.isascii() else ():
        names.add(text.encode(encoding, "replace"))
    return frozenset[bytes]().union(*(noted.get(each.lower(), frozenset()) for each in names))


def _sections(data: bytes) -> _Noted:
    """The lines of .picasa.ini on each file, by its name in lower case, without what Picasa keeps for itself."""
    found: dict[bytes, frozenset[bytes]] = {}
    section = b""
    for line in map(bytes.strip, data.splitlines()):
        if line[:1] == b"[" and line[-1:] == b"]":
            section = line[1:-1].lower()
        elif line and line[:1] not in b"#;" and not _TECHNICAL.match(line):
            found[section] = found.get(section, frozenset()) | {line}
    return found


def _described(data: bytes) -> _Noted:
    """The words of descript.ion on each file, by its name in lower case, without what programs write after them."""
    found: dict[bytes, frozenset[bytes]] = {}
    for line in data.splitlines():
        if (match := _DESCRIBED.match(line)) is not None:
            name = match["quoted"] or match["plain"]
            words = (match["of_quoted"] or match["of_plain"]).partition(b"\x04")[0].strip()
            found[name.lower()] = found.get(name.lower(), frozenset()) | ({words} if words else frozenset())
    return found
