"""Maps that matched keypoints vote for.

Each pair of matches makes a similarity. Those that contradict the keypoints' own sizes and directions are left out, the
one that most matches agree with wins, and its matches make it affine.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.descriptors import KEPT_VALUES
from dedup_assets.engine.evidence.keypoints import Keypoints
from dedup_assets.engine.evidence.look import Look
from dedup_assets.engine.evidence.maps import Map, area_scale, is_plausible

FEWEST_VOTES = 6
CLEAR_VOTES = 20
"""Votes for a map that misses by little."""

_RATIO, _CLEAR_RATIO = 0.95, 0.8  # distance of the nearest to that of the next descriptor: if mutual, and if not
_MOST_MATCHES, _MOST_PAIRED, _MOST_TRIED = 120, 56, 96  # matches, those that are paired, pairs whose votes are counted
_NEAR = 0.03  # of the longer side: how far a match may miss
_ROUNDS = (1.0, 0.6, 0.35)  # of `_NEAR`, while the map becomes affine
_APART = 0.04  # of the longer side, that the two matches of a pair are apart at least
_TURN = np.float32(np.cos(0.6))  # directions of keypoints may be 0.6 rad off
_CELLS = 40  # per longer side; matches in one cell count once

# Pairs (i, j) of matches, i < j, in the order of j: the first n (n - 1) / 2 are those of the first n matches.
_LATER, _EARLIER = np.tril_indices(_MOST_PAIRED, -1)
_KEPT, _SIGNED = slice(KEPT_VALUES), slice(KEPT_VALUES, None)  # in the mirrored picture these change their signs


def voted_maps(a: Look, b: Look) -> Iterator[tuple[int, Map]]:
    """Votes and the map from a to b, for the pictures as they are and mirrored; most votes first.

    Clear votes for the pictures as they are come before anything is computed of the mirrored ones.
    """
    one, two = a.keypoints, b.keypoints
    if min(len(one), len(two)) < FEWEST_VOTES:
        return
    kept, changed = (one.descriptors[:, part] @ two.descriptors[:, part].T for part in (_KEPT, _SIGNED))
    found = _voted(one, two, kept + changed, a, flip=False)
    if found and found[0] >= CLEAR_VOTES:
        yield found
        found = None
    mirrored_found = _voted(one, two, kept - changed, a, flip=True)
    yield from sorted((each for each in (found, mirrored_found) if each), key=lambda each: -each[0])


def _voted(one: Keypoints, two: Keypoints, alike: NDArray[np.float32], a: Look, flip: bool) -> tuple[int, Map] | None:
    rows, columns = _match(alike)
    voted = _vote(one, two, rows, columns, flip) if len(rows) >= FEWEST_VOTES else None
    return voted if voted and is_plausible(voted[1], a.extent) else None


def _match(alike: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of dot products of descriptors that match, the clearest first; `alike` is overwritten."""
    rows, best = np.arange(len(alike)), alike.argmax(1)
    top = alike[rows, best]
    mutual = top >= alike.max(0)[best]
    alike[rows, best] = -1
    ratio = np.sqrt(np.maximum(1 - top, 0) / np.maximum(1 - alike.max(1), 1e-6))
    kept = np.flatnonzero((ratio < _CLEAR_RATIO) | (mutual & (ratio < _RATIO)))
    kept = kept[np.argsort(ratio[kept], kind="stable")][:_MOST_MATCHES]
    return kept, best[kept]


def _vote(
    a: Keypoints, b: Keypoints, rows: NDArray[np.intp], columns: NDArray[np.intp], flip: bool
) -> tuple[int, Map] | None:
    """The similarity that most matches agree with, made affine, with its votes."""
    places_a, places_b = a.places[rows], b.places[columns]
    from_, to = _complex(places_a), _complex(places_b)
    angles_a = a.angles[rows]
    if flip:
        from_, angles_a = -np.conj(from_), np.pi - angles_a
    turns = np.exp(-1j * (b.angles[columns] - angles_a)).astype(np.complex64)
    growths = b.sizes[columns] / a.sizes[rows]
    tried = _similarities(from_, to, turns, growths)
    if tried is None:
        return None
    turn, shift = tried
    misses = turn[:, None] * from_
    misses += shift[:, None] - to
    reach = np.float32(_NEAR) * np.clip(np.abs(turn), np.float32(0.5), np.float32(1))
    nearness = _squares(misses)  # 1 without a miss, 0 at the reach
    nearness /= -(reach * reach)[:, None]
    nearness += 1
    np.maximum(nearness, 0, out=nearness)
    best = int(nearness.sum(1).argmax())
    voting = nearness[best] > 0
    if voting.sum() < FEWEST_VOTES:
        return None
    s, t, sign = complex(turn[best]), complex(shift[best]), -1 if flip else 1
    similarity = np.array([[s.real * sign, -s.imag, t.real], [s.imag * sign, s.real, t.imag], [0, 0, 1]])
    return _make_affine(similarity, places_a, places_b, voting)


