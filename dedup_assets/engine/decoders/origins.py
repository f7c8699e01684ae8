"""Which of two copies was made from the other, where one is the other turned or stored in another way.

Nothing in the pixels of a turned copy says which one is the right way round, and a copy may be stored in finer steps
than its original. But a file that was made from a JPEG shows the steps of that one (`evidence.jpeg_grid`).
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from PIL import Image

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.evidence.jpeg_grid import MADE, NOT_MADE, Turn, agreement, turn_of
from dedup_assets.engine.pictures.codecs.exif import read_orientation
from dedup_assets.engine.pictures.codecs.jpeg_quality import in_rows
from dedup_assets.engine.pictures.codecs.segments import read_segments

if TYPE_CHECKING:  # as in `looking`
    import numpy as np
    from numpy.typing import NDArray

_T = TypeVar("_T")
_JPEG = b"\xff\xd8\xff"
_FINER = 1.5  # times the steps of one file that those of another have, from which it is the coarser one
_AS_IT_IS = Turn(False, False, False)
_LOW_STEPS = 4  # rows and columns of a table that are compared
# From what is stored to what is shown, by orientation (EXIF 2.32): x and y of a point from the middle, y downwards.
_SHOWN = {
    1: ((1, 0), (0, 1)), 2: ((-1, 0), (0, 1)), 3: ((-1, 0), (0, -1)), 4: ((1, 0), (0, -1)),
    5: ((0, 1), (1, 0)), 6: ((0, -1), (1, 0)), 7: ((0, -1), (-1, 0)), 8: ((0, 1), (-1, 0)),
}  # fmt: skip


class CopyFile(NamedTuple):
    """One of two copies.

    Attributes:
        content: SHA-256 of the file.
        read: gives its bytes, or why there are none.
        decode: gives of these bytes the pixels as they are shown, (h, w, 3) uint8 RGB in full size; raises ImageError.
    """

    content: str
    read: Callable[[], bytes | ImageError]
    decode: "Callable[[bytes], NDArray[np.uint8]]"


class _Jpeg(NamedTuple):
    """Steps of the luminance, (8, 8), and the (2, 2) map from what is shown to what is stored."""

    steps: "NDArray[np.int64]"
    to_stored: "NDArray[np.float64]"


def made_one(a: CopyFile, b: CopyFile, linear: "NDArray[np.float64]") -> str:
    """Which of two copies was made from the other: a, b, or empty where nothing tells.

    The one with finer steps is made from the other if its pixels lie on the other's steps. If they do not, it is not,
    and the other one is the made one where it is clearly coarser. A file that lies on these steps the other way
    round, too, may owe them to an earlier life of its own: then nothing tells. Of two that are not turned only the
    finer one is named, because the coarser one is the lesser one by `keep_rules`, too.

    Args:
        a: one file.
        b: the other one.
        linear: (2, 2) turn of a onto b, as both are shown.
    """
    try:
        jpegs = _jpegs.of(a, _read_jpeg), _jpegs.of(b, _read_jpeg)
    except ImageError:
        return ""
    if _fineness(jpegs[0]) <= _fineness(jpegs[1]):
        return _made_of_finer((a, b), jpegs, linear, ("a", "b"))
    return _made_of_finer((b, a), jpegs[::-1], linear.T, ("b", "a"))


def _made_of_finer(
    files: tuple[CopyFile, CopyFile],
    jpegs: "tuple[_Jpeg | None, _Jpeg | None]",
    linear: "NDArray[np.float64]",
    sides: tuple[str, str],
) -> str:
    """As `made_one`, where the first file is the finer one; `sides` names the two."""
    import numpy as np

    finer, coarser = jpegs
    turn = None if coarser is None else turn_of(coarser.to_stored @ linear)
    if coarser is None or turn is None or (lies := _lies_on(files[0], finer, coarser, turn)) is None:
        return ""
    is_turned = not np.allclose(np.round(linear), np.eye(2))
    if not lies:
        return sides[1] if is_turned and _fineness(coarser) >= _FINER * _fineness(finer) else ""
    own = turn_of(finer.to_stored) if finer else _AS_IT_IS
    is_its_own = is_turned and own is not None and own != turn and _lies_on(files[0], finer, coarser, own)
    return "" if is_its_own else sides[0]


def _lies_on(file: CopyFile, own: "_Jpeg | None", jpeg: "_Jpeg", turn: Turn) -> bool | None:
    """Whether the picture of a file lies on the steps of a JPEG after a turn; None if it cannot be told."""
    try:
        gray = _grays.of(file, _decode_gray)
    except ImageError:
        return None
    found = agreement(gray, jpeg.steps, turn, own.steps if own else None)
    return None if found is None or NOT_MADE <= found < MADE else found >= MADE


def _fineness(jpeg: "_Jpeg | None") -> float:
    """The sum of the steps of low orders; 0 for a file without loss."""
    return float(jpeg.steps[:_LOW_STEPS, :_LOW_STEPS].sum()) if jpeg else 0.0


def _read_jpeg(file: CopyFile) -> "_Jpeg | None":
    """What counts of a JPEG file; None for another file.

    Raises:
        ImageError: it has no steps that are bytes.
    """
    if not (data := _bytes_of(file)).startswith(_JPEG):
        return None
    import numpy as np

    found = read_segments(data)
    if not found.table:
        raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, "JPEG: no quantization table of bytes")
    return _Jpeg(in_rows(found.table), np.array(_SHOWN[read_orientation(found.exif)], np.float64).T)


def _decode_gray(file: CopyFile) -> "NDArray[np.uint8]":
    import numpy as np

    return np.asarray(Image.fromarray(file.decode(_bytes_of(file))).convert("L"))


def _bytes_of(file: CopyFile) -> bytes:
    data = file.read()
    if isinstance(data, ImageError):
        raise data
    return data


class _Recent(Generic[_T]):
    """What was made of the files that were asked about last: the copies of one image follow each other.

    Args:
        most: number of files.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[str, _T] = OrderedDict()

    def of(self, file: CopyFile, make: Callable[[CopyFile], _T]) -> _T:
        """What is known of a file, or made of it now."""
        if file.content not in self._known:
            self._known[file.content] = make(file)
        self._known.move_to_end(file.content)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return self._known[file.content]


_jpegs: "_Recent[_Jpeg | None]" = _Recent(64)
_grays: "_Recent[NDArray[np.uint8]]" = _Recent(2)
