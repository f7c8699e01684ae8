"""Labels of images: from the names of their folders, a CSV or TSV file, or a COCO file."""

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from dedup_assets.engine.core.errors import InputError
from dedup_assets.engine.core.label_source import FOLDERS, LabelSource
from dedup_assets.engine.core.set_names import FOLDER_SETS, NO_SETS, AskedSets, inputs_by_set
from dedup_assets.engine.inputs.list_files import read_content, read_labelled_rows

_SCHEMA = pl.Schema({"filename": pl.Binary, "label": pl.String})
_JOINED = ", "
_MOST_NAMED = 3  # names in a message


@dataclass(frozen=True)
class Labels:
    """The labels of a run's images.

    Attributes:
        rows: `filename` (binary) and `label` (string) of each image that has one, by name. Several labels of an image
            are one text: sorted, each once, joined by commas.
        unknown: names in the file of labels that no image of the run has, or several.
        digest: of the rows; empty if no labels are asked for.
    """

    rows: pl.DataFrame
    unknown: int = 0
    digest: str = ""

    @property
    def names(self) -> pl.Series | None:
        """The images that have a label; None if no labels are asked for."""
        return self.rows["filename"] if self.digest else None


def read_labels(given: str, names: pl.Series, asked: AskedSets = NO_SETS) -> Labels:
    """The labels of images.

    Args:
        given: as the setting `labels`.
        names: (n,) binary, the images.
        asked: the sets of the run: a folder that is a set, such as `train`, or the input of one, is no label.

    Raises:
        InputError: the file cannot be read, or names none of these images.
    """
    if not given:
        return Labels(pl.DataFrame(schema=_SCHEMA))
    source = LabelSource.parse(given)
    if source.place == FOLDERS:
        rows, unknown = _of_folders(names, asked), 0
    else:
        rows, unknown = _of_file(source, names)
    lines = (b"%b\0%b\n" % (name, label.encode()) for name, label in rows.iter_rows())
    return Labels(rows, unknown, hashlib.sha256(b"".join(lines)).hexdigest())


def check_labels(given: str) -> None:
    """Read a file of labels before there are images. Raises InputError as `read_labels` does."""
    source = LabelSource.parse(given) if given else None
    if source is not None and source.place != FOLDERS:
        _given(source, Counter())


def _of_folders(names: pl.Series, asked: AskedSets) -> pl.DataFrame:
    """The name of the folder that each image is in, as data sets of class folders have them."""
    inputs = inputs_by_set(asked.named)
    sets = {*FOLDER_SETS, *(name.lower() for name in inputs)} if asked else set[str]()
    tops = {_absolute(place) for places in inputs.values() for place in places}
    folders = [os.fsdecode(name).rpartition("/")[0] for name in names.to_list()]
    labels = ["" if folder in tops else _readable(folder.rpartition("/")[2]) for folder in folders]
    rows = pl.DataFrame({"filename": names, "label": labels}, schema=_SCHEMA)
    return rows.filter(pl.col("label") != "", ~pl.col("label").str.to_lowercase().is_in(list(sets))).sort("filename")


def _absolute(place: str) -> str:
    """An input as the names of its images begin."""
    return place.rstrip("/") if "://" in place else os.path.abspath(place)  # noqa: PTH100 - links stay as given


def _given(source: LabelSource, left_out: Counter[str] | None = None) -> Mapping[str, set[str]]:
    """The labels that a file has for each name in it; `left_out` as of `read_rows`."""
    given: dict[str, set[str]] = defaultdict(set)
    for name, label in _coco(source.place) if source.is_coco else _table(source, left_out):
        given[name].add(_readable(label))
    if not given:
        raise InputError(f"labels={source.place!r}: no image has a label there")
    return given


def _of_file(source: LabelSource, names: pl.Series) -> tuple[pl.DataFrame, int]:
    given = _given(source)
    found, unknown = _match(given, names, source.place)
    if not found:
        named = ", ".join(repr(name) for name in unknown[:_MOST_NAMED])
        raise InputError(
            f"labels={source.place!r}: none of its {len(given):,} images ({named}, ...) is an image of this run; it "
            "names images wholly, from its own folder on, or by the end of a name that only one has"
        )
    rows = pl.DataFrame(
        [(name, _JOINED.join(sorted(labels))) for name, labels in sorted(found.items())], schema=_SCHEMA, orient="row"
    )
    return rows, len(unknown)


def _table(source: LabelSource, left_out: Counter[str] | None) -> Iterator[tuple[str, str]]:
    rows = read_labelled_rows(os.fsencode(source.place), source.column, left_out)
    return ((os.fsdecode(name), label) for name, label in rows)


def _coco(place: str) -> Iterator[tuple[str, str]]:
    """The names of the categories that a COCO file gives each image (format: https://cocodataset.org/#format-data)."""
    try:
        found = json.loads(read_content(os.fsencode(place)))
        category = {each["id"]: str(each["name"]) for each in found["categories"]}
        image = {each["id"]: str(each["file_name"]) for each in found["images"]}
        pairs = [(image[each["image_id"]], category[each["category_id"]]) for each in found["annotations"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"labels={place!r}: is no COCO file: {type(error).__name__}: {error}") from None
    yield from pairs


def _match(given: Mapping[str, set[str]], names: pl.Series, place: str) -> tuple[dict[bytes, set[str]], list[str]]:
    """The labels by the images that a file names, and the names that fit no image or several."""
    images = {os.fsdecode(name): name for name in names.to_list()}
    folder = place.rpartition("/")[0] if "://" in place else os.path.abspath(place).rpartition("/")[0]  # noqa: PTH100 - a text
    found: dict[bytes, set[str]] = defaultdict(set)
    ends: dict[str, list[bytes]] = {}
    for name, labels in given.items():
        wanted = _plain(name)
        image = images.get(wanted) or images.get(f"{folder}/{wanted}")
        if image is None:
            ends[wanted] = []
        else:
            found[image] |= labels
    for text, image in images.items():
        for end in _ends_of(text):
            if end in ends:
                ends[end].append(image)
    for name, labels in given.items():
        fitting = ends.get(_plain(name), ())
        if len(fitting) == 1:
            found[fitting[0]] |= labels
    return dict(found), [name for name, fitting in ends.items() if len(fitting) != 1]


def _plain(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")


def _ends_of(name: str) -> Iterator[str]:
    """What follows each slash of a name, the longest first."""
    at = name.find("/")
    while at >= 0:
        yield name[at + 1 :]
        at = name.find("/", at + 1)


def _readable(label: str) -> str:
    """A text without surrogates, which a table cannot hold."""
    return label.encode("utf-8", "backslashreplace").decode()
