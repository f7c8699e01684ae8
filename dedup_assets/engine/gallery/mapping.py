"""A map of a collection: a sample of its images as points of a plane, near where their vectors are."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.match_records import Groups, Role
from dedup_assets.engine.decoders.tasks import SMALL_SIDE
from dedup_assets.engine.gallery.pages.links import Links
from dedup_assets.engine.gallery.pages.map import MAP_HEIGHT, MAP_WIDTH, MapPoint, PointKind
from dedup_assets.engine.gallery.spool import Spool
from dedup_assets.engine.gallery.thumbnails import Effort, add_thumbnail, make_pictures

_MOST = 1_500  # points, so that the page stays below half a megabyte
_PER_FOLDER = 1_000
_SPACE = 8  # directions that are found together; the first two of them are shown
_ROUNDS = 10
_EDGE = 0.5  # percent at each end that lie on the edge, so that a few far points do not push the others together


def picture_map(
    names: pl.Series, known: Mapping[bytes, str], room: int, spool: Spool, effort: Effort
) -> dict[bytes, str]:
    """Addresses of the thumbnails of the images on the map, by name, as far as there are some.

    Args:
        names: (n,) binary: all good images.
        known: addresses of thumbnails that the spool has.
        room: how many more may be made; none of files on stores.
        spool: the files of the gallery.
        effort: limits for reading.

    Raises:
        WorkerError: no decoding process can be started.
    """
    sample = names.gather(_spread(len(names), _MOST)).to_list()
    found = {name: known[name] for name in sample if name in known}
    others = [name for name in sample if name not in known and b"://" not in name]
    chosen = [others[place] for place in _spread(len(others), room)]
    for place, (name, file) in enumerate(make_pictures(chosen, effort, SMALL_SIDE) if chosen else ()):
        if file.thumbnail is not None:
            found[name] = f"thumbs/map/{place // _PER_FOLDER:03d}/{place}.jpg"
            add_thumbnail(found[name], file, SMALL_SIDE, spool, effort)
    return found


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """All places of `count`, or as many as `most` at equal distances."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def draw_map(
    names: pl.Series,
    vectors: NDArray[np.float32],
    groups: Groups | None,
    outliers: pl.Series,
    links: Links,
    thumbnails: Mapping[bytes, str],
) -> list[MapPoint]:
    """Place images by the two directions in which their vectors differ most (principal components).

    Args:
        names: (n,) binary: the name of each row.
        vectors: (n, d) float32.
        groups: which images are kept ones and copies; None if the run made none.
        outliers: (m,) binary: names.
        links: how originals are linked.
        thumbnails: their addresses from the page, by name.

    Returns:
        All images, or as many as `_MOST` at equal distances in the listing; none of fewer than three. Points of copies
        come last, because they are drawn over the others.
    """
    rows = _spread(len(names), _MOST)
    if len(rows) < 3:  # noqa: PLR2004 - two points are on a line
        return []
    places = _places(np.asarray(vectors[rows], np.float64))
    kinds = _kinds(names.gather(rows), groups, outliers)
    points = [
        MapPoint(name, links.link(name), thumbnails.get(name), kind, int(x), int(y))
        for name, kind, (x, y) in zip(names.gather(rows), kinds, places, strict=True)
    ]
    return sorted(points, key=lambda point: list(PointKind).index(point.kind))


def _places(vectors: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n, 2) places in the plane; of vectors that all are equal, the middle."""
    along = _principal(vectors - vectors.mean(axis=0))
    low, high = np.percentile(along, [_EDGE, 100 - _EDGE], axis=0)
    share = np.divide(
        along - low, high - low, out=np.full_like(along, 0.5), where=high - low > np.finfo(np.float32).eps
    )
    placed: NDArray[np.int64] = (share.clip(0, 1) * [MAP_WIDTH, MAP_HEIGHT]).round().astype(np.int64)
    return placed


def _principal(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2) the first two principal components, by subspace iteration, which a full decomposition takes 20 times."""
    space = np.random.default_rng(0).normal(size=(centred.shape[1], _SPACE))
    for _ in range(_ROUNDS):
        space, _ = np.linalg.qr(centred.T @ (centred @ space))
    _, _, axes = np.linalg.svd(centred @ space, full_matrices=False)
    along: NDArray[np.float64] = centred @ space @ axes[:2].T
    turned = np.sign(along[np.abs(along).argmax(axis=0), [0, 1]])
    return along * np.where(turned == 0, 1, turned)


def _kinds(names: pl.Series, groups: Groups | None, outliers: pl.Series) -> list[PointKind]:
    alone = set(outliers)
    roles = {} if groups is None else dict(groups.rows.select("filename", "role").iter_rows())
    kinds = []
    for name in names:
        role = roles.get(name)
        other = PointKind.OUTLIER if name in alone else PointKind.SINGLE
        kinds.append(other if role is None else PointKind.KEPT if role == Role.KEEP.value else PointKind.COPY)
    return kinds
