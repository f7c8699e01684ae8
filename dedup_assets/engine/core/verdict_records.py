"""What people have decided about images, by content, so that renaming changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

VERDICTS = "verdicts.csv"
"""Name of the file in a work_dir, unless the setting `verdicts` names another."""

COLUMNS = ("verdict_id", "time", "by", "relation", "a_content", "b_content", "a_name", "b_name", "note", "revokes")


class Decision(StrEnum):
    """What a verdict says, the value of `relation`."""

    SAME = "same"
    """a and b are one picture."""
    DIFFERENT = "different"
    """They are not, and are never in one group."""
    VARIANT = "variant"
    """They are similar pictures, but not one; never in one group."""
    KEEP = "keep"
    """a is the image that its group keeps."""
    PROTECT = "protect"
    """a is never acted upon."""

    @property
    def is_of_pair(self) -> bool:
        """Whether it is about two images."""
        return self in (Decision.SAME, Decision.DIFFERENT, Decision.VARIANT)

    @property
    def separates(self) -> bool:
        """Whether it keeps two images out of one group."""
        return self in (Decision.DIFFERENT, Decision.VARIANT)


@dataclass(frozen=True)
class GivenVerdict:
    """One row of a file of verdicts.

    Attributes:
        verdict_id: `v-` and 12 hex digits, or what another program gave.
        time: UTC, ISO 8601 with microseconds, so that texts sort by time.
        by: who decided.
        relation: a `Decision`; empty for a row that revokes.
        a_content: SHA-256 of the bytes of the image a, in hex.
        b_content: of b; empty for a decision about a alone.
        a_name: name of a when it was decided.
        b_name: of b.
        note: free text.
        revokes: the id of the verdict that this row takes back; empty if none.
        line: where its row begins in the file; 0 if it is new.
    """

    verdict_id: str
    time: str
    by: str
    relation: str
    a_content: str = ""
    b_content: str = ""
    a_name: bytes = b""
    b_name: bytes = b""
    note: str = ""
    revokes: str = ""
    line: int = 0

    @property
    def pair(self) -> frozenset[str]:
        """The contents that it is about."""
        return frozenset(filter(None, (self.a_content, self.b_content)))

    @property
    def names(self) -> list[bytes]:
        """What its images were called; the first digits of the content where no name was given."""
        sides = ((self.a_name, self.a_content), (self.b_name, self.b_content))
        return [name or content[:12].encode() for name, content in sides if content]


@dataclass(frozen=True)
class BadVerdict:
    """A row that cannot be used: its line in the file, and why."""

    line: int
    problem: str


@dataclass(frozen=True)
class Verdicts:
    """All verdicts of a file.

    Attributes:
        given: the rows, in the order of the file.
        bad: rows that cannot be used.
        digest: SHA-256 of the file's content, in hex; empty if there is no file.
        place: the file, for messages.
    """

    given: Sequence[GivenVerdict] = ()
    bad: Sequence[BadVerdict] = ()
    digest: str = ""
    place: str = ""

    def _newest_first(self) -> list[GivenVerdict]:
        return sorted(self.given, key=lambda row: row.time.rstrip("Z"))[::-1]

    def revoked(self) -> set[str]:
        """Ids of the rows that are revoked, by a row that is not revoked itself."""
        found: set[str] = set()
        for row in self._newest_first():
            if row.revokes and row.verdict_id not in found:
                found.add(row.revokes)
        return found

    def active(self) -> list[GivenVerdict]:
        """The verdicts that count, the newest first: none that is revoked, and of each subject the newest.

        A row that revokes can be revoked itself. Of rows with equal times the later one is newer.
        """
        revoked = self.revoked()
        active, seen = [], set[tuple[frozenset[str], str]]()
        for row in self._newest_first():
            if row.revokes or row.verdict_id in revoked:
                continue
            # A pair has one relation; an image may be both kept and protected.
            subject = (row.pair, "" if Decision(row.relation).is_of_pair else row.relation)
            if subject not in seen:
                seen.add(subject)
                active.append(row)
        return active


@dataclass(frozen=True)
class Conflict:
    """A verdict, or a row, that groups do not honour.

    Attributes:
        line: of the row in the file.
        verdict_id: of the verdict; empty for a row that cannot be used.
        problem: why it is not honoured.
        against: ids of the newer verdicts that it contradicts.
        verdict: the verdict; None for a row that cannot be used.
    """

    line: int
    verdict_id: str
    problem: str
    against: Sequence[str] = ()
    verdict: GivenVerdict | None = None


@dataclass(frozen=True)
class Decided:
    """What verdicts did to groups.

    Attributes:
        digest: of `Verdicts`.
        active: number of verdicts that count.
        applied: number of these about images of this collection, and honoured.
        elsewhere: number of these about images that are not in this collection.
        edited: of these, each name that has another content now, because the file was edited, with the verdict's id.
        unmatched: of these without a name in `edited`, those that a person should know of.
        conflicts: verdicts that are not honoured, by line.
    """

    digest: str = ""
    active: int = 0
    applied: int = 0
    elsewhere: int = 0
    edited: Sequence[tuple[bytes, str]] = ()
    unmatched: Sequence[GivenVerdict] = ()
    conflicts: Sequence[Conflict] = field(default_factory=tuple)
