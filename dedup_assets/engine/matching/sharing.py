"""Comparisons shared among workers: each compares the pairs of some rows, and all of them leave what they found.

An answer depends on the two pictures alone (`remembering`), so whoever gathers the evidence afterwards asks the same
questions as without workers, and finds most answers there. The rest is compared then: pairs whose centres are known
only when all ranges are.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.joining import join
from dedup_assets.engine.core.records import RowRange
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.matching.remembering import made_with_of
from dedup_assets.engine.matching.rounds import BANDS, CandidatePairs
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.finding_ranges import FindingRanges
from dedup_assets.engine.work_dir.identity import settings_read
from dedup_assets.engine.work_dir.neighbor_ranges import features_sha256, fingerprint_of, index_sha256

_SHARES = "evidence_shards"


def open_shared(settings: Settings, work_dir: WorkDir) -> FindingRanges:
    """Where workers leave what they find with these settings, and with the features and the index of the work_dir."""
    depends_on = [_SHARES, settings_read(_SHARES, settings), made_with_of(settings)]
    return FindingRanges(work_dir, fingerprint_of(features_sha256(work_dir), index_sha256(work_dir), depends_on))


def read_shared(settings: Settings, work_dir: WorkDir) -> pl.DataFrame:
    """What workers have found by now; columns of `FINDINGS_SCHEMA`."""
    return open_shared(settings, work_dir).read_all()


def pairs_of(pairs: CandidatePairs, rows: RowRange) -> CandidatePairs:
    """The pairs that belong to some rows: each belongs to one row, with ranges of equal width.

    Pairs within a group of likely copies belong together, so that its centre is found by one worker: to the first row
    of the group, unless the group is larger than the range. Other pairs belong to one end or the other in equal shares.

    Args:
        pairs: all pairs.
        rows: of the features.
    """
    if not len(pairs):
        return pairs
    owner = _owners(pairs, len(rows))
    takes_first = (pairs.a + pairs.b) % 2 == 0
    of_pair = np.where(takes_first, owner[pairs.a], owner[pairs.b])
    kept = np.flatnonzero((of_pair >= rows.start) & (of_pair < rows.stop))
    return CandidatePairs(pairs.a[kept], pairs.b[kept], pairs.alike[kept])


def _owners(pairs: CandidatePairs, most: int) -> NDArray[np.int64]:
    """For each image the first one of the likely copies that it is among; itself if these are more than `most`."""
    images = int(pairs.b.max()) + 1
    likely = int(np.searchsorted(-pairs.alike, -BANDS[0], side="right"))
    first = join(images, pairs.a[:likely], pairs.b[:likely]).astype(np.int64)
    size = np.bincount(first, minlength=images)
    return np.where(size[first] <= most, first, np.arange(images))
