"""The page of the map: images as points; those that look alike to the model are near each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dedup_assets.engine.gallery.pages.layout import ALONE, Frame, Page, render_page

MAP_WIDTH, MAP_HEIGHT = 1000, 600
"""Size of the plane, in the units of `MapPoint`."""


class PointKind(StrEnum):
    """What an image is; later ones are drawn over earlier ones."""

    SINGLE = "in no group"
    KEPT = "kept image of a group"
    COPY = "copy"
    OUTLIER = "outlier"


@dataclass(frozen=True)
class MapPoint:
    """An image on the map; `link` opens its original, `thumbnail` is its picture in the gallery; None where is none."""

    name: bytes
    link: str | None
    thumbnail: str | None
    kind: PointKind
    x: int
    y: int


def map_page(
    points: Sequence[MapPoint],
    total: int,
    *,
    frame: Frame = ALONE,
) -> str:
    """Show images as points.

    Args:
        points: in the order in which they are drawn.
        total: number of good images.
        frame: what it shares with the pages beside it.

    Returns:
        The page, as HTML.
    """
    kinds = [(kind, sum(point.kind is kind for point in points)) for kind in PointKind]
    return render_page(
        Page.MAP,
        frame,
        points=points,
        kinds=[(kind, count) for kind, count in kinds if count],
        pictured=sum(point.thumbnail is not None for point in points),
        total=total,
        width=MAP_WIDTH,
        height=MAP_HEIGHT,
    )
