"""Words for what a file carries beside the pixels that are compared, and what each says to a person.

A word is a kind, alone or with a digest of what is carried, so that it is the same word in each file that has the same.
What a copy has and the kept image lacks is found by these words alone, whatever the format of either.
"""

from collections.abc import Iterable

DATE, AUTHOR, PLACE, NOTE, COMMENT, SHOT, CAMERA = "date-", "author-", "place-", "note-", "comment-", "shot-", "camera-"
PICTURE, FILM, DEPTH, GAIN, MASK, APPENDED = "picture-", "film-", "depth-", "gain-", "mask-", "appended-"
COLOURS, LAYERS, RAW, DATA, SAMPLES, UNREAD = "colours-", "layers-", "raw-", "data-", "samples-", "unread-"
RESOLUTION = "dots-"
DEEP, FLOAT, ALPHA, EXPOSURE = "deep", "float", "alpha", "exposure"

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
    DATE: "was taken at another time",
    SHOT: "is, by what its camera noted, another shot",
    PLACE: "was taken at another place",
    NOTE: "has another caption, keyword, name or rating",
    COMMENT: "has another comment",
    AUTHOR: "names another author or other rights",
    CAMERA: "names another camera",
    EXPOSURE: "says how it was exposed",
    RESOLUTION: "says another resolution (dpi)",
    DATA: "holds data of a camera or program",
    "gps": "says where it was taken",
    "exif": "has EXIF data",
    "xmp": "has XMP data",
    "icc": "has a colour profile",
    UNREAD: "is of a format whose metadata are not read",
}


def said_of(words: Iterable[str]) -> list[str]:
    """What words say, in plain language, the weightiest first and each once; words that are unknown say nothing."""
    kinds = {word[: word.find("-") + 1] or word for word in words}
    return [said for kind, said in _SAID.items() if kind in kinds]
