"""What a file holds after or beside its picture: further pictures, films, depth maps, gain maps, masks, other data.

Phones append the film of a motion photo, the gain map of an HDR photograph and maps of depth to a JPEG; multi-picture
files (CIPA DC-007) append pictures; HEIF has them as items. All of them are seen by that they are there, not by how a
format or a maker lists them, because there are more ways to list them than standards.
"""

import re
from zlib import crc32

from dedup_assets.engine.core.carried import APPENDED, DEPTH, FILM, GAIN, MASK, PICTURE

LEAST_BYTES = 1 << 10
"""Bytes after a picture from which on they count: cameras append notes of their own of some hundred bytes."""

_LEAST_PICTURE_BYTES = 100
_LOOKED_AT = 1 << 16
_KINDS = (
    (GAIN, re.compile(rb"hdrgm:Version|HDRGainMap|GainMap|iso:ts:21496|tmap")),
    (DEPTH, re.compile(rb"GDepth|DepthMap|Semantic=.Depth|depthmap|auxid:2|auxiliary:depth|DepthData|disparity")),
    (FILM, re.compile(rb"ftyp(?:mp4|isom|qt|mp4|3gp|M4V|avc|iso)|MotionPhoto_Data|mpvd")),
)
_PICTURES = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n|ftyp(?:heic|mif1|avif)")


def appended_words(rest: bytes, about: bytes = b"") -> list[str]:
    """The words of `core.carried` for what follows a picture; none where that is little.

    Args:
        rest: what follows.
        about: what the file says of itself, such as its XMP packet.
    """
    if len(rest) < (_LEAST_PICTURE_BYTES if _PICTURES.match(rest) else LEAST_BYTES):
        return []
    start = rest[:_LOOKED_AT]
    known = f"{crc32(rest):08x}{len(rest):x}"
    kinds = [kind for kind, pattern in _KINDS if pattern.search(start) or (kind != FILM and pattern.search(about))]
    if not kinds:
        kinds = [PICTURE if _PICTURES.match(rest) else APPENDED]
    return [kind + known for kind in kinds]


def item_words(auxiliary: set[bytes], known: int) -> list[str]:
    """The words for the auxiliary pictures of a HEIF file.

    Args:
        auxiliary: what their types say.
        known: a checksum that tells the file from others.
    """
    kinds = set()
    for said in auxiliary:
        kinds.add(next((kind for kind, pattern in _KINDS if re.search(pattern, said)), MASK))
    return sorted(f"{kind}{known:08x}" for kind in kinds)
