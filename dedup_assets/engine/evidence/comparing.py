"""Whether two pictures are one picture."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.evidence.changes import find_changes
from dedup_assets.engine.evidence.details import align_closely, show_the_same
from dedup_assets.engine.evidence.differences import Differences, find_differences, has_spots
from dedup_assets.engine.evidence.explaining import (
    DYED,
    RETOUCHED,
    UNREAD,
    differences_in_words,
    explain,
    in_words,
    of_two_pictures,
)
from dedup_assets.engine.evidence.judging import Judged, judge
from dedup_assets.engine.evidence.look import Look
from dedup_assets.engine.evidence.maps import Map, area_scale, invert, is_affine, is_plausible, pose_maps
from dedup_assets.engine.evidence.refining import Refined, refine
from dedup_assets.engine.evidence.voting import CLEAR_VOTES, voted_maps

COPY_SCORE = 0.55
"""Score of a map from which two pictures are one."""
VARIANT_SCORE = 0.25
"""Score of a map from which two pictures resemble each other."""
VARIANT_VOTES = 20
"""Keypoints that agree on a map from which two pictures resemble each other."""

_CLEAR_POSE, _LIKELY_POSE = 0.85, 0.5  # correlation of thumbnails: tried before and after keypoints
_CLOSE_POSE = 0.93  # correlation from which a map misses by little
_TURNS = {"mirrored", "flipped", "turned", UNREAD}  # keys of edits that take nothing away
_BLURRED = {"blurred_a", "blurred_b"}
_COARSE, _FINE = 2, 1  # levels of 64 and 128 px
_VOTES_TO_BEND = 12  # of keypoints, from which their map is tried as a homography, too
_AGREEMENT_TO_BEND, _NEARLY_WHOLE = 0.12, 0.9  # and overlap of an affine map from which a homography is tried
_GAIN_OF_BENDING, _GAIN_OF_AGREEING = 0.1, 0.03  # agreement that a homography must add; where finer detail decides
_WHOLE = 0.95  # share of one picture that a picture of a screen shows
_ALL_ALIKE = 0.85  # correlation of each block above which finer detail is not looked at
_NO_CHANGE = 0.97  # agreement above which nothing was changed
_OTHER_MOMENT = 0.55  # mixing, and three times the displaced share, from which it is another picture
_SAME_PAGE, _SAME_LIGHT = 0.93, 0.15  # agreement; |log| of the gain
_SHOWN = 0.9  # share of one of two parts of a photograph that the other must show
_LIKELY = 0.5  # correlation of places from which a map is judged
_LIKELY_BENT, _BENT = 0.85, 0.93  # of a homography at 64 px, where moire and noise count more, and at 128 px
_DOUBTFUL = 0.93  # agreement of a map that keypoints voted for, below which a homography is tried
_MAY_BE_PRINT = 0.5  # as of `Look.print`
_RISEN_POSE, _RISEN_VOTES = 0.82, 0.87  # what it must have risen to after three steps; that of copies was 0.88 and 0.94


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
        edits: what was done to b relative to a: as of `explain`, `UNREAD`, `RETOUCHED`; of a VARIANT as of
            `of_two_pictures`, if its map is sure; else empty.
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
        """The edits of a COPY, or how a VARIANT differs, in words a person uses, joined by commas; else empty."""
        if self.relation is Relation.COPY:
            return in_words(self.edits, self.same_size)
        return differences_in_words(self.edits)

    @property
    def may_be_stored_again(self) -> bool:
        """Whether the two are copies in which nothing differs but, maybe, sharpness and which way round they are."""
        is_whole = min(self.overlap_a, self.overlap_b) > _WHOLE and self.score >= COPY_SCORE
        return self.relation is Relation.COPY and is_whole and self.edits.keys() <= _TURNS | _BLURRED

    @property
    def may_be_resized(self) -> bool:
        """Whether the two are copies in which nothing differs but the size and which way round they are."""
        is_whole = min(self.overlap_a, self.overlap_b) > _WHOLE and self.score >= COPY_SCORE
        return self.relation is Relation.COPY and is_whole and self.edits.keys() <= _TURNS - {UNREAD} | {"resized"}

    def retouched(self, blurred: str) -> "Finding":
        """The same, where more was done to one of the two than to store it again.

        Args:
            blurred: a or b where it is known that this one was blurred; else empty.
        """
        left = {key: value for key, value in self.edits.items() if key not in _BLURRED}
        return replace(self, edits=left | {f"blurred_{blurred}" if blurred else RETOUCHED: 1.0})

    def edited(self) -> str:
        """Which of the two was edited in ways that take something away or cover it: a, b, both, or empty."""
        sides = {key[-1] for key in self.edits if key.endswith(("_a", "_b"))}
        return "both" if len(sides) > 1 else "".join(sides)


def compare(a: Look, b: Look, hint: Map | None = None) -> Finding:
    """Compare two pictures.

    The same two pictures the other way round give the same relation and the inverse map.

    Args:
        a: one picture.
        b: the other.
        hint: (3, 3) map from a to b, in units of the longer sides, that is tried first.
    """
    if _have_equal_pixels(a, b):
        best, votes = judge(a, b, Refined(np.eye(3), 1.0, 0.0, 1.0)), 0
    elif _comes_first(b, a):
        best, votes = _search(b, a, invert(hint) if hint is not None else None)
        best = best.inverse() if best else None
    else:
        best, votes = _search(a, b, hint)
    if best is None:
        return Finding(Relation.VARIANT if votes >= VARIANT_VOTES else Relation.UNVERIFIED)
    relation, details = Relation.UNVERIFIED, None
    if best.score >= COPY_SCORE:
        best, details, is_other = _decide(a, b, best)
        relation = Relation.VARIANT if is_other else Relation.COPY
    elif best.score >= VARIANT_SCORE or votes >= VARIANT_VOTES:
        relation = Relation.VARIANT
    edits = explain(a, b, best, details) if best.score >= COPY_SCORE else {}  # else the map itself is in doubt
    if relation is Relation.COPY and (DYED in edits or _are_parts(best, edits)):
        relation = Relation.VARIANT
    if relation is Relation.VARIANT:
        edits = of_two_pictures(edits)
    elif relation is Relation.COPY and _show_print(a, b):
        edits[UNREAD] = 1.0
    return Finding(
        relation,
        best.score,
        best.map,
        best.overlap_a,
        best.overlap_b,
        1 - best.agreement,
        best.inliers,
        edits,
        (a.width, a.height) == (b.width, b.height),
    )


def in_pixels(map_: Map, a: Look, b: Look) -> Map:
    """The map from pixels of b's file to pixels of a's, (3, 3), from a map of a to b in units of the longer sides.

    Pixels are counted from the corner of the picture: the middle of the first is at 0.5.
    """
    side_a, side_b = max(a.width, a.height), max(b.width, b.height)
    scaled: Map = np.diag([side_a, side_a, 1.0]) @ invert(map_) @ np.diag([1 / side_b, 1 / side_b, 1.0])
    return scaled


def _decide(a: Look, b: Look, judged: Judged) -> tuple[Judged, Differences | None, bool]:
    """The map, what differs in finer detail, and whether the pictures are two.

    A screen that was photographed from aside seems to be another picture until it is seen in perspective.
    """
    details = _look_closely(a, b, judged)
    is_other = _is_other_picture(judged, details)
    is_doubtful = is_other or (judged.inliers >= _VOTES_TO_BEND and judged.agreement < _DOUBTFUL)
    if is_doubtful and is_affine(judged.map) and max(judged.overlap_a, judged.overlap_b) > _NEARLY_WHOLE:
        bent = _bend(a, b, _Guess(judged.map, judged.inliers), judged, _GAIN_OF_AGREEING) or judged
        if bent is not judged:
            closely = _look_closely(a, b, bent)
            is_still_other = _is_other_picture(bent, closely)
            if is_other or not is_still_other:
                return bent, closely, is_still_other
    return judged, details, is_other


def _look_closely(a: Look, b: Look, judged: Judged) -> Differences | None:
    """What differs in finer detail, where something may; None if nothing may, or if nothing is seen better."""
    blocks = judged.blocks
    hold_text = a.closer is not None and b.closer is not None
    are_alike = not hold_text and blocks.alike[blocks.structured].min(initial=1) > _ALL_ALIKE
    if are_alike and not has_spots(judged.aligned, show_the_same(judged)):
        return None
    closely = align_closely(a, b, judged)
    return find_differences(*closely, hold_text, are_alike) if closely else None


def _is_other_picture(judged: Judged, details: Differences | None) -> bool:
    """Whether the pictures differ as bursts, still cameras or templates do, which no edit explains."""
    if details and details.count and not details.is_edit:
        return True
    if details and details.fills_field and show_the_same(judged) and _has_same_light(judged):
        return True
    if judged.agreement > _NO_CHANGE:
        return False
    changes = find_changes(judged)
    mixing = 0.0 if details else changes.mixing
    return mixing + 3 * changes.displaced > _OTHER_MOMENT


def _has_same_light(judged: Judged) -> bool:
    """Whether nearly all lies on each other in the same light; light that is cut off hides lines."""
    return judged.agreement > _SAME_PAGE and judged.gain > 0 and abs(math.log(judged.gain)) < _SAME_LIGHT


def _are_parts(judged: Judged, edits: Mapping[str, float]) -> bool:
    """Whether each picture shows much of the photograph that the other lacks, so that neither can stand for both."""
    return {"cropped_a", "cropped_b"} <= edits.keys() and max(judged.overlap_a, judged.overlap_b) < _SHOWN


def _show_print(a: Look, b: Look) -> bool:
    """Whether one of two copies looks like print, and the other may, too; most photographs are refused at once."""
    return a.print >= _MAY_BE_PRINT and b.print >= _MAY_BE_PRINT and max(a.print, b.print) >= 1


def _have_equal_pixels(a: Look, b: Look) -> bool:
    """Whether both looks are the same; most differ in their first row."""
    if a.rgb.shape != b.rgb.shape or not np.array_equal(a.rgb[0], b.rgb[0]):
        return False
    return bool(np.array_equal(a.rgb, b.rgb))


def _comes_first(a: Look, b: Look) -> bool:
    """An order of looks that does not depend on which is asked about first."""
    size_a, size_b = (a.width * a.height, a.width), (b.width * b.height, b.width)
    if size_a != size_b:
        return size_a < size_b
    if not np.array_equal(a.rgb[0], b.rgb[0]):
        return bool(a.rgb[0].tobytes() < b.rgb[0].tobytes())
    return bool(a.rgb.tobytes() < b.rgb.tobytes())


def _search(a: Look, b: Look, hint: Map | None) -> tuple[Judged | None, int]:
    """The map that scores best, up to one that leaves no doubt; and the most votes of keypoints for one."""
    best, most = None, _Guess(np.eye(3))
    for guess in _guesses(a, b, hint):
        if guess.votes > most.votes:
            most = guess
        judged = _try(a, b, guess)
        if judged and (best is None or judged.score > best.score):
            best = judged
            if best.is_sure:
                return best, most.votes
    if best and best.score >= COPY_SCORE:
        return best, most.votes
    if best and best.agreement > _AGREEMENT_TO_BEND and max(best.overlap_a, best.overlap_b) > _NEARLY_WHOLE:
        best = _bend(a, b, _Guess(best.map, best.inliers), best)
    if most.votes >= _VOTES_TO_BEND:  # a strong perspective has no affine map
        best = _bend(a, b, replace(most, risen=0.0), best)
    return best, most.votes


@dataclass(frozen=True, eq=False)
class _Guess:
    """A map that may hold.

    Attributes:
        map: (3, 3).
        votes: of keypoints.
        is_close: whether it misses by little, if it holds.
        risen: the correlation that it must have after some steps of refining.
    """

    map: Map
    votes: int = 0
    is_close: bool = False
    risen: float = 0.0


def _guesses(a: Look, b: Look, hint: Map | None) -> Iterator[_Guess]:
    """The likeliest first; keypoints are found only if none before them convinces."""
    if hint is not None:
        yield _Guess(hint, is_close=True)
    poses = pose_maps(a, b)
    yield from (_Guess(map_, is_close=abs(alike) >= _CLOSE_POSE) for alike, map_ in poses if abs(alike) >= _CLEAR_POSE)
    for votes, map_ in voted_maps(a, b):
        yield _Guess(map_, votes, is_close=True) if votes >= CLEAR_VOTES else _Guess(map_, votes, risen=_RISEN_VOTES)
    yield from (_Guess(map_, risen=_RISEN_POSE) for alike, map_ in poses if _LIKELY_POSE <= abs(alike) < _CLEAR_POSE)


def _bend(a: Look, b: Look, guess: _Guess, best: Judged | None, gain: float = _GAIN_OF_BENDING) -> Judged | None:
    """A homography from the guess, if it explains more than the best map so far."""
    bent = _try(a, b, guess, perspective=True)
    if not bent or max(bent.overlap_a, bent.overlap_b) < _WHOLE:  # a burst bends, too, but shows other edges
        return best
    return bent if bent.agreement > (best.agreement if best else 0) + gain else best


def _try(a: Look, b: Look, guess: _Guess, perspective: bool = False) -> Judged | None:
    """Refine a map and judge it, seen from the picture that shows less."""
    if not is_plausible(guess.map, a.extent):
        return None
    if area_scale(guess.map, a.extent) > 1:
        judged = _try_from(b, a, invert(guess.map), guess, perspective)
        return judged.inverse() if judged else None
    return _try_from(a, b, guess.map, guess, perspective)


def _try_from(a: Look, b: Look, map_: Map, guess: _Guess, perspective: bool) -> Judged | None:
    refined: Refined | None = None
    stages: tuple[tuple[int, int, float], ...]
    if perspective:
        stages = ((_COARSE, 20, _LIKELY_BENT), (_FINE, 6, _BENT))
    else:
        stages = ((_FINE, 6, _LIKELY),) if guess.is_close else ((_COARSE, 8, _LIKELY), (_FINE, 3, _LIKELY))
    for level, steps, least in stages:
        refined = refine(a, b, map_, level, steps, perspective, guess.risen)
        if (refined is None or abs(refined.alike) < least) and guess.votes >= CLEAR_VOTES and not perspective:
            refined = refine(a, b, map_, level, steps, is_covered=True)
            return judge(a, b, refined, guess.votes) if refined else None
        if refined is None or abs(refined.alike) < least:
            return None
        map_ = refined.map
    return judge(a, b, refined, guess.votes) if refined else None
