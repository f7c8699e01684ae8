"""The store of compared row ranges: what workers found of pairs, until the run that gathers the evidence.

What was found of the pairs of a range of rows is one Parquet file in `neighbors/FINGERPRINT/`, named for the range,
beside the searched ranges. The fingerprint covers features, index and all that the comparisons depend on. A file holds
a hash of its rows: a damaged one is deleted, with a warning, and its pairs are compared again. The findings of a run
hold all of them, so no run names these files as used, and they are deleted when they are a week old (`used_sets`).
"""

import polars as pl

from dedup_assets.engine.core.match_tables import FINDINGS_SCHEMA
from dedup_assets.engine.core.own_files import SEARCHED
from dedup_assets.engine.core.records import RowRange
from dedup_assets.engine.work_dir.hashed_tables import DamagedTableError, read_hashed, write_hashed
from dedup_assets.engine.work_dir.location import WorkDir


class FindingRanges:
    """Compared ranges of one feature file, one index and one set of settings.

    Args:
        work_dir: ranges are kept in its sub-folder `neighbors`.
        fingerprint: as `neighbor_ranges.fingerprint_of` gives it.
    """

    def __init__(self, work_dir: WorkDir, fingerprint: str) -> None:
        self._work_dir = work_dir
        self._folder = f"{SEARCHED}/{fingerprint}"

    def has(self, rows: RowRange) -> bool:
        """Whether the pairs of a range are compared."""
        return self._work_dir.exists(self._name(rows))

    def write(self, rows: RowRange, findings: pl.DataFrame) -> None:
        """Keep what was found of the pairs of a range; columns of `FINDINGS_SCHEMA`."""
        write_hashed(self._work_dir, self._name(rows), findings)

    def read_all(self) -> pl.DataFrame:
        """What was found of all ranges that are there; columns of `FINDINGS_SCHEMA`."""
        found = [pl.DataFrame(schema=FINDINGS_SCHEMA)]
        for name in self._work_dir.names(self._folder):
            try:
                found.append(read_hashed(self._work_dir, f"{self._folder}/{name}", FINDINGS_SCHEMA))
            except DamagedTableError:
                continue
        return pl.concat(found)

    def _name(self, rows: RowRange) -> str:
        return f"{self._folder}/{rows.key}.parquet"
