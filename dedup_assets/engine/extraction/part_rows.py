"""The rows of a part while it is extracted: those that were decoded, then their copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.image_facts import FACT_COLUMNS, LEDGER_COLUMNS, ImageFacts
from dedup_assets.engine.core.records import Shard
from dedup_assets.engine.extraction.contents import Claim, KnownContents
from dedup_assets.engine.work_dir.tables import LEDGER_SCHEMA

_IDENTITY = ("index", "filename", "size_bytes", "version")
_FOUND = ("error_code", "error", "low_information", *FACT_COLUMNS)
_NO_FACTS = (None,) * len(FACT_COLUMNS)
_Found = tuple[Any, ...]  # the values of _FOUND


@dataclass(frozen=True)
class ChunkOutcome:
    """What became of some images. A copy has neither problem nor vector yet.

    Attributes:
        claims: for each image how its result is found.
        content: for each image as `Shard.images`.
        problems: for each image why it is bad, or None.
        low_information: for each image as `Decoded`.
        facts: for each image as `Decoded`.
        vectors: (n, d) float32, of the decoded good images in order.
    """

    claims: list[Claim]
    content: list[str | None]
    problems: list[ImageError | None]
    low_information: list[str | None]
    facts: list[ImageFacts | None]
    vectors: NDArray[np.float32]

    @property
    def decoded(self) -> list[int]:
        """The places of the images that were decoded."""
        return [place for place, claim in enumerate(self.claims) if claim in {Claim.OWN, Claim.AGAIN}]


class PartRows:
    """Rows in the order in which images are read.

    Args:
        images: number of rows.
        dimension: values in one vector.
    """

    def __init__(self, images: int, dimension: int) -> None:
        # One array is filled, because thousands of small ones would fragment the memory and be copied when joined.
        self._vectors = np.empty((images, dimension), np.float32)
        self._found: list[_Found] = []
        self._content: list[str | None] = []
        self._claims: list[Claim] = []

    @property
    def own(self) -> int:
        """Number of images that were decoded, without those that turned out to be copies."""
        return sum(claim is Claim.OWN for claim in self._claims)

    def add(self, outcome: ChunkOutcome) -> tuple[int, int]:
        """Add the next images; returns how many of them are done, and how many of these are bad."""
        first, vectors = len(self._claims), iter(outcome.vectors)
        decoded = outcome.decoded
        for place in decoded:
            if outcome.problems[place] is None:
                self._vectors[first + place] = next(vectors)
        for problem, mark, facts in zip(outcome.problems, outcome.low_information, outcome.facts, strict=True):
            said = (str(problem.code), str(problem), None, *_NO_FACTS) if problem else (None, None, mark)
            self._found.append(said if problem else (*said, *(facts or _NO_FACTS)))
        self._content += outcome.content
        self._claims += outcome.claims
        return len(decoded), sum(outcome.problems[place] is not None for place in decoded)

    def copy_results(self, known: KnownContents | None) -> tuple[list[int], list[int]]:
        """Give each copy the result of its content.

        Returns:
            The places of images that got one; and of those without, because a file changed while it was read, or a
            stored result is gone.
        """
        results: dict[str, tuple[_Found, NDArray[np.float32]]] = {}
        copies = [place for place, claim in enumerate(self._claims) if claim in {Claim.COPY, Claim.KNOWN}]
        for place, (claim, content) in enumerate(zip(self._claims, self._content, strict=True)):
            if claim in {Claim.OWN, Claim.AGAIN} and content:
                results.setdefault(content, (self._found[place], self._vectors[place]))
        wanted = {content for place in copies if (content := self._content[place]) and content not in results}
        if known is not None and wanted:
            shard = known.take(sorted(wanted))
            vectors = iter(shard.vectors)
            for content, *found in shard.images.select("content", *_FOUND).iter_rows():
                vector = next(vectors) if found[0] is None else self._vectors[:1]
                results[content] = (tuple(found), vector)
        filled, left = [], []
        for place in copies:
            result = results.get(self._content[place] or "")
            if result is None:
                left.append(place)
                continue
            self._found[place], self._vectors[place] = result
            filled.append(place)
        return filled, left

    def set_rows(self, places: Sequence[int], shard: Shard) -> None:
        """Set the results of images, in the order of the rows of a shard."""
        vectors = iter(shard.vectors)
        for place, (content, *found) in zip(places, shard.images.select("content", *_FOUND).iter_rows(), strict=True):
            self._found[place], self._content[place] = tuple(found), content
            if found[0] is None:
                self._vectors[place] = next(vectors)

    def count_bad(self, places: Sequence[int]) -> int:
        """How many of some images are bad."""
        return sum(self._found[place][0] is not None for place in places)

    def shard(self, images: pl.DataFrame) -> Shard:
        """All rows as a shard, ordered by `index`.

        Args:
            images: of the manifest, in the order of the rows.
        """
        columns = list(zip(*self._found, strict=True)) or [()] * len(_FOUND)
        table = (
            images.select(_IDENTITY)
            .with_columns(
                *(pl.Series(name, values, LEDGER_SCHEMA[name]) for name, values in zip(_FOUND, columns, strict=True)),
                pl.Series("content", self._content, pl.String),
            )
            .select(LEDGER_COLUMNS)
        )
        good = table["error_code"].is_null()
        index = table["index"]
        if index.is_sorted():
            return Shard(table, self._vectors if good.all() else self._vectors[good.to_numpy()])
        order = index.arg_sort()
        return Shard(table[order], self._vectors[order.filter(good[order]).to_numpy()])
