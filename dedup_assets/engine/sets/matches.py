"""Matches between images that make them one picture: by evidence, by verdicts, and by being in one group."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from dedup_assets.engine.core.match_records import (
    OTHER_PART,
    REVIEW_SEPARATOR,
    TOO_UNLIKE,
    WORDS_TO_REVIEW,
    Evidence,
    Groups,
    Relation,
)
from dedup_assets.engine.core.set_records import LeakRole

_SAME = [relation.value for relation in Relation if relation.is_same_picture]
_UNEDITED = ("", Relation.EXACT.value, Relation.PIXELS.value)  # the kept image has no relation to itself


class Match(NamedTuple):
    """Why two images are one picture.

    `similarity` is None where the two were not compared themselves. `review` says why a person decides; else empty.
    """

    relation: str
    kind: str
    similarity: float | None
    review: str = ""

    @property
    def role(self) -> LeakRole:
        """How sure a leak by this match is."""
        return LeakRole.REVIEW if self.review else LeakRole.CERTAIN


class GroupMember(NamedTuple):
    """An image of a group: the group's number, and what `Groups` says of the image beside the kept one."""

    group: int
    relation: str
    kind: str
    review: str


@dataclass(frozen=True)
class SetMatches:
    """Pairs of images that are one picture.

    Attributes:
        direct: pairs of evidence, in both directions: image to other image to match.
        groups: the images of each group.
        content: of the images that were looked at, where it is known.
        same: pairs of contents that people call one picture.
        members: the images that are in a group.
        apart: pairs of evidence that are variants, or that nothing decides although they are as similar as copies are,
            and of which no verdict says anything else: `a`, `b`, `relation`, `similarity` and `kind`.
    """

    direct: Mapping[bytes, dict[bytes, Match]]
    groups: list[list[bytes]]
    content: Mapping[bytes, str]
    same: frozenset[frozenset[str]]
    members: Mapping[bytes, GroupMember]
    apart: pl.DataFrame

    @classmethod
    def of(cls, evidence: Evidence, groups: Groups) -> "SetMatches":
        """Those of the results of a run; what people decided about a pair counts, not what comparing found."""
        images: list[list[bytes]] = []
        members: dict[bytes, GroupMember] = {}
        grouped = groups.rows.group_by("group_id", maintain_order=True).agg("filename", "relation", "kind", "review")
        for number, (_, names, *said) in enumerate(grouped.iter_rows()):
            images.append(names)
            members |= {name: GroupMember(number, *each) for name, *each in zip(names, *said, strict=True)}
        rows = _decided(evidence.rows, groups.settled)
        known = evidence.images.filter(pl.col("content").is_not_null() & (pl.col("content") != ""))
        content = dict(known.select("filename", "content").iter_rows())
        is_apart = pl.col("relation").is_in([Relation.VARIANT.value, Relation.UNVERIFIED.value])
        apart = evidence.rows.filter(is_apart & (pl.col("kind").fill_null("") != TOO_UNLIKE))
        if groups.settled is not None:
            apart = apart.join(groups.settled, on=["a", "b"], how="anti", maintain_order="left")
        apart = apart.select("a", "b", "relation", "similarity", "kind")
        return cls(_direct(rows, members), images, content, _same(groups.settled, content), members, apart)

    def between(self, a: bytes, b: bytes) -> Match:
        """The match of two images of one picture: that of evidence, else what follows from their group."""
        found = self.direct.get(a, {}).get(b)
        if found:
            return found
        if a in self.content and self.content[a] == self.content.get(b):
            return Match(Relation.EXACT.value, "", 1.0)
        if self.same and frozenset((self.content.get(a, ""), self.content.get(b, ""))) in self.same:
            return Match(Relation.SAME.value, "", None)
        return _within_group(self.members[a], self.members[b], None)

    def are_in_one_group(self, a: bytes, b: bytes) -> bool:
        """Whether a group has both images."""
        return a in self.members and b in self.members and self.members[a].group == self.members[b].group

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
        if not direct and image in self.members:
            members = of_group[self.members[image].group]
            other = next((each for each in members if self.between(image, each).relation == "exact" and each != image),
                         None) or next((each for each in members if each != image), None)  # fmt: skip
            if other is not None:
                yield other


def _same(settled: pl.DataFrame | None, content: Mapping[bytes, str]) -> frozenset[frozenset[str]]:
    """The contents of the pairs that people call the same."""
    if settled is None:
        return frozenset()
    pairs = settled.filter(relation=Relation.SAME.value).select("a", "b").iter_rows()
    return frozenset(frozenset((content[a], content[b])) for a, b in pairs if a in content and b in content)


def _decided(rows: pl.DataFrame, settled: pl.DataFrame | None) -> pl.DataFrame:
    """The rows of evidence, with the relation that people gave a pair."""
    if settled is None or settled.is_empty():
        return rows
    said = settled.rename({"relation": "said"})
    found = rows.join(said, on=["a", "b"], how="left", maintain_order="left")
    return found.with_columns(relation=pl.coalesce("said", "relation")).drop("said")


def _direct(rows: pl.DataFrame, members: Mapping[bytes, GroupMember]) -> dict[bytes, dict[bytes, Match]]:
    """`SetMatches.direct`: a row that was concluded from a group counts where the group still has both."""
    direct: dict[bytes, dict[bytes, Match]] = defaultdict(dict)
    same = rows.filter(pl.col("relation").is_in(_SAME))
    columns = same.select("a", "b", "relation", "kind", "similarity", pl.col("residual").is_null().alias("concluded"))
    for a, b, relation, kind, similarity, concluded in columns.iter_rows():
        if relation != Relation.COPY.value:
            match = Match(relation, kind, similarity)
        elif not concluded:
            match = Match(relation, kind, similarity, _to_review(kind))
        elif a in members and b in members and members[a].group == members[b].group:
            match = _within_group(members[a], members[b], similarity)
        else:
            continue
        direct[a][b] = direct[b][a] = match
    return dict(direct)


def _within_group(one: GroupMember, other: GroupMember, similarity: float | None) -> Match:
    """What follows for two images from what each is to the kept image of their group."""
    if Relation.SAME.value in (one.relation, other.relation):
        return Match(Relation.SAME.value, "", similarity)
    edited = [each for each in (one, other) if each.relation not in _UNEDITED]
    if not edited:
        return Match(Relation.PIXELS.value, "", similarity)
    said = REVIEW_SEPARATOR.join(each.review for each in edited).split(REVIEW_SEPARATOR)
    if len(edited) == 1:
        reasons = [words for words in WORDS_TO_REVIEW if words in said]
        return Match(Relation.COPY.value, edited[0].kind, similarity, REVIEW_SEPARATOR.join(reasons))
    reasons = [words for words in (*WORDS_TO_REVIEW, OTHER_PART) if words in said]
    return Match(Relation.COPY.value, "both are copies of one image", similarity, REVIEW_SEPARATOR.join(reasons))


def _to_review(kind: str) -> str:
    """Why a person decides about two copies of which this was done to one; empty if nothing is open."""
    return REVIEW_SEPARATOR.join(words for words in WORDS_TO_REVIEW if words in kind)
