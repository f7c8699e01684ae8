"""What a file says of where its picture comes from; `codecs.metadata` reads it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Provenance:
    """What a file says of itself.

    Attributes:
        format: as Pillow spells it: `JPEG`, `PNG`, ...; empty if it is none of those that are told apart here.
        is_lossless: whether the pixels are stored without loss; None if unknown. A lossless file may still be made from
            a lossy one.
        jpeg_quality: 1 to 100, as libjpeg counts it: that whose luminance table is nearest to the file's; None for
            other formats.
        camera: maker and model; empty if unknown.
        taken: when the picture was taken, `YYYY-MM-DD HH:MM:SS`, which sorts by time; empty if unknown.
        carries: which of `exif`, `gps`, `icc` and `xmp` the file has, and a word `note-DIGEST` for its place and
            for each caption, keyword, name or rating that people gave it, joined by spaces.
    """

    format: str = ""
    is_lossless: bool | None = None
    jpeg_quality: int | None = None
    camera: str = ""
    taken: str = ""
    carries: str = ""
