"""Named sets to their images: which listed images, and which further names of them, the inputs of a set reach."""

import os
from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from dedup_assets.engine.core.errors import InputError
from dedup_assets.engine.core.records import Manifest
from dedup_assets.engine.core.set_names import inputs_by_set
from dedup_assets.engine.core.set_tables import MEMBERS_SCHEMA
from dedup_assets.engine.inputs.list_files import is_text_list, read_rows
from dedup_assets.engine.stores import local_path

_FRAME = b"#t="


def find_members(sets: Sequence[str], manifest: Manifest) -> pl.DataFrame:
    """The images of each set.

    Args:
        sets: texts `NAME=INPUT`.
        manifest: the listing, with the further names of its files.

    Returns:
        `set` (string), `name` (binary: the name that the set has for the image) and `image` (binary: the listed name),
        each image once per set, in the order of sets and then by name. An image in several sets has a row for each.

    Raises:
        InputError: a set holds none of the listed images, or its list cannot be read.
    """
    found: list[tuple[str, bytes, bytes]] = []
    for name, inputs in inputs_by_set(sets).items():
        places = {place for each in inputs for place in _places(os.fsencode(each))}
        members = dict(_reached(places, manifest))
        if not members:
            raise InputError(f"sets: {name}={inputs!r:.200} holds none of the {len(manifest)} listed images")
        found += [(name, as_named, image) for image, as_named in sorted(members.items())]
    return pl.DataFrame(found, schema=MEMBERS_SCHEMA, orient="row")


def _places(place: bytes) -> Iterable[bytes]:
    """An input as the listing names it; of a list file, each of its rows."""
    path = local_path(place)
    rows = read_rows(path) if path is not None and is_text_list(path) else [place]
    return ((local_path(row) or row).rstrip(b"/") for row in rows)


def _reached(places: set[bytes], manifest: Manifest) -> Iterator[tuple[bytes, bytes]]:
    """Listed images that the places hold, with the name by which they do; a listed name comes last and wins."""
    images = manifest.images["filename"].to_list()
    if manifest.links is not None:
        listed = set(images)
        for link, image in manifest.links.select("filename", "same_as").iter_rows():
            if image in listed and _is_inside(link, places):
                yield image, link
    yield from ((image, image) for image in images if _is_inside(image, places))


def _is_inside(name: bytes, places: set[bytes]) -> bool:
    """Whether a place is this name, a folder or an archive on its way, or the video of this frame."""
    place = name
    while place:
        if place in places or (_FRAME in place and place.partition(_FRAME)[0] in places):
            return True
        place = place.rpartition(b"/")[0]
    return False
