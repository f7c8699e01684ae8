"""What decoding processes are asked for, and what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.image_facts import ImageFacts
from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.core.records import BoundingBox, Source
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.pictures.provenance import Provenance

THUMBNAIL_SIDE = 320
"""px, the longer side of a thumbnail."""
SMALL_SIDE = 200
"""px, of files that no page shows first: 1,000 of them take about 8 MB."""

_UNKNOWN_PROVENANCE = Provenance()

Undecoded = bytes | ImageError | Source
"""One image before it is decoded: its file; or why it cannot be read; or where a decoding process reads it."""


@dataclass(frozen=True)
class DecodingTask:
    """How each image becomes an input of the model.

    Attributes:
        size: (height, width) of the result, in pixels.
        box: crop, in pixels of the full picture; None for the whole picture.
        limits: which pictures are refused.
        seconds: time limit for one image.
        thumbnails: longer sides in pixels of thumbnails that are kept of local files which are costly to decode, see
            `kept_thumbnails`.
    """

    size: tuple[int, int]
    box: BoundingBox | None
    limits: DecodingLimits
    seconds: float
    thumbnails: tuple[int, ...] = ()


@dataclass(frozen=True)
class PreviewTask:
    """What a page shows of each image.

    Attributes:
        side: longer side of the thumbnail, in pixels; 0 for no thumbnail, only what the header of a local file says.
        limits: which pictures get no thumbnail.
        seconds: time limit for one image.
    """

    side: int
    limits: DecodingLimits
    seconds: float


@dataclass(frozen=True)
class LookTask:
    """How images are looked at, to be compared.

    Attributes:
        box: crop, in pixels of the full picture; None for the whole picture.
        limits: which pictures are refused.
        seconds: time limit for one image, and for the comparisons of one image with others.
        session: a text of its own for each use of the numbers that name images.
    """

    box: BoundingBox | None
    limits: DecodingLimits
    seconds: float
    session: str


@dataclass(frozen=True)
class Decoded:
    """The result of a `DecodingTask`.

    Attributes:
        pictures: (n_good, height, width, 3) uint8 RGB, in the order of the images. They lie in memory that the
            decoding process shares: valid until that process gets its next request.
        problems: for each image why it is bad, or None.
        low_information: for each image None, or a hash of its file where the picture shows nothing; empty for a frame
            of a video.
        facts: for each image what was measured of it; None for a bad one.
        content: for each image SHA-256 in hex of its bytes if the decoding process has read them as a file of its own;
            else None.
    """

    pictures: NDArray[np.uint8]
    problems: list[ImageError | None]
    low_information: list[str | None]
    facts: list[ImageFacts | None]
    content: list[str | None]


@dataclass(frozen=True)
class Preview:
    """The result of a `PreviewTask` for one image. Attributes that are unknown are None.

    Attributes:
        width: pixels, as displayed.
        height: pixels, as displayed.
        size_bytes: of the file.
        thumbnail: a JPEG file; None where there is a problem or none was wanted.
        problem: why the image cannot be shown.
    """

    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None
    thumbnail: bytes | None = None
    problem: ImageError | None = None


@dataclass(frozen=True)
class Looked:
    """What a look at one image says of its file. Attributes that are unknown are None.

    Attributes:
        width: pixels, as displayed.
        height: pixels, as displayed.
        size_bytes: of the file.
        content: SHA-256 of its bytes in hex.
        frames: frames or pages, see `pictures.frames`.
        look: a checksum of the pixels at the size of a look.
        is_jpeg: a JPEG may be decoded at a smaller size, so its look differs a little from that of equal pixels in
            another format.
        detail: what `pictures.fineness` measures, alone in a list; empty where it was not measured with the look.
        provenance: what the file says of itself, see `pictures.provenance`.
        problem: why the image cannot be compared.
    """

    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None
    content: str | None = None
    frames: int | None = None
    look: int | None = None
    is_jpeg: bool = False
    detail: Sequence[list[float] | None] = ()
    provenance: Provenance = _UNKNOWN_PROVENANCE
    problem: ImageError | None = None


@dataclass(frozen=True)
class Compared:
    """What a comparison of two images, a and b, found.

    Attributes:
        relation: of the two; never that of equal bytes or pixels.
        score: 0 to 1: how sure it is that they are one picture.
        matrix: nine numbers, the rows of the map from a to b, each in units of its longer side; None if there is none.
        overlap_a: share of a's area that b shows.
        overlap_b: share of b's area that a shows.
        residual: share of the structure in the overlap that differs.
        inliers: keypoints that agree.
        kind: what was done, in words.
        edited: which of them is the edited one: a, b, both, or empty if neither or unknown.
    """

    relation: Relation
    score: float
    matrix: tuple[float, ...] | None
    overlap_a: float
    overlap_b: float
    residual: float
    inliers: int
    kind: str
    edited: str
