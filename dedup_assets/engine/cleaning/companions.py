"""The files that belong to planned images, in a plan: they go along, or their image stays."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from dedup_assets.engine.cleaning.runs import files_of, list_folder
from dedup_assets.engine.core.errors import SkippedError
from dedup_assets.engine.core.plan_records import HALF, SIDECAR, Unplanned
from dedup_assets.engine.inputs.annotations import Annotations
from dedup_assets.engine.inputs.stacks import Stacks

_NO_SECOND = "of a shot whose other half (raw file or film) has no copy beside the kept image, or is to stay"
_DECIDES = "a person decides (--only ...,review plans them)"
_MARKED = "bring it to the kept image first, then run again"
_LACKS = "beside a sidecar, and the kept image has none with its bytes"
_NOTED = "with notes in .picasa.ini, descript.ion or ._NAME that the kept image lacks"
_UNREADABLE = "beside files that cannot be read"
_Row = Mapping[str, Any]


def with_companions(
    planned: pl.DataFrame, staying: set[bytes], *, review: bool, marked: bool = False
) -> tuple[pl.DataFrame, list[Unplanned]]:
    """Add a row for each file that belongs to a planned image, and leave out images that cannot take them along.

    Args:
        planned: rows of a plan whose action removes files, one per image.
        staying: names that are never acted upon.
        review: whether images are planned whose sidecars hold something else than those of the kept image.
        marked: whether a person marked the images one by one; that says nothing of what lies beside them.

    Returns:
        The rows, those of companions before their image; and images that are left out.
    """
    finder = _Finder(planned, staying, review and not marked, _MARKED if marked else _DECIDES)
    rows, left_out = [], list[Unplanned]()
    for row in planned.iter_rows(named=True):
        if row["filename"] in finder.taken:
            continue  # the other half of an image before takes it along
        try:
            rows += [*finder.rows_beside(row), row]
        except _StaysError as reason:
            left_out.append(Unplanned(row["filename"], str(reason)))
        except (OSError, SkippedError):
            left_out.append(Unplanned(row["filename"], _UNREADABLE))
    return pl.DataFrame(rows, schema=planned.schema), left_out


class _StaysError(Exception):
    """An image is not planned, and why."""


class _Finder:
    def __init__(self, planned: pl.DataFrame, staying: set[bytes], review: bool, remedy: str) -> None:
        self._stacks = Stacks(list_folder)
        self._annotations = Annotations(self._stacks, lambda name: files_of(name).read(name))
        self._going, self._kept = set(planned["filename"]), set(planned["keep"])
        self._staying, self._review, self._remedy = staying, review, remedy
        self.taken: set[bytes] = set()

    def rows_beside(self, row: _Row) -> Iterator[_Row]:
        """A row for each file that goes with an image. Raises _StaysError, SkippedError or OSError."""
        name, keep = row["filename"], row["keep"]
        mine, kept = self._stacks.beside(name), self._stacks.beside(keep)
        if not self._review and not _contents(mine.notes) <= _contents(kept.notes):
            raise _StaysError(f"{_LACKS}: {self._remedy}")
        if not self._review and not self._annotations.of(name) <= self._annotations.of(keep):
            raise _StaysError(f"{_NOTED}: {self._remedy}")
        second = {kind: half for half, kind in kept.halves.items()}
        halves = [self._half(row, half, second.get(kind)) for half, kind in mine.halves.items()]
        sidecars = [
            self._row(row, each, SIDECAR, keep, row["keep_content"]) for each in [*mine.sidecars, *mine.streams]
        ]
        if self._staying.intersection(mine.names):
            raise _StaysError(_NO_SECOND)
        self.taken.update(mine.halves)
        return iter([*halves, *sidecars])

    def _half(self, row: _Row, half: bytes, second: bytes | None) -> _Row:
        is_free = half not in self._kept and half not in self.taken and second not in self._going
        if second is None or second == half or not is_free:
            raise _StaysError(_NO_SECOND)
        here, there = files_of(half).find(half), files_of(second).find(second)
        if here is None or there is None or here.size_bytes != there.size_bytes:
            raise _StaysError(_NO_SECOND)
        found = self._row(row, half, HALF, second, files_of(second).hashed(second)[1])
        if found["content"] != found["keep_content"]:
            raise _StaysError(_NO_SECOND)
        return found

    def _row(self, row: _Row, name: bytes, relation: str, keep: bytes, keep_content: str) -> _Row:
        seen, content = files_of(name).hashed(name)
        leaf = os.path.basename(row["filename"]).decode("utf-8", "backslashreplace")  # noqa: PTH119 - bytes
        said = {"relation": relation, "kind": f"of {leaf}", "similarity": float(relation == HALF)}
        return {
            **row,
            **said,
            "filename": name,
            "content": content,
            "bytes": seen.size_bytes,
            "keep": keep,
            "keep_content": keep_content,
        }


def _contents(sidecars: Mapping[bytes, bytes]) -> set[tuple[bytes, str]]:
    """What each holds, and the hash of its bytes. Raises SkippedError or OSError."""
    return {(kind, files_of(name).hashed(name)[1]) for name, kind in sidecars.items()}
