"""File names and other foreign text as a page shows them: any bytes, made visible and harmless.

A name may hold newlines, right-to-left overrides, or bytes that are no UTF-8 (lone surrogates in a Python string). On a
page such a character stands as its escape, so that nothing is hidden or reordered and the page encodes to UTF-8.
"""

import os
import re
import unicodedata
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath
from urllib.parse import quote

from markupsafe import Markup, escape

from dedup_assets.engine.inputs.containers.names import split_frame

# Controls, format characters (bidi, zero-width), surrogates, private use, unassigned, line and paragraph separators.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_WEB_ADDRESS = re.compile(r"https?://[^/]", re.IGNORECASE)
_RESERVED_IN_ADDRESS = ":/?#[]@!$&'()*+,;=%~"
_LONGEST_LABEL = 80
_KEPT_BYTES = range(0xDC80, 0xDD00)  # how os.fsdecode keeps bytes that are no UTF-8
_HIGH_LATIN = range(0x80, 0x100)


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN_CATEGORIES


def _spell(character: str) -> str:
    code = ord(character)
    if code in _KEPT_BYTES:
        return f"\\x{code - 0xDC00:02x}"
    if code in _HIGH_LATIN:  # \x would read as a raw byte
        return f"\\u{code:04x}"
    return character.encode("unicode_escape").decode("ascii")


def make_plain(text: str) -> str:
    r"""Return `text` with each hidden character as its escape (`\n`, `\xff`, `\u202e`): for attributes."""
    if text.isprintable():
        return text
    return "".join(_spell(character) if _is_hidden(character) else character for character in text)


def make_visible(text: str) -> Markup:
    r"""Return `text` as safe HTML; escapes are marked up: a newline's `\n` differs from a backslash and an n."""
    if text.isprintable():
        return escape(text)
    runs = ((hidden, "".join(run)) for hidden, run in groupby(text, _is_hidden))
    return Markup().join(
        Markup('<span class="escape">{}</span>').format("".join(map(_spell, run))) if hidden else run
        for hidden, run in runs
    )


def make_breakable(text: str) -> Markup:
    """Return `make_visible(text)` that may wrap after each slash; a copy of it has no line breaks."""
    return Markup("/<wbr>").join(make_visible(part) for part in text.split("/"))


def split_name(name: str) -> tuple[str, str]:
    """Return (folder with its trailing separator, base name); a name that ends in a separator is all base name."""
    cut = max(name.rfind("/"), name.rfind(os.sep)) + 1
    return (name[:cut], name[cut:]) if cut < len(name) else ("", name)


def label_name(name: str) -> str:
    """Return the base name, escaped and cut to a length that a screen reader can speak."""
    label = make_plain(split_name(name)[1])
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"


@dataclass(frozen=True)
class Links:
    """How the pages of a folder link originals.

    Attributes:
        beside: a folder, with its trailing slash, whose content is linked relatively: it moves and is served together
            with the pages. Empty: nothing is.
        way: from the pages to that folder.
    """

    beside: str = ""
    way: str = ""

    @classmethod
    def of_gallery(cls, gallery: str, steps: int) -> "Links":
        """What lies beside the results is linked relatively; all else by its full path.

        Args:
            gallery: path of the folder of the pages, or its URL, from which nothing local can be linked relatively.
            steps: how many folders above it the common folder of results and originals is.
        """
        parts = PurePosixPath(gallery).parts
        if "://" in gallery or not gallery.startswith("/") or len(parts) <= steps + 1:
            return cls()
        return cls(str(PurePosixPath(*parts[:-steps])) + "/", steps * "../")

    def link(self, name: str) -> str | None:
        """Return an address of the original: relative, or as `link_original` gives it."""
        if split_frame(name.encode("utf-8", "surrogatepass")):
            video, _, moment = name.rpartition("#")
            address = self.link(video)
            return address and f"{address}#{moment}"
        if self.beside and name.startswith(self.beside):
            return self.way + quote(os.fsencode(name.removeprefix(self.beside)))
        return link_original(name)


def link_original(name: str) -> str | None:
    """Return an address that opens the original file.

    Returns:
        A `file:` or `http(s):` address, percent-encoded, for a frame of a video with the moment as its fragment; None
        for names that a browser cannot or must not open (`s3://`, `javascript:`, relative paths).
    """
    if split_frame(name.encode("utf-8", "surrogatepass")):
        video, _, moment = name.rpartition("#")
        address = link_original(video)
        return address and f"{address}#{moment}"
    try:
        if _WEB_ADDRESS.match(name):
            return quote(name.encode("utf-8", "surrogateescape"), safe=_RESERVED_IN_ADDRESS)
        # Two slashes in front would name a host to some systems.
        return "file:///" + quote(os.fsencode(name.lstrip("/"))) if name.startswith("/") else None
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte: no such file can exist
        return None
