"""Results in numbers to the tables of `Evidence`."""

from dataclasses import astuple, dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.keep_rules import DEFAULT_POLICY
from dedup_assets.engine.core.match_records import TOO_UNLIKE, Evidence, Relation
from dedup_assets.engine.core.match_tables import EVIDENCE_SCHEMA, IMAGES_SCHEMA
from dedup_assets.engine.core.records import Pairs
from dedup_assets.engine.core.search_settings import Distance
from dedup_assets.engine.decoders.tasks import Looked
from dedup_assets.engine.groups import find_kept
from dedup_assets.engine.matching.candidates import pair_similarities
from dedup_assets.engine.matching.exact import ExactCopies
from dedup_assets.engine.matching.library import Library
from dedup_assets.engine.matching.measuring_detail import Spectra
from dedup_assets.engine.matching.proofs import Proofs
from dedup_assets.engine.matching.rounds import BANDS

_SWAPPED = {"a": "b", "b": "a"}
_EYE = np.eye(3)
_IDENTITY = tuple(_EYE.ravel().tolist())
_NINE = 9


@dataclass(frozen=True)
class Matches:
    """All that was found, in numbers.

    Attributes:
        library: the images.
        exact: the exact copies among them.
        proofs: the comparisons, between first images of exact copies.
        looked: what is known of the images that were looked at.
        keep_policy: which image of a group is kept.
        spectra: as `measure_detail` gives them.
    """

    library: Library
    exact: ExactCopies
    proofs: Proofs
    looked: dict[int, Looked]
    keep_policy: str = DEFAULT_POLICY
    spectra: Spectra = field(default_factory=dict)

    def tabulate(self, similarity: "Similarities", pairs: Pairs) -> Evidence:
        """The rows for all compared pairs, exact copies, members of groups and pairs of similarity.csv; without counts.

        A pair that was not compared itself is exact where the bytes are equal, pixels where these are, a copy where
        both images are in one group, a variant where the groups' kept images are, and unverified otherwise; then the
        kind says whether the two are less similar than candidates are.
        """
        images = self._images()
        proven = pl.concat([self.compared_rows(similarity), self._exact_rows(similarity)])
        grouped = find_kept(Evidence(proven, images), self.keep_policy)
        derived = self._derived_rows(proven, grouped, _and_members(pairs, grouped), similarity)
        rows = pl.concat([proven, derived]).sort("similarity", "a", "b", descending=[True, False, False])
        return Evidence(rows, images)

    def _images(self) -> pl.DataFrame:
        rows = []
        firsts, sizes = self.exact.first.tolist(), self.library.size_bytes.tolist()
        of_content = {firsts[image] for image in self.exact.content}
        images = sorted({*self.looked, *self.exact.content})
        said = {first: astuple(facts.provenance) for first, facts in self.looked.items()}  # not again for each copy
        unsaid = astuple(Looked().provenance)
        for image, name in zip(images, self.library.names.gather(np.array(images, np.int64)), strict=True):
            first = firsts[image]
            facts = self.looked.get(image) or self.looked.get(first) or Looked()
            content = self.exact.content.get(image, facts.content)
            alone = image not in self.looked and image not in of_content and first == image
            if content is None or alone:
                continue
            size_bytes = sizes[image]
            known = size_bytes if size_bytes >= 0 else facts.size_bytes if self.library.is_file(image) else None
            own = (name, content, facts.width, facts.height, known, facts.frames)
            found = said.get(image) or said.get(first) or unsaid
            rows.append((*own, *found, self.spectra.get(int(self.proofs.vertex[first]))))
        return pl.DataFrame(rows, schema=IMAGES_SCHEMA, orient="row").sort("filename")

    def compared_rows(self, similarity: "Similarities") -> pl.DataFrame:
        """The rows for all compared pairs, with the columns of `EVIDENCE_SCHEMA`."""
        once = list(
            {(min(each.a, each.b), max(each.a, each.b)): each for each in reversed(self.proofs.results)}.values()
        )
        one = np.array([each.a for each in once], np.int64)
        other = np.array([each.b for each in once], np.int64)
        rank = self.library.rank_by_name
        swapped = rank[one] > rank[other]
        matrices = _matrices([each.compared.matrix if each.compared else None for each in once])
        transforms = self._in_pixels(
            np.where(swapped[:, None, None], _inverse(matrices), matrices), one, other, swapped
        )
        found = [each.compared for each in once]
        overlaps = np.array([(c.overlap_a, c.overlap_b) if c else (np.nan, np.nan) for c in found]).reshape(-1, 2)
        overlaps = np.where(swapped[:, None], overlaps[:, ::-1], overlaps)
        sides = zip(found, swapped.tolist(), strict=True)
        return self._table(
            np.where(swapped, other, one),
            np.where(swapped, one, other),
            {
                "similarity": similarity.of(one, other),
                "relation": [str(c.relation) if c else str(Relation.UNVERIFIED) for c in found],
                "kind": [c.kind if c else "" for c in found],
                "transform": _lists(transforms),
                "overlap_a": _known(overlaps[:, 0]),
                "overlap_b": _known(overlaps[:, 1]),
                "residual": [c.residual if c else None for c in found],
                "inliers": [c.inliers if c else None for c in found],
                "edited": [(_SWAPPED.get(c.edited, c.edited) if swap else c.edited) if c else "" for c, swap in sides],
            },
        )

    def _exact_rows(self, similarity: "Similarities") -> pl.DataFrame:
        copies = np.flatnonzero(self.exact.first != np.arange(len(self.exact.first)))
        first = self.exact.first[copies]  # the first by name
        many = len(copies)
        return self._table(
            first,
            copies,
            {
                "similarity": similarity.of(first, copies),
                "relation": [str(Relation.EXACT)] * many,
                "kind": [""] * many,
                "transform": _lists(np.broadcast_to(_EYE, (many, 3, 3))),
                "overlap_a": [1.0] * many,
                "overlap_b": [1.0] * many,
                "residual": [0.0] * many,
                "inliers": [0] * many,
                "edited": [""] * many,
            },
        )

    def _derived_rows(
        self, proven: pl.DataFrame, grouped: pl.DataFrame, pairs: Pairs, similarity: "Similarities"
    ) -> pl.DataFrame:
        table = self._numbered(pairs, grouped)
        one, other = table["one"].to_numpy(), table["other"].to_numpy()
        swapped = self.library.rank_by_name[one] > self.library.rank_by_name[other]
        kept = table["kept_one"].to_numpy(), table["kept_other"].to_numpy()
        variants = {
            frozenset((each.a, each.b))
            for each in self.proofs.results
            if each.compared and each.compared.relation is Relation.VARIANT
        }
        lead = zip(*(self.exact.first[images].tolist() for images in kept), strict=True)
        is_variant = np.array([frozenset(pair) in variants for pair in lead], np.bool_)
        is_member = (kept[0] == kept[1]) & (one != other)
        same = self.exact.first[one] == self.exact.first[other]
        vertex = self.proofs.vertex[self.exact.first]
        relation = np.select(
            [same, vertex[one] == vertex[other], is_member, is_variant],
            [str(Relation.EXACT), str(Relation.PIXELS), str(Relation.COPY), str(Relation.VARIANT)],
            str(Relation.UNVERIFIED),
        )
        is_unlike = relation == str(Relation.UNVERIFIED)
        is_unlike[is_unlike] = similarity.cosines_of(one[is_unlike], other[is_unlike]) < BANDS[-1]
        low, high = np.where(swapped, other, one), np.where(swapped, one, other)
        rows = self._table(
            low,
            high,
            {
                "similarity": table["distance"],
                "relation": relation.tolist(),
                "kind": np.where(is_unlike, TOO_UNLIKE, "").tolist(),
                "transform": self._composed(low, high, np.where(is_member, kept[0], -1)),
                **{name: [None] * table.height for name in ("overlap_a", "overlap_b", "residual", "inliers")},
                "edited": [""] * table.height,
            },
        )
        return rows.unique(["a", "b"], keep="first", maintain_order=True).join(proven, on=["a", "b"], how="anti")

    def _numbered(self, pairs: Pairs, grouped: pl.DataFrame) -> pl.DataFrame:
        """The pairs with `one`, `other`: numbers; `kept_one`, `kept_other`: the kept image of the group, or itself."""
        number = pl.DataFrame({"name": self.library.names}).with_row_index("row").unique("name", keep="first")
        number = number.with_columns(pl.col("row").cast(pl.Int64))
        kept = grouped.select("filename", name="keep").join(number, on="name").select("filename", kept="row")
        table = pairs.rows
        for side, column in (("one", "from"), ("other", "to")):
            table = table.join(number.rename({"name": column, "row": side}), on=column, maintain_order="left")
            found = kept.rename({"filename": column, "kept": f"kept_{side}"})
            table = table.join(found, on=column, how="left", maintain_order="left")
            table = table.with_columns(pl.coalesce(f"kept_{side}", side))
        return table

    def _composed(self, low: NDArray[np.int64], high: NDArray[np.int64], kept: NDArray[np.int64]) -> pl.Series:
        """For each two images the map of pixels of the second onto the first through the kept one; -1: none."""
        vertex = self.proofs.vertex[self.exact.first]
        middle = np.where(kept >= 0, vertex[kept], -1).tolist()
        to_low, to_high = (
            _matrices(
                [
                    _IDENTITY if one == other else self.proofs.matrices.get((one, other))
                    for one, other in zip(middle, vertex[images].tolist(), strict=True)
                ]
            )
            for images in (low, high)
        )
        return _lists(self._scaled(to_low @ _inverse(to_high), low, high))

    @cached_property
    def _sides(self) -> NDArray[np.float64]:
        """(n,): the longer side of each image in pixels; nan if unknown."""
        sides = np.full(len(self.exact.first), np.nan)
        for image, facts in self.looked.items():
            if facts.width and facts.height:
                sides[image] = max(facts.width, facts.height)
        return sides[self.exact.first]

    def _in_pixels(
        self, a_to_b: NDArray[np.float64], one: NDArray[np.int64], other: NDArray[np.int64], swapped: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """(m, 3, 3): pixels of b onto a, of maps from a to b in units of the longer sides; nan where unknown."""
        return self._scaled(_inverse(a_to_b), np.where(swapped, other, one), np.where(swapped, one, other))

    def _scaled(self, b_to_a: NDArray[np.float64], a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
        side_a, side_b = self._sides[a], self._sides[b]
        scaled = b_to_a.copy()
        scaled[:, :2] *= side_a[:, None, None]
        scaled[:, :, :2] /= side_b[:, None, None]
        result: NDArray[np.float64] = scaled / scaled[:, 2:, 2:]
        return result

    def _table(self, a: NDArray[np.int64], b: NDArray[np.int64], columns: dict[str, object]) -> pl.DataFrame:
        names = self.library.names
        return pl.DataFrame({"a": names.gather(a), "b": names.gather(b), **columns}, schema=EVIDENCE_SCHEMA)


@dataclass(frozen=True)
class Similarities:
    """Similarities of any two images, as similarity.csv has them.

    Attributes:
        vectors: (n, d) float32.
        distance: the metric.
    """

    vectors: NDArray[np.float32]
    distance: Distance

    def of(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """(m,) float64 to six decimals."""
        return pair_similarities(self.vectors, one, other, self.distance)

    def cosines_of(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """(m,) float64 to six decimals: the cosine, by which candidates are chosen, whatever the metric is."""
        return pair_similarities(self.vectors, one, other, "cosine")


def _and_members(pairs: Pairs, grouped: pl.DataFrame) -> Pairs:
    """The pairs, and each image of a group with the one that is kept."""
    members = (
        grouped.filter(pl.col("filename") != pl.col("keep"))
        .sort("keep", "filename")
        .select(
            pl.col("filename").alias("from"), pl.col("keep").alias("to"), pl.col("similarity_to_keep").alias("distance")
        )
    )
    return Pairs(pl.concat([pairs.rows, members]))


def _matrices(given: list[tuple[float, ...] | None]) -> NDArray[np.float64]:
    flat = np.array([each or (np.nan,) * _NINE for each in given], np.float64)
    return flat.reshape(-1, 3, 3)


def _inverse(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of each matrix; nan where it is unknown."""
    found = np.full(matrices.shape, np.nan)
    known = ~np.isnan(matrices).any(axis=(1, 2))
    found[known] = np.linalg.inv(matrices[known])
    return found


def _lists(matrices: NDArray[np.float64]) -> pl.Series:
    """The nine numbers of each matrix; null where one is unknown."""
    flat = matrices.reshape(-1, _NINE)
    numbers = pl.DataFrame({"all": pl.Series(flat).arr.to_list(), "known": ~np.isnan(flat).any(axis=1)})
    return numbers.select(pl.when("known").then("all")).to_series()


def _known(values: NDArray[np.float64]) -> pl.Series:
    return pl.Series(values, dtype=pl.Float64).fill_nan(None)
