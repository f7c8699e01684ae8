"""Facts of files that the run has decoded: the header of a file that has not changed since is not read again."""

import os
from collections.abc import Iterator
from typing import Any

import polars as pl

from dedup_assets.engine.core.redaction import holds_secrets
from dedup_assets.engine.gallery.pages.shown_files import FACTS_SCHEMA
from dedup_assets.engine.inputs.containers import split_frame
from dedup_assets.engine.stores import local_version

_Row = tuple[Any, ...]  # in the order of FACTS_SCHEMA
_UNKNOWN: _Row = (None,) * len(FACTS_SCHEMA)


def facts_as_listed(names: pl.Series, listed: pl.DataFrame | None) -> pl.DataFrame:
    """Facts of files as `tabulate` gives them, without thumbnails.

    Args:
        names: (n,) binary.
        listed: as `Results.listed`.

    Returns:
        A row for each name; all is null of an image that is no local file, or that has another size or version by now.
    """
    if listed is None:
        return pl.DataFrame([_UNKNOWN] * len(names), schema=FACTS_SCHEMA, orient="row")
    columns = ["size_bytes", "version", "width", "height"]
    known = listed.select("filename", *columns).unique("filename", keep="last")
    found = names.rename("filename").to_frame().join(known, on="filename", how="left", maintain_order="left")
    return pl.DataFrame(list(_rows(found)), schema=FACTS_SCHEMA, orient="row")


def _rows(listed: pl.DataFrame) -> Iterator[_Row]:
    for name, size_bytes, version, width, height in listed.iter_rows():
        if not version or width is None or split_frame(name):
            yield _UNKNOWN
            continue
        try:
            facts = os.stat(name)  # noqa: PTH116 - a Path of bytes does not exist
        except (OSError, ValueError):  # a URL, in a container, or gone
            yield _UNKNOWN
            continue
        if facts.st_size != size_bytes or local_version(facts) != version:
            yield _UNKNOWN
            continue
        secret = 1 if b"://" in name and holds_secrets(name) else None
        yield size_bytes, int(facts.st_mtime), width, height, False, None, None, secret
