"""Whether two pictures are one picture."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.evidence.changes import find_changes
from dedup_assets.engine.evidence.explaining import CHANGED, explain, in_words
from dedup_assets.engine.evidence.judging import Judged, judge
from dedup_assets.engine.evidence.look import Look
from dedup_assets.engine.evidence.maps import Map, area_scale, invert, is_plausible, pose_maps
from dedup_assets.engine.evidence.refining import Refined, refine
from dedup_assets.engine.evidence.voting import voted_maps

COPY_SCORE = 0.55
"""Score of a map from which two pictures are one."""
VARIANT_SCORE = 0.25
"""Score of a map from which two pictures resemble each other."""
VARIANT_VOTES = 20
"""Keypoints that agree on a map from which two pictures resemble each other."""

_CLEAR_POSE, _LIKELY_POSE = 0.85, 0.5  # correlation of thumbnails: tried before and after keypoints
_COARSE, _FINE = 2, 1  # levels of 64 and 128 px
_SCORE_TO_BEND, _VOTES_TO_BEND = 0.12, 12  # of an affine map from which a homography is tried
_GAIN_OF_BENDING = 0.1  # agreement that a homography must add
_NO_CHANGE = 0.97  # agreement above which nothing was changed
_MIXED, _DISPLACED = 0.45, 0.12  # share of the changes that are on both sides; of the structure: another picture
_LIKELY = 0.5  # correlation of places at 64 px from which a map is judged


@dataclass(frozen=True, eq=False)
class Finding:
    """What a comparison of two pictures, a and b, found.

    Attributes:
        relation: COPY: one is an edited form of the other; VARIANT: they resemble each other, but are two pictures;
            UNVERIFIED: no map holds, or too little structure.
        score: 0 to 1: how sure it is that they are one picture.
        map: (3, 3) from a to b, each in units of its longer side; None if no map was found.
        overlap_a: share of a's area that b shows.
        overlap_b: share of b's area that a shows.
        residual: share of the structure in the overlap that differs.
        inliers: keypoints that agree on the map; 0 where thumbnails alone proposed it.
        edits: what was done to b relative to a, as of `explain`; empty unless COPY or VARIANT.
        same_size: whether both files have the same width and height.
    """

    relation: Relation
    score: float = 0.0
    map: Map | None = None
    overlap_a: float = 0.0
    overlap_b: float = 0.0
    residual: float = 1.0
    inliers: int = 0
    edits: Mapping[str, float] = field(default_factory=dict)
    same_size: bool = True

    def kind(self) -> str:
        """The edits in words a person uses, joined by commas; empty unless COPY or VARIANT."""
        return "" if self.relation is Relation.UNVERIFIED else in_words(self.edits, self.same_size)

    def edited(self) -> str:
        """Which of the two was edited in ways that take something away or cover it: a, b, both, or empty."""
        sides = {side for key in self.edits for _, found, side in [key.rpartition("_")] if found}
        return "both" if len(sides) > 1 else "".join(sides)


def compare(a: Look, b: Look, hint: Map | None = None) -> Finding:
    """Compare two pictures.

    The same two pictures the other way round give the same relation and the inverse map.

    Args:
        a: one picture.
        b: the other.
        hint: (3, 3) map from a to b, in units of the longer sides, that is tried first.
    """
    if a.rgb.shape == b.rgb.shape and np.array_equal(a.rgb, b.rgb):
        best, votes = judge(a, b, Refined(np.eye(3), 1.0, 0.0, 1.0)), 0
    elif _comes_first(b, a):
        best, votes = _search(b, a, invert(hint) if hint is not None else None)
        best = best.inverse() if best else None
    else:
        best, votes = _search(a, b, hint)
    if best is None:
        return Finding(Relation.VARIANT if votes >= VARIANT_VOTES else Relation.UNVERIFIED)
    relation = Relation.UNVERIFIED
    if best.score >= COPY_SCORE and not _is_other_moment(best):
        relation = Relation.COPY
    elif best.score >= VARIANT_SCORE or votes >= VARIANT_VOTES:
        relation = Relation.VARIANT
    return Finding(
        relation,
        best.score,
        best.map,
        best.overlap_a,
        best.overlap_b,
        1 - best.agreement,
        best.inliers,
        {} if relation is Relation.UNVERIFIED else explain(a, b, best),
        (a.width, a.height) == (b.width, b.height),
    )


def in_pixels(map_: Map, a: Look, b: Look) -> Map:
    """The map from pixels of b's file to pixels of a's, (3, 3), from a map of a to b in units of the longer sides.

    Pixels are counted from the corner of the picture: the middle of the first is at 0.5.
    """
    side_a, side_b = max(a.width, a.height), max(b.width, b.height)
    scaled: Map = np.diag([side_a, side_a, 1.0]) @ invert(map_) @ np.diag([1 / side_b, 1 / side_b, 1.0])
    return scaled


def _is_other_moment(judged: Judged) -> bool:
    """Whether the pictures differ as bursts, still cameras or templates do, which no edit explains."""
    if judged.agreement > _NO_CHANGE:
        return False
    changes = find_changes(judged)
    if judged.changed > CHANGED and changes.mixed > _MIXED * judged.changed:
        return True
    return changes.displaced > _DISPLACED


def _comes_first(a: Look, b: Look) -> bool:
    """An order of looks that does not depend on which is asked about first."""
    size_a, size_b = (a.width * a.height, a.width), (b.width * b.height, b.width)
    if size_a != size_b:
        return size_a < size_b
    return a.rgb.tobytes() < b.rgb.tobytes()


def _search(a: Look, b: Look, hint: Map | None) -> tuple[Judged | None, int]:
    """The map that scores best, up to one that leaves no doubt; and the most votes of keypoints for one."""
    best, most_votes, voted = None, 0, None
    for votes, map_ in _hypotheses(a, b, hint):
        if votes > most_votes:
            most_votes, voted = votes, map_
        judged = _try(a, b, map_, votes)
        if judged and (best is None or judged.score > best.score):
            best = judged
            if best.is_sure:
                return best, most_votes
    for start in (best.map if best and best.score > _SCORE_TO_BEND else None, voted):
        if start is None or (start is voted and most_votes < _VOTES_TO_BEND):
            continue
        seen = _try(a, b, start, most_votes, perspective=True)
        if seen and seen.agreement > (best.agreement if best else 0) + _GAIN_OF_BENDING:
            best = seen
    return best, most_votes


def _hypotheses(a: Look, b: Look, hint: Map | None) -> Iterator[tuple[int, Map]]:
    """Votes and maps, the likeliest first; keypoints are found only if none before them convinces."""
    if hint is not None:
        yield 0, hint
    poses = pose_maps(a, b)
    yield from ((0, map_) for alike, map_ in poses if abs(alike) >= _CLEAR_POSE)
    yield from voted_maps(a, b)
    yield from ((0, map_) for alike, map_ in poses if _LIKELY_POSE <= abs(alike) < _CLEAR_POSE)


def _try(a: Look, b: Look, map_: Map, votes: int, perspective: bool = False) -> Judged | None:
    """Refine a map and judge it, seen from the picture that shows less."""
    if not is_plausible(map_, a.extent):
        return None
    if area_scale(map_, a.extent) > 1:
        judged = _try_from(b, a, invert(map_), votes, perspective)
        return judged.inverse() if judged else None
    return _try_from(a, b, map_, votes, perspective)


def _try_from(a: Look, b: Look, map_: Map, votes: int, perspective: bool) -> Judged | None:
    refined: Refined | None = None
    for level, steps in ((_COARSE, 8), (_FINE, 3)):
        refined = refine(a, b, map_, level, steps, perspective)
        if refined is None or abs(refined.alike) < _LIKELY:
            return None
        map_ = refined.map
    return judge(a, b, refined, votes) if refined else None
