"""Verified matches between images: by evidence, and by being in one group."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from dedup_assets.engine.core.match_records import Evidence, Groups, Relation

_SAME = [relation.value for relation in Relation if relation.is_same_picture]


class Match(NamedTuple):
    """Why two images are one picture. `similarity` is None where the two were not compared themselves."""

    relation: str
    kind: str
    similarity: float | None


@dataclass(frozen=True)
class SetMatches:
    """Verified pairs of images.

    Attributes:
        direct: pairs of evidence, in both directions: image to other image to match.
        groups: the images of each group.
        content: of the images that were looked at, where it is known.
    """

    direct: dict[bytes, dict[bytes, Match]]
    groups: list[list[bytes]]
    content: dict[bytes, str]
    group_of: dict[bytes, int] = field(default_factory=dict)

    @classmethod
    def of(cls, evidence: Evidence, groups: Groups) -> "SetMatches":
        """Those of the results of a run."""
        direct: dict[bytes, dict[bytes, Match]] = defaultdict(dict)
        same = evidence.rows.filter(pl.col("relation").is_in(_SAME))
        for a, b, *why in same.select("a", "b", "relation", "kind", "similarity").iter_rows():
            direct[a][b] = direct[b][a] = Match(*why)
        members = groups.rows.group_by("group_id", maintain_order=True).agg("filename")["filename"].to_list()
        known = evidence.images.filter(pl.col("content").is_not_null() & (pl.col("content") != ""))
        content = dict(known.select("filename", "content").iter_rows())
        group_of = {image: number for number, images in enumerate(members) for image in images}
        return cls(dict(direct), members, content, group_of)

    def between(self, a: bytes, b: bytes) -> Match:
        """The match of two images of one picture: that of evidence, else what follows from their group."""
        found = self.direct.get(a, {}).get(b)
        if found:
            return found
        same_bytes = a in self.content and self.content[a] == self.content.get(b)
        if same_bytes:
            return Match(Relation.EXACT.value, "", 1.0)
        return Match(Relation.COPY.value, "both are copies of one image", None)

    def pictures(self) -> dict[bytes, int]:
        """A number for each matched image, equal for images that matches connect."""
        parent: dict[bytes, bytes] = {}

        def root(image: bytes) -> bytes:
            parent.setdefault(image, image)
            while parent[image] != image:
                parent[image] = parent[parent[image]]
                image = parent[image]
            return image

        for a, b in self._links():
            parent[root(a)] = root(b)
        numbers: dict[bytes, int] = {}
        return {image: numbers.setdefault(root(image), len(numbers)) for image in sorted(parent)}

    def _links(self) -> Iterator[tuple[bytes, bytes]]:
        yield from ((a, b) for a, others in self.direct.items() for b in others)
        yield from ((images[0], image) for images in self.groups for image in images[1:])

    def others(self, image: bytes, inside: set[bytes], of_group: list[list[bytes]]) -> Iterator[bytes]:
        """Images of a set with the same picture as an image: all by evidence, else one of its group.

        Args:
            image: the image.
            inside: the images of the set.
            of_group: for each group its images in the set.
        """
        direct = [other for other in self.direct.get(image, {}) if other in inside]
        yield from direct
        if not direct and image in self.group_of:
            members = of_group[self.group_of[image]]
            other = next((each for each in members if self.between(image, each).relation == "exact" and each != image),
                         None) or next((each for each in members if each != image), None)  # fmt: skip
            if other is not None:
                yield other
