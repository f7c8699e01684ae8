"""What differs between two pictures in finer detail than that which proves them to be one."""

import math

import numpy as np

from dedup_assets.engine.evidence.anchors import find_anchors
from dedup_assets.engine.evidence.blocks import Aligned, Blocks, compare_blocks
from dedup_assets.engine.evidence.filters import planes
from dedup_assets.engine.evidence.judging import Judged, align, lay, make_fair
from dedup_assets.engine.evidence.look import SIDE, Look
from dedup_assets.engine.evidence.maps import area_scale, invert, is_affine
from dedup_assets.engine.evidence.refining import Refined, Target, refine, settle

_STEPS = 5
_FINER = 1.3  # times the pixels of a look's side from which a finer view is worth its time
_REGISTERED = 0.3  # correlation of places below which a map is lost
_ALIKE_INSIDE = (
    0.9  # agreement from which borders and rims are compared, too: a map that is a little off fails there first
)
_SAME_ENDS = 0.95  # share of each picture that the other shows
_LIE_ON = 0.7  # correlation of half of the blocks from which pictures lie on each other


def align_closely(a: Look, b: Look, judged: Judged) -> tuple[Aligned, Blocks] | None:
    """Both pictures at the finest scale that both have, on the grid of that which shows less.

    Args:
        a: one picture.
        b: the other.
        judged: what is known of them at the size of a look.

    Returns:
        The pictures, and their blocks; None if they do not lie on each other at that scale.
    """
    map_ = judged.map
    if not judged.is_a_first:
        a, b, map_ = b, a, invert(map_)
    perspective = not is_affine(map_)
    refined = refine(a, b, map_, 0, _STEPS, perspective)
    if refined is None or abs(refined.alike) < _REGISTERED:
        return None
    wide = show_the_same(judged)
    closer = _align_closer(a, b, refined, perspective, wide)
    found = _compare(*closer, wide) if closer else None
    wide = wide and judged.agreement > _ALIKE_INSIDE
    return found or _compare(align(a, b, refined, 0, with_borders=wide)[0], refined, wide)


def show_the_same(judged: Judged) -> bool:
    """Whether both pictures end at the same places, so that borders of the one are not what is around the other."""
    return min(judged.overlap_a, judged.overlap_b) > _SAME_ENDS


def _compare(aligned: Aligned, refined: Refined, wide: bool) -> tuple[Aligned, Blocks] | None:
    aligned = aligned.in_whole_blocks() if wide else aligned
    blocks = compare_blocks(aligned)
    fair, _ = make_fair(aligned, refined, blocks)
    if fair is not aligned:
        blocks = compare_blocks(fair)
    alike = blocks.alike[blocks.structured]
    return (fair, blocks) if len(alike) and np.median(alike) > _LIE_ON else None


def _align_closer(a: Look, b: Look, refined: Refined, perspective: bool, wide: bool) -> tuple[Aligned, Refined] | None:
    """Both finer views, with the map that joins them; None if there are none, or if they do not join."""
    if a.closer is None or b.closer is None:
        return None
    scale = math.sqrt(area_scale(refined.map, a.extent))
    side = min(float(a.closer.side), b.closer.side * scale)
    if side < _FINER * SIDE:
        return None
    for gray_one, gray_two in zip(a.closer.grays(side), b.closer.grays(side / scale), strict=True):
        planes_one, planes_two = planes(gray_one.astype(np.float32)), planes(gray_two.astype(np.float32))
        target = Target.of(planes_two, max(planes_two.shape), b.content)
        anchors = find_anchors(planes_one, a.content)
        found = settle(anchors, target, max(planes_one.shape), a.extent, refined.map, _STEPS, perspective)
        if found is None or abs(found.alike) < _REGISTERED:
            return None
        refined = found
    return lay(a, planes_one, b, planes_two, refined, with_borders=wide)[0], refined
