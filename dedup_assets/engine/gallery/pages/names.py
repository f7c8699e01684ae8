r"""File names and other foreign texts on a page: any bytes, made visible and harmless, without credentials.

A name is bytes until it is shown. It may hold newlines, right-to-left overrides, and bytes that are not UTF-8. A page
shows such a character as its escape (`\n`, `\u202e`, `\xff`), so that nothing is hidden or reordered, and the page is
UTF-8.
"""

import os
import unicodedata
from collections.abc import Sequence
from itertools import groupby, takewhile

from markupsafe import Markup, escape

from dedup_assets.engine.core.redaction import redacted, redacted_name

# Controls, format characters (bidi, zero-width), surrogates, private use, unassigned, line and paragraph separators.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LONGEST_LABEL = 80
_ESCAPED_BYTES = range(0xDC80, 0xDD00)  # how the error handler surrogateescape decodes bytes that are not UTF-8
_HIGH_LATIN = range(0x80, 0x100)
_SEPARATORS = {"/", os.sep}


def decode_name(name: bytes) -> str:
    """Return a name as text without credentials; each byte that is not UTF-8 becomes a lone surrogate."""
    return redacted_name(name).decode("utf-8", "surrogateescape")


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN_CATEGORIES


def _spell(character: str) -> str:
    code = ord(character)
    if code in _ESCAPED_BYTES:
        return f"\\x{code - 0xDC00:02x}"
    if code in _HIGH_LATIN:  # \x would read as a raw byte
        return f"\\u{code:04x}"
    return character.encode("unicode_escape").decode("ascii")


def make_plain(text: str) -> str:
    r"""Return `text` with each hidden character as its escape (`\n`, `\xff`, `\u202e`), for attributes."""
    if text.isprintable():
        return text
    return "".join(_spell(character) if _is_hidden(character) else character for character in text)


def make_visible(text: str) -> Markup:
    r"""Return `text` as safe HTML. Escapes are marked up: a newline's `\n` differs from a backslash and an n."""
    if text.isprintable():
        return escape(text)
    runs = ((hidden, "".join(run)) for hidden, run in groupby(text, _is_hidden))
    return Markup().join(
        Markup('<span class="escape">{}</span>').format("".join(map(_spell, run))) if hidden else run
        for hidden, run in runs
    )


def show_text(text: str) -> Markup:
    """Return a message or a setting as safe HTML, with the credentials in its URLs hidden."""
    return make_visible(redacted(text))


def show_folder(name: bytes, common: str = "") -> Markup:
    """Return the folder of a name as safe HTML that may wrap after each slash; a copy of it has no line breaks.

    A beginning that is `common` to all names is in an element of its own, which takes no place.
    """
    folder = split_name(name)[0]
    begins = bool(common) and folder.startswith(common)
    rest = folder[len(common) :] if begins else folder
    shown = Markup("/<wbr>").join(make_visible(part) for part in rest.split("/"))
    whole = "common" if rest else "common whole"
    return Markup('<span class="{}">{}</span>{}').format(whole, make_visible(common), shown) if begins else shown


def common_folder(names: Sequence[bytes]) -> str:
    """Return the folder that all names are in, as text with a slash at its end; empty for none.

    The root of a disk and the scheme of a URL alone are none.

    Args:
        names: of the files; of sorted ones the first and the last are enough.
    """
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    common = bytes(letters[0] for letters in alike)
    folder = decode_name(common[: common.rfind(b"/") + 1])
    return folder if folder.strip("/") and not folder.endswith("://") else ""


def show_base(name: bytes) -> Markup:
    """Return the base name as safe HTML."""
    return make_visible(split_name(name)[1])


def split_name(name: bytes) -> tuple[str, str]:
    """Return (folder with its trailing separator, base name) as text without credentials.

    A name that ends in a separator is all base name.
    """
    text = decode_name(name)
    cut = max(map(text.rfind, _SEPARATORS)) + 1
    return (text[:cut], text[cut:]) if cut < len(text) else ("", text)


def label_name(name: bytes) -> str:
    """Return the base name, escaped and cut to a length that a screen reader can speak."""
    label = make_plain(split_name(name)[1])
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"
