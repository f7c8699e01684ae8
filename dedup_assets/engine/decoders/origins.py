"""Which of two copies was made from the other, where one is the other turned or stored in another way.

Nothing in the pixels of a turned copy says which one is the right way round, and a copy may be stored in finer steps
than its original. But a file that was made from a JPEG shows the steps of that one (`evidence.jpeg_grid`), and where
nothing but storing again was done, no coefficient moved by more than these steps (`evidence.stored_again`).
"""

import io
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from PIL import Image

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.evidence.jpeg_grid import MADE, NOT_MADE, Turn, agreement, turn_of
from dedup_assets.engine.evidence.stored_again import BLURRED, SOFTER, Made, compare_stored, differs_in_a_place
from dedup_assets.engine.pictures.codecs.exif import read_orientation
from dedup_assets.engine.pictures.codecs.jpeg_quality import in_rows
from dedup_assets.engine.pictures.codecs.segments import read_segments
from dedup_assets.engine.pictures.palettes import MOST_COLOURS, count_colours, has_palette

if TYPE_CHECKING:  # as in `looking`
    import numpy as np
    from numpy.typing import NDArray

_T = TypeVar("_T")
_JPEG = b"\xff\xd8\xff"
_MANY = 4 * MOST_COLOURS  # colours that no file has which was made from one with a table, unless it was edited
_FINER = 1.5  # times the steps of one file that those of another have, from which it is the coarser one
_WITHOUT_LOSS = (b"\x89PNG", b"GIF8", b"BM")  # formats whose samples are those that were shown
_OTHER = {"a": "b", "b": "a", "": ""}
_MODES = ("L", "RGB")  # of files whose first table is that of the luminance
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


class Origin(NamedTuple):
    """What the files of two copies say of which was made from the other.

    Attributes:
        side: the one that is made from the other, or is the lesser of the two: a, b, or empty where nothing tells.
        is_altered: whether more was done to one of them than to store it again; None where it cannot be told.
        is_blurred: whether it is surely the one on this side that was blurred, and nothing else.
    """

    side: str = ""
    is_altered: bool | None = None
    is_blurred: bool = False


def origin_of(a: CopyFile, b: CopyFile, linear: "NDArray[np.float64]") -> Origin:
    """Which of two copies was made from the other, and whether nothing but storing it again was done.

    `evidence.stored_again` tells both where the steps of the two are different enough. Otherwise the one with finer
    steps is made from the other if its pixels lie on the other's steps. A file that lies on these steps the other way
    round, too, may owe them to an earlier life of its own: then nothing tells. If the pixels do not lie on them, the
    one with clearly coarser steps is the lesser one. Where more was done than to store a file again, the one that lost
    fine detail is the lesser one, or the one that was brought to a table of colours, whose dots look like fine detail.

    Args:
        a: one file.
        b: the other one.
        linear: (2, 2) turn of a onto b, as both are shown.
    """
    try:
        jpegs = _jpegs.of(a, _read_jpeg), _jpegs.of(b, _read_jpeg)
        if _fineness(jpegs[0]) <= _fineness(jpegs[1]):
            return _origin_of_finer((a, b), jpegs, linear)
        found = _origin_of_finer((b, a), jpegs[::-1], linear.T)
    except ImageError:
        return Origin()
    return found._replace(side=_OTHER[found.side])


def _origin_of_finer(
    files: tuple[CopyFile, CopyFile], jpegs: "tuple[_Jpeg | None, _Jpeg | None]", linear: "NDArray[np.float64]"
) -> Origin:
    """As `origin_of`, where the first file is the finer one."""
    finer, coarser = jpegs
    turn = None if coarser is None else turn_of(_stored(coarser, linear, finer))
    if coarser is None or turn is None:
        return _origin_without_loss(files, linear) if coarser is None else Origin()
    gray, luminance = _grays.of(files[0], _decode_gray), _luminances.of(files[1], _decode_luminance)
    turned, steps = turn.of(gray), (finer.steps if finer else None, coarser.steps)
    if turned.shape != luminance.shape:
        return Origin()
    found = compare_stored(turned, luminance, steps)
    if not found.is_altered and all(
        differs_in_a_place(turned, seen, steps) for seen in (luminance, _grays.of(files[1], _decode_gray))
    ):
        found = found._replace(is_altered=True)
    side = "b" if found.made is Made.SECOND else _made_one(gray, jpegs, turn, is_made=found.made is Made.FIRST)
    if not (finer or _bytes_of(files[0]).startswith(_WITHOUT_LOSS)):  # what it lost in another way is not known
        return Origin(side if side == "a" else "")
    if not found.is_altered:
        return Origin("" if found.is_altered is None else side, found.is_altered)
    return Origin("a", True) if has_palette(_bytes_of(files[0])) else _origin_of_altered(side, found.detail)


