"""Which image takes the place of which, and the map from the pixels of one onto those of the other."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.match_records import Evidence, Relation
from dedup_assets.engine.core.plan_records import HALF, SIDECAR, Plan

Map = NDArray[np.float64]
"""(3, 3): pixels of the removed image onto pixels of the kept one."""

Size = tuple[int, int]
"""Width and height in pixels."""

_MOST_NAMED = 5  # images that an annotation may be of, in a reason


class NotCarried(NamedTuple):
    """An annotation that is not carried over.

    Attributes:
        where: the image, as the annotations name it.
        other: the kept image, as they name it or would; empty if unknown.
        reason: why.
        annotation: the annotation itself, as JSON or text.
    """

    where: str
    other: str
    reason: str
    annotation: str


@dataclass(frozen=True)
class Replacement:
    """A removed image and the kept one.

    Attributes:
        keep: name of the kept image.
        group_id: of their group.
        map: from pixels to pixels; None if it is not known.
        is_half: it is the other half of a shot, a raw file or a film, which goes with its image.
    """

    keep: bytes
    group_id: str
    map: Map | None
    is_half: bool = False


@dataclass(frozen=True)
class Replacements:
    """What a plan removes.

    Attributes:
        by_name: the replacement of each removed image.
        sizes: of images, where they are known.
    """

    by_name: Mapping[bytes, Replacement]
    sizes: Mapping[bytes, Size]
    _known: dict[str, list[bytes]] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, evidence: Evidence, listed: Iterable[bytes] = ()) -> "Replacements":
        """The images that a plan removes. Exact copies of compared files have their maps.

        Args:
            plan: the plan.
            evidence: with the sizes of images, and the maps between them.
            listed: the images of the run; those that were looked at, by default.
        """
        images = evidence.images.unique("filename")
        content = dict(images.select("filename", "content").iter_rows())
        sizes = {name: (w, h) for name, w, h in images.select("filename", "width", "height").iter_rows() if w and h}
        maps = _maps(evidence.rows, content)
        found = {}
        for row in plan.rows.filter(pl.col("relation") != SIDECAR).iter_rows(named=True):
            is_same = row["relation"] in (Relation.EXACT, Relation.PIXELS, HALF)
            pair = (row["content"], row["keep_content"])
            map_ = np.eye(3) if is_same else maps.get(pair)
            found[row["filename"]] = Replacement(row["keep"], row["group_id"], map_, row["relation"] == HALF)
        known = cls(found, sizes)
        for name in {*listed, *content, *found, *(each.keep for each in found.values())}:
            known._known.setdefault(_last(os.fsdecode(name)), []).append(name)
        return known

    @property
    def names(self) -> Iterator[bytes]:
        """All images that are known, those that stay, too."""
        return (name for names in self._known.values() for name in names)

    def find(self, given: str) -> bytes | None:
        """The image that an annotation file names: by its whole name, or by the end of one that no other has."""
        found = self._may_be(given)
        return found[0] if len(found) == 1 else None

    def why_unclear(self, given: str) -> str:
        """Why a name in an annotation file is not followed, in words: it fits several images, and some of them go."""
        found = self._may_be(given)
        after = {self.by_name[name].keep if name in self.by_name else name for name in found}
        is_clear = len(after) == 1 and after <= set(found)  # afterwards it is the name of one image
        return "" if len(found) < 2 or is_clear or self.by_name.keys().isdisjoint(found) else why_one_of(found)  # noqa: PLR2004

    def _may_be(self, given: str) -> list[bytes]:
        wanted = os.fsencode(given.replace("\\", "/"))
        names = self._known.get(_last(given), [])
        return [wanted] if wanted in names else [n for n in names if n.endswith(b"/" + wanted.removeprefix(b"./"))]

    def named_like(self, keep: bytes, given: str, name: bytes) -> str:
        """The kept image as the annotation file would name it, which names `name` as `given`."""
        ending = os.fsencode(given.removeprefix("./"))
        top = name[: -len(ending)] if name.endswith(ending) else b""
        return os.fsdecode(keep[len(top) :] if top and keep.startswith(top) else keep)


def why_one_of(names: Iterable[bytes]) -> str:
    """The reason to leave an annotation that fits several images, of which some go."""
    ordered = sorted(names)
    shown = ", ".join(repr(name.decode("utf-8", "backslashreplace")) for name in ordered[:_MOST_NAMED])
    more = f" and {len(ordered) - _MOST_NAMED:,} more" if len(ordered) > _MOST_NAMED else ""
    return f"it may be of any of several images, and some of them go: {shown}{more}"


def _maps(rows: pl.DataFrame, content: Mapping[bytes, str]) -> dict[tuple[str, str], Map]:
    """Maps by the contents of both images, from the first onto the second."""
    found: dict[tuple[str, str], Map] = {}
    known = rows.filter((pl.col("relation") == Relation.COPY.value) & pl.col("transform").is_not_null())
    for a, b, numbers in known.select("a", "b", "transform").iter_rows():
        one, other = content.get(a), content.get(b)
        matrix = np.array(numbers, np.float64).reshape(3, 3)  # pixels of b onto a
        if one and other and abs(np.linalg.det(matrix)) > 1e-12:  # noqa: PLR2004
            found.setdefault((other, one), matrix)
            found.setdefault((one, other), np.linalg.inv(matrix).astype(np.float64))
    return found


def _last(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def rows_of(replacements: Replacements) -> Iterable[tuple[bytes, bytes, str, str]]:
    """The rows of rewrite.csv: from, to, group_id, transform."""
    for name, each in sorted(replacements.by_name.items()):
        numbers = "" if each.map is None else " ".join(f"{value:.9g}" for value in each.map.ravel())
        yield name, each.keep, each.group_id, numbers
