"""Words for what a file carries beside the pixels that are compared, and what each says to a person.

A word is a kind, alone or with a digest of what is carried, so that it is the same word in each file that has the same.
What a copy has and the kept image lacks is found by these words alone, whatever the format of either.
"""

from collections.abc import Iterable

DATE, AUTHOR, PLACE, NOTE, COMMENT, SHOT, CAMERA = "date-", "author-", "place-", "note-", "comment-", "shot-", "camera-"
PICTURE, FILM, DEPTH, GAIN, MASK, APPENDED = "picture-", "film-", "depth-", "gain-", "mask-", "appended-"
COLOURS, LAYERS, RAW, DATA, SAMPLES, UNREAD = "colours-", "layers-", "raw-", "data-", "samples-", "unread-"
RESOLUTION = "dots-"
DEEP, FLOAT, ALPHA, EXPOSURE, GPS = "deep", "float", "alpha", "exposure", "gps"

_SAID = {
    RAW: "is a raw file of a camera",
    FILM: "holds a film",
    PICTURE: "holds another picture",
    DEPTH: "holds a depth map",
    GAIN: "holds a gain map (HDR)",
    MASK: "holds a mask",
    LAYERS: "holds layers",
    APPENDED: "holds other data after the picture",
    FLOAT: "has samples of floating point",
    DEEP: "has more than 8 bits per sample",
    ALPHA: "has transparent parts",
    SAMPLES: "has other samples beyond the 8 bits that are compared",
    COLOURS: "is in another colour space",
    DATE: "has a date that the kept one lacks",
    SHOT: "has a camera's note of the shot that the kept one lacks",
    PLACE: "has a place that the kept one lacks",
    NOTE: "has a caption, keyword, name or rating that the kept one lacks",
    COMMENT: "has a comment that the kept one lacks",
    AUTHOR: "names an author or rights, and the kept one names none",
    CAMERA: "names a camera, and the kept one names none",
    EXPOSURE: "says how it was exposed",
    RESOLUTION: "has a resolution (dpi) that the kept one lacks",
    DATA: "holds data of a camera or program",
    GPS: "says where it was taken",
    "exif": "has EXIF data",
    "xmp": "has XMP data",
    "icc": "has a colour profile",
    UNREAD: "is of a format whose metadata are not read",
}
"""What is said of a file beside a kept one that has nothing of the kind, the weightiest first."""

_ANOTHER = {
    FILM: "holds another film",
    DEPTH: "holds another depth map",
    GAIN: "holds another gain map (HDR)",
    MASK: "holds another mask",
    LAYERS: "holds other layers",
    DATE: "was taken at another time",
    SHOT: "is, by what its camera noted, another shot",
    PLACE: "was taken at another place",
    NOTE: "has another caption, keyword, name or rating",
    COMMENT: "has another comment",
    AUTHOR: "names another author or other rights",
    CAMERA: "names another camera",
    RESOLUTION: "says another resolution (dpi)",
    DATA: "holds other data of a camera or program",
}
"""What is said in its place beside a kept one that has another one of the kind."""


def said_of(words: Iterable[str], kept: Iterable[str] = ()) -> list[str]:
    """What words say, in plain language, the weightiest first and each once; words that are unknown say nothing.

    Args:
        words: that a file has, and the kept one lacks.
        kept: all words of the kept one.
    """
    kinds, kinds_kept = _kinds(words), _kinds(kept)
    if PLACE in kinds:
        kinds.discard(GPS)
    said = _SAID | {kind: another for kind, another in _ANOTHER.items() if kind in kinds_kept}
    return [said[kind] for kind in _SAID if kind in kinds]


def _kinds(words: Iterable[str]) -> set[str]:
    return {word[: word.find("-") + 1] or word for word in words}
