"""What a comparison needs of one picture: its pixels at 256 px, and what is computed from them when first asked for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.evidence.anchors import Anchors, find_anchors
from dedup_assets.engine.evidence.closer import Closer
from dedup_assets.engine.evidence.filters import LUMA, planes
from dedup_assets.engine.evidence.keypoints import Keypoints, find_keypoints
from dedup_assets.engine.evidence.print import measure_print

SIDE = 256  # px of the longer side
_LEAST_SIDE = 16  # px of the shorter side; narrower strips are widened, so that every filter fits
_LEAST_LEVEL = 8  # px of the shorter side of the coarsest level of a pyramid
_THUMBNAIL = 32  # px
_THUMBNAIL_LEVEL, _CONTENT_LEVEL, _KEYPOINT_LEVEL = 2, 1, 1  # 64, 128 and 128 px
_ENOUGH = 0.885  # of a look's sides; a JPEG is decoded at 1.1 times what is asked for, or more
_PLAIN = 12  # levels that a plain border may vary
_PLAIN_SHARE = 0.98  # of a line's pixels, which are plain in a border
_GREEN, _FAINT = 1, 0.5  # the channel that detail is read from; squared levels that are no detail
_LINES_TOGETHER = 8  # of a border, which are looked at before the next ones


class Box(NamedTuple):
    """A part of a picture, in units of its longer side."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, eq=False)
class Look:
    """One picture as comparisons see it.

    Attributes:
        rgb: (h, w, 3) uint8 of `SIDE` px on the longer side.
        width: of the file, in pixels, upright.
        height: of the file, in pixels, upright.
        closer: a finer view of a picture that holds text; None of others.
    """

    rgb: NDArray[np.uint8]
    width: int
    height: int
    closer: Closer | None = None

    @cached_property
    def print(self) -> float:
        """How much it looks like a page, a screen or a chart: from 1 on it does, from 0.5 on it may."""
        return measure_print(self.rgb)

    @cached_property
    def extent(self) -> NDArray[np.float64]:
        """(2,): width and height in units of the longer side."""
        height, width = self.rgb.shape[:2]
        return np.array([width, height]) / SIDE

    @cached_property
    def sides(self) -> tuple[float, float]:
        """`extent` as Python's numbers, beside which float32 arrays stay float32."""
        width, height = self.extent.tolist()
        return width, height

    @cached_property
    def levels(self) -> Sequence[NDArray[np.uint8]]:
        """Pyramid of (h, w, 3) uint8 with SIDE, SIDE / 2, SIDE / 4, ... px; means of 2 x 2 pixels."""
        return _Pyramid(self.rgb)

    def gray(self, level: int) -> NDArray[np.float32]:
        """(h, w, 3) float32 of one level: smoothed gray (0 to 255), and its slopes per pixel along x and y.

        Each of the three is in one piece of memory, because most filters read one of them.
        """
        if level not in self._grays:
            self._grays[level] = planes(self.levels[level] @ LUMA)
        return self._grays[level]

    @cached_property
    def _grays(self) -> dict[int, NDArray[np.float32]]:
        return {}

    @cached_property
    def thumbnails(self) -> NDArray[np.float32]:
        """(8, 1024) float32: gray at 32 x 32 in eight poses, each of mean 0 and length 1.

        The first is the picture as it is. The next three are turned by a further 90° anticlockwise each; the last four
        are the same of the mirrored picture (left and right exchanged).
        """
        return _thumbnails(self._level(_THUMBNAIL_LEVEL))

    @cached_property
    def content_thumbnails(self) -> NDArray[np.float32]:
        """(8, 1024) float32: `thumbnails` of the content alone."""
        if not self.has_border:
            return self.thumbnails
        image = self._level(_CONTENT_LEVEL)
        left, top, right, bottom = (round(at * max(image.shape)) for at in self.content)
        return _thumbnails(image[top:bottom, left:right])

    @cached_property
    def content(self) -> Box:
        """The picture without borders of one colour. A picture that is plain all over is all content."""
        image = self._level(_CONTENT_LEVEL)
        left, right = _plain_lines(image.swapaxes(0, 1))
        top, bottom = _plain_lines(image)
        pixel = 1 / max(image.shape[:2])
        width, height = self.sides
        return Box(left * pixel, top * pixel, width - right * pixel, height - bottom * pixel)

    def _level(self, level: int) -> NDArray[np.uint8]:
        return self.levels[min(level, len(self.levels) - 1)]

    @cached_property
    def has_border(self) -> bool:
        """Whether there is a border of one colour around the content."""
        return self.content != Box(0, 0, *self.sides)

    @cached_property
    def detail(self) -> float:
        """How much of the detail is fine: logarithm of the energy of the slopes at 256 px over that at 64."""
        fine, coarse = (self._level(level)[..., _GREEN].astype(np.float32) for level in (0, _THUMBNAIL_LEVEL))
        in_fine, in_coarse = (sum(_energy(plane, 1, axis) for axis in (0, 1)) + _FAINT for plane in (fine, coarse))
        return math.log(in_fine / in_coarse)

    @cached_property
    def roughness(self) -> tuple[float, float]:
        """Along x and along y: logarithm of the energy of second differences in times that of first ones, at 256 px."""
        plane = self.rgb[..., _GREEN].astype(np.float32)
        x, y = ((_energy(plane, 2, axis) + _FAINT) / (_energy(plane, 1, axis) + _FAINT) for axis in (1, 0))
        return math.log(x), math.log(y)

    def anchors(self, level: int) -> Anchors:
        """Places of one level that hold a map in its place."""
        if level not in self._anchors:
            self._anchors[level] = find_anchors(self.gray(level), self.content)
        return self._anchors[level]

    @cached_property
    def _anchors(self) -> dict[int, Anchors]:
        return {}

    @cached_property
    def keypoints(self) -> Keypoints:
        """Places that are found again in copies, with descriptors of their surroundings."""
        return find_keypoints(self._level(_KEYPOINT_LEVEL))


