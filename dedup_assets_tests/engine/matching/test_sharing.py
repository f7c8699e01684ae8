"""The pairs of all ranges are all pairs, each once, and a group of likely copies stays together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.core.records import RowRange
from dedup_assets.engine.matching.rounds import CandidatePairs
from dedup_assets.engine.matching.sharing import pairs_of

IMAGES = 30

pair = st.tuples(st.integers(0, IMAGES - 1), st.integers(0, IMAGES - 1)).filter(lambda ends: ends[0] < ends[1])
worlds = st.dictionaries(pair, st.floats(0.45, 1.0), max_size=60)


def candidates(world: dict[tuple[int, int], float]) -> CandidatePairs:
    ordered = sorted(world.items(), key=lambda entry: -entry[1])
    ends = np.array([ends for ends, _ in ordered], np.int64).reshape(-1, 2)
    return CandidatePairs(ends[:, 0], ends[:, 1], np.array([alike for _, alike in ordered], np.float64))


def ends_of(pairs: CandidatePairs) -> list[tuple[int, int]]:
    return list(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))


@given(worlds, st.integers(1, IMAGES + 5))
def test_the_ranges_share_all_pairs_and_none_is_in_two(world: dict[tuple[int, int], float], width: int) -> None:
    every = candidates(world)
    ranges = [RowRange(start, start + width) for start in range(0, IMAGES, width)]
    shares = [pairs_of(every, rows) for rows in ranges]
    assert sorted(ends for share in shares for ends in ends_of(share)) == sorted(world)
    for share in shares:
        assert np.all(np.diff(share.alike) <= 0)


def test_likely_copies_are_of_one_range_unless_they_are_too_many() -> None:
    chain = candidates({(3, 8): 0.95, (8, 14): 0.93, (14, 25): 0.9, (2, 25): 0.6})
    assert {(3, 8), (8, 14), (14, 25)} <= set(ends_of(pairs_of(chain, RowRange(0, 5))))
    crowd = candidates({(0, other): 0.9 for other in range(1, IMAGES)})
    assert [len(pairs_of(crowd, RowRange(start, start + 10))) for start in (0, 10, 20)] == [19, 5, 5]