def _squares(values: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Squared sizes, which take a third of the time that sizes take."""
    found: NDArray[np.float32] = values.real * values.real
    found += values.imag * values.imag
    return found


def _complex(places: NDArray[np.float32]) -> NDArray[np.complex64]:
    return np.ascontiguousarray(places, np.float32).view(np.complex64)[:, 0]


def _similarities(
    from_: NDArray[np.complex64], to: NDArray[np.complex64], turns: NDArray[np.complex64], growths: NDArray[np.float32]
) -> tuple[NDArray[np.complex64], NDArray[np.complex64]] | None:
    """Turn (with scale) and shift of pairs of matches whose keypoints have them too."""
    matches = min(len(from_), _MOST_PAIRED)
    i, j = _EARLIER[: matches * (matches - 1) // 2], _LATER[: matches * (matches - 1) // 2]
    apart_from, apart_to = from_[j] - from_[i], to[j] - to[i]
    length_from, length_to = np.abs(apart_from), np.abs(apart_to)
    far = (length_from > _APART) & (length_to > _APART)
    turn = apart_to / np.where(far, apart_from, np.complex64(1))
    scale = length_to / np.where(far, length_from, np.float32(1))
    ok = far & (scale > 1 / 8) & (scale < 8)  # noqa: PLR2004 - as maps may be
    for k in (i, j):
        grown = scale / growths[k]
        ok &= (grown > 1 / 2) & (grown < 2) & ((turn * turns[k]).real > _TURN * scale)  # noqa: PLR2004 - one octave
    kept = np.flatnonzero(ok)
    if not len(kept):
        return None
    if len(kept) > _MOST_TRIED:  # those of matches that agree with many others
        agreeing = np.bincount(i[kept], minlength=matches) + np.bincount(j[kept], minlength=matches)
        kept = kept[np.argsort(-(agreeing[i[kept]] + agreeing[j[kept]]), kind="stable")[:_MOST_TRIED]]
    return turn[kept].astype(np.complex64), (to[i[kept]] - turn[kept] * from_[i[kept]]).astype(np.complex64)


def _make_affine(
    map_: Map, places_a: NDArray[np.float32], places_b: NDArray[np.float32], voting: NDArray[np.bool_]
) -> tuple[int, Map] | None:
    """Fit the map to its votes while the distance that counts shrinks; None if too few are left."""
    p, q = places_a.astype(float), places_b.astype(float)
    for share in _ROUNDS:
        fitted = _fit(p[voting], q[voting], map_)
        map_ = fitted if is_plausible(fitted, np.ones(2)) else map_
        reach = share * _NEAR * min(1.0, max(0.5, area_scale(map_, np.ones(2)) ** 0.5))
        misses = p @ map_[:2, :2].T + map_[:2, 2] - q
        voting = (misses**2).sum(1) < reach**2
        if voting.sum() < FEWEST_VOTES:
            return None
    cells = np.round(p[voting] * _CELLS) @ [1, 1000]
    votes = len(set(cells.tolist()))
    return (votes, map_) if votes >= FEWEST_VOTES else None


def _fit(p: NDArray[np.float64], q: NDArray[np.float64], before: Map) -> Map:
    """Least squares, held lightly to the map before, so that few or collinear places do not shear it."""
    many = len(p)
    mean_p, mean_q = np.add.reduce(p) / many, np.add.reduce(q) / many
    x = p - mean_p
    held = 1e-3 * many
    (a, b), (_, c) = (x.T @ x).tolist()
    a, c = a + held, c + held
    inverse = np.array([[c, -b], [-b, a]]) / (a * c - b * b)
    linear = ((q - mean_q).T @ x + held * before[:2, :2]) @ inverse
    fitted = np.eye(3)
    fitted[:2, :2], fitted[:2, 2] = linear, mean_q - linear @ mean_p
    return fitted
