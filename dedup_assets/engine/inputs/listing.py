"""Inputs to manifest: which images there are, in one stable order, each once.

A name is the bytes of a path (or a URL), sorted as bytes: the order depends on no locale, and names that are not UTF-8
survive. docs/reference.md, "Inputs", says which inputs there are.
"""

import logging
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import polars as pl

from dedup_assets.engine.core.defaults import IMAGE_SECONDS
from dedup_assets.engine.core.errors import InputError
from dedup_assets.engine.core.records import Manifest, Source
from dedup_assets.engine.core.redaction import holds_secrets
from dedup_assets.engine.core.setting_values import short_inputs
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.inputs.containers import (
    DECODER,
    archives_around,
    find_inside,
    list_inside,
    split_frame,
)
from dedup_assets.engine.inputs.kinds import IMAGE_EXTENSIONS, Kind, kind_of
from dedup_assets.engine.inputs.links import join_links
from dedup_assets.engine.inputs.list_files import is_list_file, is_text_list, read_rows
from dedup_assets.engine.inputs.manifest import SCHEMA, digest, names_digest
from dedup_assets.engine.inputs.objects import describe_all, find_objects, find_rows
from dedup_assets.engine.inputs.selection import Selection, describe_left_out, hint_of_missing
from dedup_assets.engine.inputs.walking import MISSING, Found, Walk, Way, found_at, way_to
from dedup_assets.engine.stores import is_url, local_path, reason_of
from dedup_assets.engine.workers import keep_workers

_CONTAINERS = {Kind.ARCHIVE, Kind.VIDEO}
_FILES = {
    "filename": pl.Binary, "size_bytes": pl.Int64, "version": pl.String, "is_container": pl.Boolean,
    "device": pl.UInt64, "inode": pl.UInt64, "way": pl.Int8,
}  # fmt: skip
_IMAGES = {name: kind for name, kind in SCHEMA.items() if name != "index"}
_IMAGES_OF_FILES = [name for name in _IMAGES if name in _FILES]
_LOG = logging.getLogger(__name__)
_NOT_ASKED = -2  # the size of a URL whose server is asked later, if the image is wanted
_USUAL = ".jpg, .png, .webp, .heic, .tif"
_ROWS_AT_ONCE = 1 << 10  # few, because each collection of garbage looks at all of them
_FIRST_FOLDERS = 16


@dataclass(frozen=True)
class ListingOptions:
    """What of an input is listed.

    Attributes:
        work_dir: where the run writes to, left out where it lies inside a folder that is listed.
        include: glob patterns, as of `Selection`.
        exclude: glob patterns, as of `Selection`.
        min_offset: first position of the full listing to keep; -1 for the start.
        max_offset: position after the last one to keep; -1 for the end.
        num_images: how many to keep at most, after the offsets; -1 for all.
        video_fps: frames taken from a second of video; 0 for the key frames.
        image_seconds: CPU seconds for unpacking an archive; see `containers.budget`.
    """

    work_dir: str = ""
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    min_offset: int = -1
    max_offset: int = -1
    num_images: int = -1
    video_fps: float = 1.0
    image_seconds: float = IMAGE_SECONDS

    @classmethod
    def of(cls, settings: Settings) -> "ListingOptions":
        """Those of the settings of a run."""
        return cls(**{name: getattr(settings, name) for name in cls.__dataclass_fields__})


def list_images(input_dir: str | Sequence[str], options: ListingOptions | None = None) -> Manifest:
    """List every image of an input, sorted by name, each once.

    Args:
        input_dir: a folder or fsspec URL prefix (recursive; image, archive and video extensions in any case, hidden
            files left out), one such file, a list file, or a list of all these. Rows of a list file and entries of a
            list that are folders are listed like folders; files are taken whatever their extension, missing ones too.
            An archive or a video gives the images inside it.
        options: which of them; None for the defaults.

    Returns:
        The manifest; relative local paths are made absolute.

    Raises:
        InputError: the input is missing, holds no image, or the offsets lie beyond its end.
    """
    options = options or ListingOptions()
    named = [input_dir] if isinstance(input_dir, str) else list(input_dir)
    if not any(named):
        raise InputError("input_dir='': name a folder, an image, a list file or a URL")
    search = _Search(Selection(options.include, options.exclude), options.work_dir)
    files = _table(search.files(named, is_required=isinstance(input_dir, str))).sort("filename")
    files = files.filter(_differs_from_next("filename"))
    kept, links = join_links(files, search.walk.aliases, search.spellings())
    images = _images_of(kept, search.selection, options)
    if images.is_empty():
        raise InputError(nothing_found(input_dir, search.selection, is_empty_list=search.is_empty_list))
    _warn_of_secrets(images["filename"])
    low, high = _positions(images.height, options)
    index = pl.int_range(low, high, dtype=pl.Int64, eager=True).alias("index")
    chosen = _described(images.slice(low, high - low)).select(index, pl.all())
    names, left_out = names_digest(images["filename"]), dict(search.selection.left_out)
    return Manifest(chosen, images.height, digest(chosen), names, links, left_out)


