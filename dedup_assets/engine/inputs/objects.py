"""The objects of stores that an input names: one object, or all below a prefix.

The store is asked about many rows of a list at once, because each answer takes a round trip.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from dedup_assets.engine.core.errors import InputError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.inputs.kinds import HEAD_BYTES, Kind, kind_by_head, kind_of, needs_head
from dedup_assets.engine.inputs.own_results import folders_with_pages, is_in_gallery
from dedup_assets.engine.inputs.selection import OWN_RESULTS, Selection, hint_of_missing
from dedup_assets.engine.inputs.walking import MISSING, Found
from dedup_assets.engine.stores import (
    advise,
    describe,
    describe_object,
    find_problem,
    object_info,
    open_store,
    read_at,
    reason_of,
)

_T = TypeVar("_T")
_U = TypeVar("_U")

_AT_ONCE = 32  # requests; with 50 ms each, 640 per second
_AHEAD = 128  # requests begun before their answer is taken


class _OpenedUrl(NamedTuple):
    """An object or a prefix of a store.

    Attributes:
        filesystem: of fsspec.
        path: in it.
        facts: what the store says of it; None where it was not asked.
    """

    filesystem: Any
    path: str
    facts: dict[str, Any] | None

    @property
    def is_object(self) -> bool:
        return self.facts is not None and self.facts["type"] != "directory"


def find_objects(url: str, selection: Selection, work_dir: str = "") -> Iterator[Found]:
    """The object that a URL names, or those below it that count.

    Args:
        url: of an object or a prefix.
        selection: which objects below a prefix count.
        work_dir: where the run writes to, left out where it lies below the prefix.

    Raises:
        InputError: there is no such object or prefix, or it cannot be listed.
    """
    try:
        yield from _found(_opened(url, is_row=False), selection, work_dir)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        advice = advise(error)
        if not advice and find_problem(error).code is ErrorCode.MISSING_FILE:
            if no_bucket := _why_no_bucket(url):
                raise InputError(f"input_dir={url!r}: {no_bucket}") from None
            raise InputError(f"input_dir={url!r}: no such object or prefix{hint_of_missing(url)}") from None
        raise InputError(
            f"input_dir={url!r}: {advice}" if advice else f"cannot list {url!r}: {reason_of(error)}"
        ) from None


def _why_no_bucket(url: str) -> str:
    """Why the bucket of a URL cannot be listed; empty if it can be, and if the store has none."""
    filesystem, path = open_store(url)
    if "s3" not in filesystem.protocol:
        return ""
    try:
        filesystem.call_s3("list_objects_v2", Bucket=filesystem.split_path(path)[0], MaxKeys=1)
    except Exception as error:  # noqa: BLE001 - botocore's and s3fs's
        return advise(error)
    return ""


def find_rows(urls: Iterable[str], selection: Selection, work_dir: str = "") -> Iterator[tuple[str, Found]]:
    """As `find_objects` for each row of a list; a row that cannot be found is a missing file, and reading it says why.

    Yields:
        The URL, if it names an object itself (not objects below it), and what was found.
    """
    for url, opened in _side_by_side(_try_to_open, urls):
        if isinstance(opened, Exception):
            yield "", Found(os.fsencode(url), MISSING, "")
            continue
        try:
            spelled = url if opened.is_object else ""
            yield from ((spelled, found) for found in _found(opened, selection, work_dir))
        except Exception:  # noqa: BLE001 - every store has errors of its own
            yield "", Found(os.fsencode(url), MISSING, "")


def describe_all(names: Iterable[bytes]) -> list[tuple[int, str]]:
    """Size and version of each file; `MISSING` and an empty version if the store does not give them."""
    return [described for _, described in _side_by_side(_try_to_describe, names)]


def objects_below(filesystem: Any, path: str, after: str = "") -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401
    """All objects below a prefix, in the order of their keys; nothing where there is no such prefix.

    Args:
        filesystem: of fsspec.
        path: in it.
        after: the key that an earlier call came to; those up to it are left out.

    Yields:
        Key, and what the store says of the object.

    Raises:
        Exception: stores have errors of their own.
    """
    folder = path.rstrip("/") + "/"
    if "s3" in filesystem.protocol:
        return _pages_of_s3(filesystem, folder, after)
    found: dict[str, dict[str, Any]] = filesystem.find(folder, detail=True)
    return ((key, found[key]) for key in sorted(found) if key > after)


def _pages_of_s3(filesystem: Any, folder: str, after: str) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401
    bucket, prefix, _ = filesystem.split_path(folder)
    place: dict[str, str] = {"StartAfter": filesystem.split_path(after)[1]} if after else {}
    while True:
        page = filesystem.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, **place)
        for entry in page.get("Contents", ()):
            facts = {"name": f"{bucket}/{entry['Key']}", "size": entry["Size"], "ETag": entry.get("ETag")}
            yield facts["name"], facts
        if not page.get("IsTruncated"):
            return
        place = {"ContinuationToken": page["NextContinuationToken"]}


def _opened(url: str, *, is_row: bool) -> _OpenedUrl:
    """Open a store, and ask it about the URL if that may name an object: it is a row, or its name says so."""
    filesystem, path = open_store(url)
    if not is_row and kind_of(os.fsencode(path)) is Kind.OTHER:
        return _OpenedUrl(filesystem, path, None)
    return _OpenedUrl(filesystem, path, object_info(filesystem, path))


def _found(opened: _OpenedUrl, selection: Selection, work_dir: str) -> Iterator[Found]:
    if opened.is_object:
        assert opened.facts is not None  # noqa: S101 - as `is_object` says
        yield _as_found(opened, opened.facts, kind_of(os.fsencode(opened.path)))
        return
    is_empty = True
    for key, facts, kind in _below(opened, selection, work_dir):
        is_empty = False
        if kind is not None:
            yield _as_found(opened, facts | {"name": key}, kind)
    if is_empty:
        object_info(opened.filesystem, opened.path)  # raises where there is nothing at all


def _below(
    opened: _OpenedUrl, selection: Selection, work_dir: str
) -> Iterator[tuple[str, dict[str, Any], Kind | None]]:
    """Objects below a prefix with their kind; None for those that do not count."""
    folder = opened.path.rstrip("/") + "/"
    ours = open_store(work_dir)[1].rstrip("/") + "/" if "://" in work_dir else ""
    in_galleries: list[tuple[str, dict[str, Any]]] = []
    unclear: list[tuple[str, dict[str, Any]]] = []
    pages: set[bytes] = set()
    for key, facts in objects_below(opened.filesystem, opened.path):
        path = os.fsencode(key.removeprefix(folder))
        pages |= folders_with_pages([path])
        if key.endswith("/") or (ours and key.startswith(ours)):
            selection.left_out[OWN_RESULTS] += not key.endswith("/")
            yield key, facts, None
        elif is_in_gallery(path):
            in_galleries.append((key, facts))
        elif needs_head(path):
            unclear.append((key, facts))
        else:
            yield key, facts, _selected(path, kind_of(path), selection)
    for key, facts in in_galleries:
        path = os.fsencode(key.removeprefix(folder))
        if is_in_gallery(path, pages):
            selection.left_out[OWN_RESULTS] += 1
            yield key, facts, None
        else:
            yield key, facts, _selected(path, kind_of(path), selection)
    names = [os.fsencode(opened.filesystem.unstrip_protocol(key)) for key, _ in unclear]
    for (key, facts), (name, head) in zip(unclear, _side_by_side(_try_to_read_head, names), strict=True):
        yield key, facts, _selected(os.fsencode(key.removeprefix(folder)), kind_by_head(name, head), selection)


def _selected(path: bytes, kind: Kind, selection: Selection) -> Kind | None:
    return kind if selection.admits_path(path, kind) else None


def _as_found(opened: _OpenedUrl, facts: dict[str, Any], kind: Kind) -> Found:
    name = os.fsencode(opened.filesystem.unstrip_protocol(facts["name"]))
    return Found(name, *describe_object(facts), kind)


def _try_to_open(url: str) -> _OpenedUrl | Exception:
    try:
        return _opened(url, is_row=True)
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        return error


def _try_to_describe(name: bytes) -> tuple[int, str]:
    try:
        return describe(name)
    except Exception:  # noqa: BLE001 - reading it says why
        return MISSING, ""


def _try_to_read_head(name: bytes) -> bytes:
    try:
        return read_at(name, 0, HEAD_BYTES)
    except Exception:  # noqa: BLE001 - without its first bytes it counts as no image
        return b""


def _side_by_side(ask: Callable[[_T], _U], items: Iterable[_T]) -> Iterator[tuple[_T, _U]]:
    """Each item with its answer, in order; many are asked for at once."""
    waiting: deque[tuple[_T, Future[_U]]] = deque()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="list") as pool:
        for item in items:
            waiting.append((item, pool.submit(ask, item)))
            if len(waiting) >= _AHEAD:
                first, answer = waiting.popleft()
                yield first, answer.result()
        for first, answer in waiting:
            yield first, answer.result()
