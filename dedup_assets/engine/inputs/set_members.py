"""Named sets to their images: which listed images, and which further names of them, belong to each set."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

import polars as pl

from dedup_assets.engine.core.errors import InputError, SettingsError
from dedup_assets.engine.core.records import Manifest
from dedup_assets.engine.core.set_names import FOLDER_SETS, AskedSets, check_count, inputs_by_set, is_training
from dedup_assets.engine.core.set_tables import MEMBERS_SCHEMA
from dedup_assets.engine.inputs.list_files import is_list_file, is_text_list, read_labelled_rows, read_rows
from dedup_assets.engine.inputs.walking import MISSING
from dedup_assets.engine.stores import local_path

_FRAME = b"#t="
_LIKELY = (b"train", b"Train", b"TRAIN", b"trn")
_Members = dict[str, dict[bytes, bytes]]  # by set, the name that it has for each image


def find_members(asked: AskedSets, manifest: Manifest) -> pl.DataFrame:
    """The images of each set.

    Args:
        asked: where sets come from.
        manifest: the listing, with the further names of its files.

    Returns:
        `set` (string), `name` (binary: the name that the set has for the image) and `image` (binary: the listed name),
        each image once per set, in the order of sets and then by name. An image in several sets has a row for each.
        Sets that a column or folders name are sorted, those for training first.

    Raises:
        InputError: a set holds none of the listed images or none that is there, or a list cannot be read or lacks the
            column.
        SettingsError: fewer than two sets are found, or `evaluation_sets` names one that is not there.
    """
    if asked.named:
        found = _of_inputs(asked, manifest)
    else:
        found = _of_column(asked, manifest) if asked.column else _of_folders(asked, manifest)
        found = {name: found[name] for name in sorted(found, key=lambda name: (not is_training(name), name))}
    _refuse_missing(found, manifest)
    try:
        check_count(found, asked)
        asked.evaluation_of(list(found))
    except ValueError as error:
        raise SettingsError(str(error)) from None
    rows = [(name, as_named, image) for name, own in found.items() for image, as_named in sorted(own.items())]
    return pl.DataFrame(rows, schema=MEMBERS_SCHEMA, orient="row")


def _refuse_missing(found: _Members, manifest: Manifest) -> None:
    """A set whose images are all missing leaks nothing, because its place is misspelt."""
    missing = set(manifest.images.filter(pl.col("size_bytes") == MISSING)["filename"].to_list())
    for name, own in found.items():
        if own and missing.issuperset(own):
            first = os.fsdecode(min(own)).encode("utf-8", "backslashreplace").decode()
            raise InputError(f"the set {name!r}: none of its {len(own)} images is there, such as {first!r}")


def recognised_sets(inputs: Sequence[str], manifest: Manifest) -> list[str]:
    """Sets that folders of the inputs seem to be, if one of them is for training; nothing is made of them unasked."""
    images = manifest.images["filename"]
    is_likely = pl.any_horizontal(pl.col("filename").bin.contains(b"/" + each) for each in _LIKELY)
    if not manifest.images.select(is_likely.any()).item():  # a loop over millions of names would take seconds
        return []
    roots = _roots(inputs)
    found = {name for image in images if (name := _set_of_folders(image, roots))}
    ordered = sorted(found, key=lambda name: (not is_training(name), name))
    return ordered if len(ordered) > 1 and is_training(ordered[0]) else []


def _of_inputs(asked: AskedSets, manifest: Manifest) -> _Members:
    found: _Members = {}
    for name, inputs in inputs_by_set(asked.named).items():
        places = {place for each in inputs for place in _places(os.fsencode(each))}
        found[name] = dict(_reached(manifest, lambda image, places=places: _is_inside(image, places)))  # type: ignore[misc]
        if not found[name]:
            raise InputError(f"sets: {name}={inputs!r:.200} holds none of the {len(manifest)} listed images")
    return found


def _of_column(asked: AskedSets, manifest: Manifest) -> _Members:
    places: dict[str, set[bytes]] = {}
    lists = [each for each in map(os.fsencode, asked.inputs) if _is_list(each, alone=len(asked.inputs) == 1)]
    if not lists:
        raise InputError(f"{asked.shown}: input_dir names no list file (a CSV or TSV with a header)")
    for each in lists:
        for row, label in read_labelled_rows(local_path(each) or each, asked.column):
            places.setdefault(label, set()).add(_as_listed(row))
    return {
        name: members
        for name, of_set in places.items()
        if (members := dict(_reached(manifest, lambda image, of_set=of_set: _is_inside(image, of_set))))  # type: ignore[misc]
    }


def _is_list(place: bytes, *, alone: bool) -> bool:
    path = local_path(place)
    return is_list_file(path or place) if alone else path is not None and is_text_list(path)


def _of_folders(asked: AskedSets, manifest: Manifest) -> _Members:
    roots = _roots(asked.inputs)
    found: _Members = {}
    for image, name in _names_of(manifest):
        if in_set := _set_of_folders(name, roots):
            found.setdefault(in_set, {})[image] = name
    return found


def _roots(inputs: Iterable[str]) -> list[bytes]:
    """The folders that inputs are; of a list file, the one that all its rows are in. The innermost ones come first."""
    found = {_shared_folder([place + b"/" for place in _places(os.fsencode(each))]) for each in inputs}
    return sorted(found, key=len, reverse=True)


def _shared_folder(places: Sequence[bytes]) -> bytes:
    first, last = min(places, default=b""), max(places, default=b"")
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length].rpartition(b"/")[0] + b"/"


def _set_of_folders(name: bytes, roots: Sequence[bytes]) -> str | None:
    """The set that the first folder below the input names, among those on the way to an image; None without one."""
    root = next((root for root in roots if name.startswith(root)), b"")
    folders = name[len(root) :].split(b"/")[:-1] if root else []
    return next((FOLDER_SETS[known] for each in folders if (known := _lower(each)) in FOLDER_SETS), None)


def _lower(name: bytes) -> str:
    return name.decode("utf-8", "replace").lower()


def _places(place: bytes) -> Iterable[bytes]:
    """An input as the listing names it; of a list file, each of its rows."""
    path = local_path(place)
    rows = read_rows(path) if path is not None and is_text_list(path) else [place]
    return map(_as_listed, rows)


def _as_listed(row: bytes) -> bytes:
    return (local_path(row) or row).rstrip(b"/")


def _reached(manifest: Manifest, is_member: Callable[[bytes], bool]) -> Iterator[tuple[bytes, bytes]]:
    return ((image, name) for image, name in _names_of(manifest) if is_member(name))


def _names_of(manifest: Manifest) -> Iterator[tuple[bytes, bytes]]:
    """Each listed image with each of its names; the listed name comes last."""
    images = manifest.images["filename"].to_list()
    if manifest.links is not None:
        listed = set(images)
        links = manifest.links.select("same_as", "filename").iter_rows()
        yield from ((image, link) for image, link in links if image in listed)
    yield from zip(images, images, strict=True)


def _is_inside(name: bytes, places: set[bytes]) -> bool:
    """Whether a place is this name, a folder or an archive on its way, or the video of this frame."""
    place = name
    while place:
        if place in places or (_FRAME in place and place.partition(_FRAME)[0] in places):
            return True
        place = place.rpartition(b"/")[0]
    return False