def _origin_of_altered(side: str, detail: float) -> Origin:
    """As `origin_of`, where more was done than to store again.

    Args:
        side: the one that is made from the other by the steps.
        detail: as of `StoredAgain`, of b.
    """
    softer, left = ("b", detail) if detail < 1 else ("a", 1 / detail)
    if left < BLURRED:
        return Origin(softer, True, True)
    return Origin("a" if side == "a" else softer if left < SOFTER else "", True)


def _origin_without_loss(files: tuple[CopyFile, CopyFile], linear: "NDArray[np.float64]") -> Origin:
    """As `origin_of`, where no file is a JPEG."""
    reduced = [has_palette(_bytes_of(file)) for file in files]
    if reduced[0] == reduced[1]:
        return Origin("", _differ_in_a_pixel(files, linear))
    whole, side = (files[1], "a") if reduced[0] else (files[0], "b")
    data = _bytes_of(whole)
    if not data.startswith(_WITHOUT_LOSS) or count_colours(whole.decode(data)) <= _MANY:
        return Origin()
    return Origin(side, True)


def _differ_in_a_pixel(files: tuple[CopyFile, CopyFile], linear: "NDArray[np.float64]") -> bool | None:
    """Whether two files show other pixels, so that more was done than to store one again; None after any loss."""
    import numpy as np

    turn = turn_of(linear)
    if turn is None or not all(_bytes_of(file).startswith(_WITHOUT_LOSS) for file in files):
        return None
    one, other = (file.decode(_bytes_of(file)) for file in files)
    return not np.array_equal(turn.of(one), other)


def _stored(jpeg: "_Jpeg", linear: "NDArray[np.float64]", other: "_Jpeg | None") -> "NDArray[np.float64]":
    """The turn from the other file to a JPEG as they are stored, if `linear` is that of what they show."""
    turn: NDArray[np.float64] = jpeg.to_stored @ linear
    return turn @ other.to_stored.T if other else turn


def _made_one(
    gray: "NDArray[np.uint8]", jpegs: "tuple[_Jpeg | None, _Jpeg | None]", turn: Turn, *, is_made: bool
) -> str:
    """The side as of `origin_of`, by the steps alone.

    Args:
        gray: of a as it is stored.
        jpegs: of both; b is one.
        turn: from a to b, as they are stored.
        is_made: whether a is known to lie on the steps of b.
    """
    lies = is_made or _lies_on(gray, jpegs, turn)
    if lies is None:
        return ""
    if not lies:
        return "b" if _fineness(jpegs[1]) >= _FINER * _fineness(jpegs[0]) else ""
    is_its_own = not turn.is_none and _lies_on(gray, jpegs, _AS_IT_IS)
    return "" if is_its_own else "a"


def _lies_on(gray: "NDArray[np.uint8]", jpegs: "tuple[_Jpeg | None, _Jpeg | None]", turn: Turn) -> bool | None:
    """Whether the picture of a file lies on the steps of a JPEG, the second one, after a turn; None if unknown."""
    own, jpeg = jpegs
    found = agreement(gray, jpeg.steps, turn, own.steps if own else None) if jpeg else None
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
    """The gray levels of a file: of a JPEG as they are stored, of another one as they are shown."""
    import numpy as np

    data = _bytes_of(file)
    if not data.startswith(_JPEG):
        return np.asarray(Image.fromarray(file.decode(data)).convert("L"))
    return _decode_jpeg(data, "RGB")


def _decode_luminance(file: CopyFile) -> "NDArray[np.uint8]":
    """The luminance of a JPEG file, which may be another one than that of its colours where these were cut off."""
    return _decode_jpeg(_bytes_of(file), "L")


def _decode_jpeg(data: bytes, mode: str) -> "NDArray[np.uint8]":
    """The gray levels of a JPEG file as they are stored, without its profile of colours."""
    import numpy as np

    try:
        with Image.open(io.BytesIO(data)) as opened:
            if opened.mode in _MODES:
                opened.draft(mode, opened.size)
                return np.asarray(opened.convert("L"))
    except Exception as error:  # noqa: BLE001 - decoders raise anything on damage
        raise ImageError(ErrorCode.CORRUPT_IMAGE, str(error)) from None
    raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, "JPEG: its first table is not that of a luminance")


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
_luminances: "_Recent[NDArray[np.uint8]]" = _Recent(2)
