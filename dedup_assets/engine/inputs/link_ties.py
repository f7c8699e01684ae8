"""Which name of an image ends with which other name of it, as a symbolic link does with its target."""

import os
from itertools import permutations

import polars as pl

from dedup_assets.engine.core.records import Manifest
from dedup_assets.engine.core.set_records import Tie
from dedup_assets.engine.inputs.links import SAME_OBJECT

_FRAME = b"#t="
_MOST_LINKS = 40  # on one way, as Linux allows


def ties_between(members: pl.DataFrame, manifest: Manifest) -> dict[tuple[bytes, bytes], Tie]:
    """For two names of an image, what taking the first name away does to the second; hard links do not appear.

    Args:
        members: `name` and `image`, as of `find_members`.
        manifest: the listing, with the further names of its files.
    """
    links = manifest.links
    spelled = set() if links is None else set(links.filter(kind=SAME_OBJECT)["filename"])
    names = members.group_by("image").agg(pl.col("name").unique()).filter(pl.col("name").list.len() > 1)["name"]
    found = {}
    for one, other in (pair for each in names for pair in permutations(each, 2)):
        tie = Tie.SHARED if one in spelled or other in spelled else _tie(_place(one), _place(other))
        if tie:
            found[one, other] = tie
    return found


def _place(name: bytes) -> bytes:
    """The file of a name: of a frame, its video."""
    return name if _FRAME not in name or os.path.lexists(name) else name.partition(_FRAME)[0]


def _tie(gone: bytes, name: bytes) -> Tie | None:
    removed, entry = _entry(gone), _entry(name)
    if entry == removed:
        return Tie.SHARED
    for _ in range(_MOST_LINKS):
        try:
            entry = _entry(os.path.join(os.path.dirname(entry), os.readlink(entry)))  # noqa: PTH115, PTH118, PTH120
        except OSError:  # the end of the way
            return None
        if entry == removed:
            return Tie.LINKED
    return None


def _entry(path: bytes) -> bytes:
    """A path with links followed on its way, and not at its end."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)  # noqa: PTH118 - bytes
