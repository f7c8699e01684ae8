"""Pairs of images in different sets: they are compared beyond what is compared anyway, because each may be a leak."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.inputs.set_members import find_members
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.manifest_file import read_manifest

_NONE = frozenset[str]()


@dataclass(frozen=True)
class Crossing:
    """Which images are in which sets.

    Attributes:
        sets: of each image, by its row.
        evaluation: names of the sets for evaluation.
    """

    sets: Sequence[frozenset[str]]
    evaluation: frozenset[str]

    @classmethod
    def read(cls, settings: Settings, names: pl.Series, work_dir: WorkDir) -> "Crossing":
        """The sets that the settings ask for; no image is in one if they ask for none.

        Args:
            settings: of the run.
            names: (n,) binary: the images.
            work_dir: has the listing.

        Raises:
            DedupError: as `find_members` does.
        """
        asked = settings.asked_sets
        if not asked:
            return cls([_NONE] * len(names), _NONE)
        members = find_members(asked, read_manifest(work_dir))
        evaluation = asked.evaluation_of(members["set"].unique(maintain_order=True).to_list())
        by_image = members.group_by("image").agg(pl.col("set").unique().sort())
        known: dict[tuple[str, ...], frozenset[str]] = {}
        of_image = {image: known.setdefault(tuple(each), frozenset(each)) for image, each in by_image.iter_rows()}
        return cls([of_image.get(name, _NONE) for name in names], frozenset(evaluation))

    def __bool__(self) -> bool:
        return any(self.sets)

    @property
    def digest(self) -> str:
        """Identifies the sets and what is in them, in hex; empty if no image is in one."""
        if not self:
            return ""
        sha = hashlib.sha256("\0".join(sorted(self.evaluation)).encode())
        for each in self.sets:
            sha.update("\0".join(sorted(each)).encode() + b"\n")
        return sha.hexdigest()

    def joined(self, first: NDArray[np.int64]) -> "Crossing":
        """The same, where the first image of exact copies is in all sets that have one of them.

        Args:
            first: (n,) the first image of the exact copies that each is one of; itself if there are none.
        """
        sets = list(self.sets)
        for image in np.flatnonzero(first != np.arange(len(first))).tolist():
            sets[first[image]] |= self.sets[image]
        return Crossing(sets, self.evaluation)

    def is_between(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(m,): whether two images are in different sets: some set has the first, and another one the second."""
        one, other = self._label[a], self._label[b]
        is_one_set = np.array([len(each) == 1 for each in self._kinds] + [True], np.bool_)
        found: NDArray[np.bool_] = (one >= 0) & (other >= 0) & ((one != other) | ~is_one_set[one])
        return found

    @cached_property
    def is_asked(self) -> NDArray[np.bool_]:
        """(n,): images in a set for evaluation."""
        is_of = np.array([bool(each & self.evaluation) for each in self._kinds] + [False], np.bool_)
        return is_of[self._label]

    @cached_property
    def _kinds(self) -> list[frozenset[str]]:
        """The different sets of sets that images are in."""
        return sorted({each for each in self.sets if each}, key=sorted)

    @cached_property
    def _label(self) -> NDArray[np.int64]:
        """(n,): the place in `_kinds`; -1 for an image in no set."""
        place = {each: number for number, each in enumerate(self._kinds)}
        return np.fromiter((place.get(each, -1) for each in self.sets), np.int64, len(self.sets))
