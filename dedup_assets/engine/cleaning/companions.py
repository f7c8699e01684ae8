"""The files that belong to planned images, in a plan: they go along, or their image stays."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from dedup_assets.engine.cleaning.runs import files_of, list_folder
from dedup_assets.engine.cleaning.standing import Standing
from dedup_assets.engine.core.errors import SkippedError
from dedup_assets.engine.core.plan_records import HALF, SIDECAR, Action
from dedup_assets.engine.inputs.annotations import Annotations
from dedup_assets.engine.inputs.stacks import Stacks

_NO_SECOND = "of a shot whose other half (raw file or film) has no copy beside the kept image, or is to stay"
_DECIDES = "a person decides (--only ...,review plans them)"
_LACKS = f"beside a sidecar, and the kept image has none with its bytes: {_DECIDES}"
_NOTED = f"with notes in .picasa.ini, descript.ion or ._NAME that the kept image lacks: {_DECIDES}"
_UNREADABLE = "beside files that cannot be read"
_Row = Mapping[str, Any]


def with_companions(planned: pl.DataFrame, staying: set[bytes], *, review: bool) -> tuple[pl.DataFrame, Counter[str]]:
    """Add a row for each file that belongs to a planned image, and leave out images that cannot take them along.

    Args:
        planned: rows of a plan whose action removes files, one per image.
        staying: names that are never acted upon.
        review: whether images are planned whose sidecars hold something else than those of the kept image.

    Returns:
        The rows, those of companions before their image; and images that are left out, by reason.
    """
    finder = _Finder(planned, staying, review)
    rows, left_out = [], Counter[str]()
    for row in planned.iter_rows(named=True):
        if row["filename"] in finder.taken:
            continue  # the other half of an image before takes it along
        try:
            rows += [*finder.rows_beside(row), row]
        except _StaysError as reason:
            left_out[str(reason)] += 1
        except (OSError, SkippedError):
            left_out[_UNREADABLE] += 1
    return pl.DataFrame(rows, schema=planned.schema), left_out


def stays_for_companions(copies: pl.DataFrame, staying: set[bytes]) -> set[bytes]:
    """The copies that a plan leaves out for what lies beside them: a sidecar, a half of the shot or a note.

    Nothing lies beside members of archives, and beside files that are not where they were.

    Args:
        copies: with `filename` and `keep`.
        staying: names that are never acted upon.
    """
    standing = Standing(Action.TRASH)
    are_files = [not (standing.why_not(a, None) or standing.why_not(b, None)) for a, b in _pairs_of(copies)]
    files = copies.filter(pl.Series(are_files, dtype=pl.Boolean)).select("filename", "keep", keep_content=pl.lit(""))
    finder, found = _Finder(files, staying, review=False), set()
    for row in files.iter_rows(named=True):
        if row["filename"] in finder.taken:
            continue
        try:
            finder.rows_beside(row)
        except (_StaysError, OSError, SkippedError):
            found.add(row["filename"])
    return found


def _pairs_of(copies: pl.DataFrame) -> Iterator[tuple[bytes, bytes]]:
    return copies.select("filename", "keep").iter_rows()


class _StaysError(Exception):
    """An image is not planned, and why."""


class _Finder:
    def __init__(self, planned: pl.DataFrame, staying: set[bytes], review: bool) -> None:
        self._stacks = Stacks(list_folder)
        self._annotations = Annotations(self._stacks, lambda name: files_of(name).read(name))
        self._going, self._kept = set(planned["filename"]), set(planned["keep"])
        self._staying, self._review = staying, review
        self.taken: set[bytes] = set()

    def rows_beside(self, row: _Row) -> Iterator[_Row]:
        """A row for each file that goes with an image. Raises _StaysError, SkippedError or OSError."""
        name, keep = row["filename"], row["keep"]
        mine, kept = self._stacks.beside(name), self._stacks.beside(keep)
        if not self._review and not _contents(mine.notes) <= _contents(kept.notes):
            raise _StaysError(_LACKS)
        if not self._review and not self._annotations.of(name) <= self._annotations.of(keep):
            raise _StaysError(_NOTED)
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
