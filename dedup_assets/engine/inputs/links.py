"""One file is one image: of several names that reach the same file one is kept, and the others are listed as links.

A name without a link on its way is preferred, then the first in the order of bytes. Two names of one file are no pair
of copies: removing one of them frees nothing, and may remove the only copy.
"""

import os
from collections.abc import Mapping, Sequence

import polars as pl

from dedup_assets.engine.inputs.walking import FolderAlias, Way

LINK_SCHEMA = {"filename": pl.Binary, "same_as": pl.Binary, "kind": pl.String}
SYMLINK, HARD_LINK, SAME_FOLDER, SAME_OBJECT = "symlink", "hardlink", "same_folder", "same_object"

_IDENTITY = ("device", "inode")


def join_links(
    files: pl.DataFrame, aliases: Sequence[FolderAlias] = (), spellings: Mapping[bytes, bytes] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Join the names of each file.

    Args:
        files: sorted by `filename`, each name once; `device`, `inode` (null where a file has no identity) and `way`.
        aliases: other names of folders.
        spellings: other names of objects on stores, to the names under which they are listed.

    Returns:
        The files, each under one name; and the other names, as `Manifest.links`.
    """
    has_identity = pl.col("inode").is_not_null()
    twins = files.filter(has_identity & pl.struct(_IDENTITY).is_duplicated())
    ordered = twins.sort(pl.col("way") != Way.DIRECT, "filename")
    first = ordered.unique(_IDENTITY, keep="first", maintain_order=True)
    named = ordered.join(first.select(*_IDENTITY, same_as="filename"), on=_IDENTITY, how="left", maintain_order="left")
    others = named.filter(pl.col("filename") != pl.col("same_as")).select("filename", "same_as", "way")
    links = [(name, same_as, _kind(name, same_as, way)) for name, same_as, way in others.iter_rows()]
    names = dict(zip(others["filename"], others["same_as"], strict=True))
    links += _below_aliases(files["filename"], aliases, names)
    links += [(spelled, names.get(name, name), SAME_OBJECT) for spelled, name in (spellings or {}).items()]
    kept = files.filter(~pl.col("filename").is_in(others["filename"].implode()))
    table = pl.DataFrame(links, schema=LINK_SCHEMA, orient="row")
    return kept, table.unique("filename", keep="first", maintain_order=True).sort("filename")


def _kind(name: bytes, same_as: bytes, way: Way) -> str:
    if way != Way.DIRECT:
        return SYMLINK if way == Way.LINK else SAME_FOLDER
    (folder, entry), (other_folder, other_entry) = os.path.split(name), os.path.split(same_as)
    try:
        is_mounted_twice = entry == other_entry and os.path.samefile(folder, other_folder)  # noqa: PTH121 - bytes
    except OSError:  # gone since it was listed
        is_mounted_twice = False
    return SAME_FOLDER if is_mounted_twice else HARD_LINK


def _below_aliases(
    files: pl.Series, aliases: Sequence[FolderAlias], names: Mapping[bytes, bytes]
) -> list[tuple[bytes, bytes, str]]:
    """The files of a folder, under its other name. Links within links are not followed."""
    found = []
    for alias in aliases:
        inside = files.filter(files.bin.starts_with(os.path.join(alias.same_as, b"")))  # noqa: PTH118 - bytes
        for name in inside:
            other = alias.name + name[len(alias.same_as.rstrip(b"/")) :]
            found.append((other, names.get(name, name), SAME_FOLDER))
    return found
