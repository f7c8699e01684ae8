"""A picture whose header is read and whose pixels are not."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.pictures.codecs.colours import Correction

TRANSPARENT, OPAQUE = "transparent", "opaque"


@dataclass(frozen=True)
class OpenedPicture:
    """What a codec knows before it decodes.

    Attributes:
        format_name: as Pillow spells it: `JPEG`, `PNG`, `HEIF`, ...
        width: in pixels, as displayed.
        height: in pixels, as displayed.
        load: decodes: (h, w, 3) uint8 as displayed, contiguous. May raise any exception of the decoder. h and w are
            `height` and `width` unless the codec was asked to scale down.
        correct: what is left to do to the colours, best when the picture is small; None: nothing.
        noticed: what `load` sees besides what it returns: `TRANSPARENT` or `OPAQUE`; empty before, and where it cannot.
        exif: the EXIF block where reading the header has read it, empty where the file has none; else None.
    """

    format_name: str
    width: int
    height: int
    load: Callable[[], NDArray[np.uint8]]
    correct: Correction | None = None
    exif: bytes | None = None
    noticed: set[str] = field(default_factory=set)