def first_files(input_dir: str | Sequence[str], options: ListingOptions, most: int) -> list[Source]:
    """Image files of a local folder that its listing is likely to start with; none of any other input.

    Args:
        input_dir: as for `list_images`; a folder that cannot be listed has none.
        options: as for `list_images`.
        most: how many at most; only a few folders are read, however many files they hold.
    """
    name = os.fsencode(input_dir if isinstance(input_dir, str) else min(input_dir))
    if is_url(name) or not os.path.isdir(name):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
        return []
    walk = Walk(Selection(options.include, options.exclude), options.work_dir, most_folders=_FIRST_FOLDERS)
    found = walk.files(os.path.abspath(name))  # noqa: PTH100 - a Path of bytes does not exist
    files = (Source(*file[:3]) for file in found if file.size_bytes > 0 and file.kind is Kind.IMAGE)
    try:
        return list(islice(files, most))
    except InputError:  # the listing says so
        return []


@dataclass
class _Search:
    """The files that inputs name.

    Attributes:
        selection: which files of folders and prefixes count.
        work_dir: of the run.
        walk: over all local folders of the run, so that each is read once.
        is_empty_list: whether the only input is a list without a row.
    """

    selection: Selection
    work_dir: str
    walk: Walk = field(init=False)
    is_empty_list: bool = field(default=False, init=False)
    _given: dict[bytes, bytes] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.walk = Walk(self.selection, self.work_dir)

    def files(self, inputs: Sequence[str], *, is_required: bool) -> Iterator[Found]:
        """The files of all inputs, in no special order.

        Args:
            inputs: paths and URLs.
            is_required: an input that is missing is an error, and not a missing image.
        """
        names = (os.fsencode(each) for each in inputs if each)
        if is_required:
            (name,) = names
            place = local_path(name) or name
            rows = list(self._listed(place)) if is_list_file(place) else None
            self.is_empty_list = rows == []
            yield from self._of_input(name) if rows is None else self._of_rows(rows)
            return
        yield from self._of_rows(row for name in names for row in self._unfolded(name))

    def _unfolded(self, name: bytes) -> Iterable[bytes]:
        """An entry of a list of inputs: itself, or the rows of the list file that it names."""
        path = local_path(name)
        return self._listed(path) if path is not None and is_text_list(path) else [name]

    def _listed(self, place: bytes) -> Iterator[bytes]:
        return read_rows(place, self.selection.left_out)

    def _of_input(self, name: bytes) -> Iterator[Found]:
        path = local_path(name)
        if path is None:
            yield from find_objects(os.fsdecode(name), self.selection, self.work_dir)
            return
        try:
            facts = os.stat(path)  # noqa: PTH116 - a Path of bytes does not exist
        except (OSError, ValueError) as error:
            shown = os.fsdecode(name)
            raise InputError(f"input_dir={shown!r}: {reason_of(error)}{hint_of_missing(shown)}") from None
        if stat.S_ISDIR(facts.st_mode):
            yield from self.walk.files(path)
            yield from self.walk.linked_files()
        else:
            yield found_at(path, facts, kind_of(path), way_to(path))

    def _of_rows(self, rows: Iterable[bytes]) -> Iterator[Found]:
        """Files at once, then folders, those without a link on their way first; then what lies on stores."""
        folders: list[tuple[bool, bytes]] = []
        urls: list[str] = []
        for row in rows:
            path = local_path(row)
            if path is None and _can_be_asked_later(row):
                yield Found(row, _NOT_ASKED, "")
            elif path is None:
                urls.append(os.fsdecode(row))
            elif found := self._local_row(path):
                yield found
            else:
                folders.append((way_to(path) is not Way.DIRECT, path))
        for _, folder in sorted(folders, key=lambda each: each[0]):
            yield from self._of_folder(folder)
        yield from self.walk.linked_files()
        yield from self._of_urls(urls)

    def _local_row(self, path: bytes) -> Found | None:
        """The file that a row names, missing or not; None for a folder."""
        try:
            facts = os.stat(path)  # noqa: PTH116 - a Path of bytes does not exist
        except (OSError, ValueError):
            return Found(path, MISSING, "")
        return None if stat.S_ISDIR(facts.st_mode) else found_at(path, facts, kind_of(path), way_to(path))

    def _of_folder(self, folder: bytes) -> Iterator[Found]:
        try:
            yield from self.walk.files(folder)
        except InputError:  # reading it says why
            yield Found(folder, MISSING, "")

    def _of_urls(self, urls: Sequence[str]) -> Iterator[Found]:
        for spelled, found in find_rows(dict.fromkeys(urls), self.selection, self.work_dir):
            if spelled:
                self._given[os.fsencode(spelled)] = found.name
            yield found

    def spellings(self) -> dict[bytes, bytes]:
        """URLs of objects that are listed under another spelling, with that spelling."""
        times = Counter(self._given.values())
        return {spelled: name for spelled, name in self._given.items() if spelled != name and times[name] > 1}


