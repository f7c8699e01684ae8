"""What searched ranges were made of, so that a later search keeps the neighbours of rows that stayed.

`neighbors/FINGERPRINT/search.json` says which features, index and settings a set of ranges belongs to, and how many
rows came and went since all of them were searched. `neighbors/FEATURES/rows.parquet` tells the rows of these features
apart; FEATURES is the beginning of the SHA-256 of the feature file.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import polars as pl

from dedup_assets.engine.core.own_files import SEARCHED
from dedup_assets.engine.work_dir.file_names import ROWS, SEARCH
from dedup_assets.engine.work_dir.hashed_tables import DamagedTableError, read_hashed, write_hashed
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import Columns
from dedup_assets.engine.work_dir.used_sets import UsedSets

ROWS_SCHEMA: Columns = {"high": pl.UInt64, "low": pl.UInt64, "name": pl.UInt64}
"""Columns of rows.parquet: two halves of a hash of the vector, and a hash of the name."""


@dataclass(frozen=True)
class SearchFacts:
    """What a set of searched ranges was made of.

    Attributes:
        fingerprint: of the ranges.
        kind: identifies settings and libraries of the search; neighbours of one kind can be kept.
        features: SHA-256 of the feature file.
        index: SHA-256 of the index.
        rows: of the features.
        width: rows of a range.
        changed: rows that came and went since all rows were searched for; never less than that of the index.
        searched: by the key of a range, for how many of its rows neighbours were searched for, where those of the
            others were kept; a range that is not here was searched whole.
    """

    fingerprint: str
    kind: str
    features: str
    index: str
    rows: int
    width: int
    changed: int
    searched: dict[str, int] = field(default_factory=dict)


def write_facts(work_dir: WorkDir, facts: SearchFacts) -> None:
    """Keep what a set of ranges was made of."""
    with work_dir.publish(f"{SEARCHED}/{facts.fingerprint}/{SEARCH}") as (file,):
        file.write(json.dumps(asdict(facts)).encode() + b"\n")


def read_facts(work_dir: WorkDir, fingerprint: str) -> SearchFacts | None:
    """What a set of ranges was made of; None if that is not known."""
    content = work_dir.read_if_any(f"{SEARCHED}/{fingerprint}/{SEARCH}")
    try:
        facts = SearchFacts(**json.loads(content or b"{}"))
    except (ValueError, TypeError):
        return None
    if not isinstance(facts.searched, dict):
        return None
    counts = (facts.rows, facts.width, facts.changed, *facts.searched.values())
    numbers = all(type(number) is int and number >= 0 for number in counts)
    return facts if numbers and facts.width and facts.fingerprint == fingerprint else None


def former_searches(work_dir: WorkDir) -> Iterator[SearchFacts]:
    """What the sets of ranges that runs have used were made of, the one used last first."""
    for key in reversed(UsedSets(work_dir, SEARCHED).keys()):
        if (facts := read_facts(work_dir, key)) is not None:
            yield facts


def rows_name(features: str) -> str:
    """Name of the table of rows, below `neighbors`."""
    return f"{features[:16]}/{ROWS}"


def read_rows(work_dir: WorkDir, features: str) -> pl.DataFrame | None:
    """The rows of a feature file; None if they were not kept, or their file is damaged."""
    name = f"{SEARCHED}/{rows_name(features)}"
    if not features or not work_dir.exists(name):
        return None
    try:
        return read_hashed(work_dir, name, ROWS_SCHEMA)
    except DamagedTableError:
        return None


def write_rows(work_dir: WorkDir, features: str, rows: pl.DataFrame) -> None:
    """Keep the rows of a feature file."""
    write_hashed(work_dir, f"{SEARCHED}/{rows_name(features)}", rows)