def _energy(plane: NDArray[np.float32], order: int, axis: int) -> float:
    """Mean square of the differences of an order along an axis."""
    difference = np.diff(plane, order, axis)
    return float(np.vdot(difference, difference)) / difference.size


class _Pyramid(Sequence[NDArray[np.uint8]]):
    """Levels of a picture, each computed when it or a coarser one is first asked for."""

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self._levels, self._coarsest = [rgb], Image.fromarray(rgb)
        self._count, side = 1, min(rgb.shape[:2])
        while side >= 2 * _LEAST_LEVEL:
            self._count, side = self._count + 1, (side + 1) // 2

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, level: Any) -> Any:  # noqa: ANN401 - as of Sequence
        if not 0 <= level < self._count:
            raise IndexError(level)
        while level >= len(self._levels):
            self._coarsest = self._coarsest.reduce(2)
            self._levels.append(np.asarray(self._coarsest))
        return self._levels[level]


def make_look(rgb: NDArray[np.uint8], width: int, height: int, closer: Closer | None = None) -> Look:
    """Take a picture for comparisons.

    Args:
        rgb: (h, w, 3) uint8, upright. It is resized to `SIDE` px on the longer side (smaller pictures are enlarged)
            and at least 16 px on the shorter one; pixels of that size are taken as they are.
        width: of the file, in pixels, upright.
        height: of the file, in pixels, upright.
        closer: a finer view, if the picture holds text.
    """
    size = look_size(rgb.shape[1], rgb.shape[0])
    if (rgb.shape[1], rgb.shape[0]) != size:
        rgb = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BILINEAR))
    return Look(rgb, width, height, closer)


def look_size(width: int, height: int) -> tuple[int, int]:
    """Width and height in pixels that a picture of this size has in a `Look`."""
    longer = max(width, height)
    return max(_LEAST_SIDE, round(width * SIDE / longer)), max(_LEAST_SIDE, round(height * SIDE / longer))


def least_decoded(columns: int, rows: int) -> tuple[int, int]:
    """Height and width that are asked of a decoder for a look of this size, so that 500 px are decoded at 250."""
    return round(_ENOUGH * rows), round(_ENOUGH * columns)


def _thumbnails(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = Image.fromarray(rgb).convert("L").resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BILINEAR)
    gray = np.asarray(small).ravel().astype(np.float32)
    gray -= gray.mean()
    gray /= np.linalg.norm(gray) + 1e-3
    return gray[_POSES]


def _poses() -> NDArray[np.intp]:
    """(8, 1024): where the pixels of a thumbnail come from in each pose."""
    places = np.arange(_THUMBNAIL**2).reshape(_THUMBNAIL, _THUMBNAIL)
    return np.stack([np.rot90(pose, turns).ravel() for pose in (places, places[:, ::-1]) for turns in range(4)])


_POSES = _poses()


def _plain_lines(lines: NDArray[np.uint8]) -> tuple[int, int]:
    """How many of the first and of the last lines are a border of one colour; (n, m, 3) uint8."""
    return _plain_run(lines), _plain_run(lines[::-1])


def _plain_run(lines: NDArray[np.uint8]) -> int:
    """How many of the first lines have the colour of the first one; 0 where all have it, because nothing is in it."""
    ordered = np.sort(lines[0].T, 1).astype(np.int16)
    others = int((1 - _PLAIN_SHARE) * ordered.shape[1])  # these may have any colour
    if (ordered[:, -1 - others] - ordered[:, others] >= 2 * _PLAIN).any():
        return 0  # most pictures have no border, and this is known at once
    colour = ordered[:, ordered.shape[1] // 2]
    for start in range(0, len(lines), _LINES_TOGETHER):
        alike = _have_colour(lines[start : start + _LINES_TOGETHER], colour)
        if not alike.all():
            return start + int(np.argmin(alike))
    return 0


def _have_colour(lines: NDArray[np.uint8], colour: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Which lines are plain in one colour."""
    off = lines - colour
    np.abs(off, out=off)
    plain = np.maximum(np.maximum(off[..., 0], off[..., 1]), off[..., 2]) < _PLAIN
    return np.asarray(np.count_nonzero(plain, axis=1) > _PLAIN_SHARE * plain.shape[1])