def _can_be_asked_later(url: bytes) -> bool:
    """Whether a URL names one image, whatever its server says: HTTP has no folders, and this is no container."""
    is_http = url.startswith((b"http://", b"https://"))
    return is_http and kind_of(url) not in _CONTAINERS and not split_frame(url) and not any(archives_around(url))


def _table(files: Iterable[Found]) -> pl.DataFrame:
    """Files in columns, because millions of Python objects would fill the memory."""
    rows, parts = iter(files), [pl.DataFrame(schema=_FILES)]
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        names, sizes, versions, kinds, *identities = zip(*some, strict=True)
        holds = [
            size == MISSING or (kind is not Kind.IMAGE and kind in _CONTAINERS)
            for size, kind in zip(sizes, kinds, strict=True)
        ]
        parts.append(_of_columns([names, sizes, versions, holds, *identities], _FILES))
    return pl.concat(parts, rechunk=True)


def _frame(rows: Iterator[Any], schema: Mapping[str, Any]) -> pl.DataFrame:
    parts = [pl.DataFrame(schema=schema)]
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        parts.append(_of_columns(list(zip(*some, strict=True)), schema))
    return pl.concat(parts, rechunk=True)


def _of_columns(columns: Sequence[Sequence[Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    """A table of columns, which takes half the time that one of rows takes."""
    named = zip(schema.items(), columns, strict=True)
    return pl.DataFrame([pl.Series(name, values, kind) for (name, kind), values in named])


def _images_of(files: pl.DataFrame, selection: Selection, options: ListingOptions) -> pl.DataFrame:
    """The images that files are or hold, by name."""
    none = {name: pl.lit(None, kind) for name, kind in _IMAGES.items() if name not in _FILES}
    plain = files.filter(~pl.col("is_container")).with_columns(**none).select(*_IMAGES)
    holders = (Source(*row) for row in files.filter("is_container").select(*_IMAGES_OF_FILES).iter_rows())
    with keep_workers(DECODER, 1):  # one process for all videos
        inside = _frame((image for holder in holders for image in _enter(holder, selection, options)), _IMAGES)
    if inside.is_empty():
        return plain
    # Two images may share a name: an object `a.zip/b.jpg` beside an archive `a.zip`. Both count.
    ordered = pl.concat([plain, inside]).sort("filename", pl.col("container").fill_null(b""), maintain_order=True)
    return ordered.filter(_differs_from_next("filename") | _differs_from_next("container"))


def _enter(holder: Source, selection: Selection, options: ListingOptions) -> Iterable[Source]:
    """The images inside an archive or a video; a missing file may be a member of an archive."""
    if holder.size_bytes == MISSING:
        return [find_inside(holder.name, options.image_seconds) or holder]
    return list_inside(holder, options.video_fps, options.image_seconds, selection)


def _differs_from_next(name: str) -> pl.Expr:
    return pl.col(name).ne_missing(pl.col(name).shift(-1))


def _described(images: pl.DataFrame) -> pl.DataFrame:
    """The same images, with size and version of those whose server was not asked before."""
    unknown = images["size_bytes"] == _NOT_ASKED
    if not unknown.any():
        return images
    described = describe_all(images["filename"].filter(unknown))
    places = unknown.arg_true()
    columns = zip(*described, strict=True)
    return images.with_columns(
        images[name].scatter(places, list(column))
        for name, column in zip(("size_bytes", "version"), columns, strict=True)
    )


def _positions(listed: int, options: ListingOptions) -> tuple[int, int]:
    """From the first position of the listing to keep to the one after the last."""
    low, high = options.min_offset, options.max_offset
    if low >= listed or high > listed:
        raise InputError(
            f"offsets [{max(low, 0)}, {high if high >= 0 else listed}) lie beyond the end: "
            f"the listing has {listed} images, so min_offset may be at most {listed - 1} and max_offset {listed}"
        )
    low, high = max(low, 0), high if high >= 0 else listed
    return low, min(high, low + options.num_images) if options.num_images >= 0 else high


def nothing_found(input_dir: str | Sequence[str], selection: Selection, *, is_empty_list: bool = False) -> str:
    """Say that an input holds no image, what counts as one, and what was left out."""
    named = short_inputs(input_dir if isinstance(input_dir, str) else list(input_dir))
    left_out = describe_left_out(selection.left_out)
    said = f" (left out: {left_out})" if left_out else ""
    if is_empty_list:
        return f"input_dir={named}: the list names no file{said}"
    return (
        f"input_dir={named}: holds no image, and no archive or video with one{said}; names of images end in "
        f"{_USUAL} or one of {len(IMAGE_EXTENSIONS) - _USUAL.count('.')} other extensions (docs/reference.md, Inputs)"
    )


def _warn_of_secrets(names: pl.Series) -> None:
    urls = names.filter(names.bin.contains(b"://"))
    if secret := sum(map(holds_secrets, urls)):
        _LOG.warning(
            "%d names are URLs with credentials in them; the tables of results hold names as they were given: keep "
            "these files to yourself, or give plain URLs and the credentials in environment variables",
            secret,
        )
