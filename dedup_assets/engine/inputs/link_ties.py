"""Which name of an image ends with which other name of it, as a symbolic link does with its target."""

import os

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
    ways, found = _Ways(), {}
    for some in names:
        entries = {name: ways.of(_place(name)) for name in some}
        holders: dict[bytes, list[bytes]] = {}
        for name, way in entries.items():
            holders.setdefault(way[0], []).append(name)
        for name, way in entries.items():
            ends_with = {gone: Tie.LINKED for entry in way[1:] for gone in holders.get(entry, ())}
            ends_with |= dict.fromkeys(holders[way[0]], Tie.SHARED)
            if spelled:
                ends_with |= {gone: Tie.SHARED for gone in some if gone in spelled or name in spelled}
            found.update({(gone, name): tie for gone, tie in ends_with.items() if gone != name})
    return found


def _place(name: bytes) -> bytes:
    """The file of a name: of a frame, its video."""
    return name if _FRAME not in name or os.path.lexists(name) else name.partition(_FRAME)[0]


class _Ways:
    """The directory entries on the way from names to their files; each folder is resolved once."""

    def __init__(self) -> None:
        self._folders: dict[bytes, bytes] = {}

    def of(self, name: bytes) -> list[bytes]:
        """The entry of a name, then that of each link's target up to the file."""
        way = [self._entry(name)]
        while len(way) <= _MOST_LINKS:
            try:
                target = os.readlink(way[-1])  # noqa: PTH115 - a Path of bytes does not exist
            except OSError:  # the end of the way
                break
            way.append(self._entry(os.path.join(os.path.dirname(way[-1]), target)))  # noqa: PTH118, PTH120
        return way

    def _entry(self, path: bytes) -> bytes:
        """A path with links followed on its way, and not at its end."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)  # noqa: PTH118
