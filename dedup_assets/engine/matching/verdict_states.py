"""Which verdicts count for the images of a work_dir, and which of them match nothing there now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from dedup_assets.engine.core.verdict_records import GivenVerdict, Verdicts
from dedup_assets.engine.matching.deciding import contents_known, hash_named
from dedup_assets.engine.matching.following_edits import find_heirs
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.verdict_conflicts import read_conflicts
from dedup_assets.engine.work_dir.verdict_images import read_images_beside, read_verdict_images


class VerdictState(StrEnum):
    """What a row of a file of verdicts is worth."""

    COUNTS = "counts"
    """Groups honour it, or will from the next run on."""
    UNKNOWN = "unknown"
    """It is neither revoked nor replaced; without a work_dir it is not known whether its images are there."""
    UNMATCHED = "unmatched"
    """An image that it is about is not there, neither by its bytes nor by its pixels."""
    CONTRADICTED = "contradicted"
    """The last run did not honour it, because of newer verdicts."""
    REPLACED = "replaced"
    """A newer verdict is about the same."""
    REVOKED = "revoked"
    """Somebody took it back."""
    NONE = ""
    """The row revokes another one."""


@dataclass(frozen=True)
class StatedVerdict:
    """A row of a file of verdicts, what it is worth, and the names of its images that are not there."""

    verdict: GivenVerdict
    state: VerdictState
    missing: list[bytes]


def state_verdicts(verdicts: Verdicts, work_dir: WorkDir | None, file: str) -> list[StatedVerdict]:
    """The rows in their order, with what they are worth.

    Args:
        verdicts: of a file.
        work_dir: whose last run says which images are there; None if none is known.
        file: path or URL of the file.

    Raises:
        WorkDirError: a file of the work_dir is damaged.
    """
    active = {each.verdict_id: each for each in verdicts.active()}
    revoked, missing = verdicts.revoked(), _missing(active, work_dir, file)
    decided = read_conflicts(work_dir) if work_dir else None
    contradicted = {each.verdict_id for each in decided.conflicts} if decided else set[str]()

    def state(row: GivenVerdict) -> VerdictState:
        if row.verdict_id in revoked:
            return VerdictState.REVOKED
        if row.revokes:
            return VerdictState.NONE
        if row.verdict_id not in active:
            return VerdictState.REPLACED
        if missing.get(row.verdict_id):
            return VerdictState.UNMATCHED
        if row.verdict_id in contradicted:
            return VerdictState.CONTRADICTED
        return VerdictState.COUNTS if work_dir else VerdictState.UNKNOWN

    return [StatedVerdict(row, state(row), missing.get(row.verdict_id, [])) for row in verdicts.given]


def _missing(active: Mapping[str, GivenVerdict], work_dir: WorkDir | None, file: str) -> dict[str, list[bytes]]:
    """Names of the images that are not there, by the id of the verdict."""
    if work_dir is None:
        return {}
    listed = contents_known(work_dir)
    here = set(listed["content"].drop_nulls())
    gone = sorted({content for each in active.values() for content in each.pair} - here)
    known = pl.concat([read_verdict_images(work_dir), read_images_beside(file)])
    heirs = find_heirs(gone, known, here)
    unhashed = set(listed.filter(pl.col("content").is_null())["filename"])
    lost = set(gone)

    def is_missing(verdict: GivenVerdict, content: str, name: bytes) -> bool:
        is_followed = content in heirs and heirs[content] not in verdict.pair
        return content in lost and not is_followed and not _is_new(name, content, unhashed)

    return {
        verdict_id: [
            name
            for content, name in zip(filter(None, (each.a_content, each.b_content)), each.names, strict=True)
            if is_missing(each, content, name)
        ]
        for verdict_id, each in active.items()
    }


def _is_new(name: bytes, content: str, unhashed: Collection[bytes]) -> bool:
    """Whether the file has come since the last run, or is an image whose content that run did not know."""
    return name in unhashed or hash_named(name) == content
