"""One writer per format. Each is written by hand, so that none of the libraries that load it is needed here."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl

from dedup_assets.engine.core.errors import ExportError
from dedup_assets.engine.core.records import Source
from dedup_assets.engine.exporting.choosing import TABLE_SCHEMA, Choice, Chosen, choose
from dedup_assets.engine.exporting.columns import Columns, read_columns
from dedup_assets.engine.exporting.holding import (
    bytes_of,
    companions,
    ending_of,
    is_frame,
    is_plain,
    relative_paths,
    whole_folder,
)
from dedup_assets.engine.exporting.hugging_face import write_hugging_face
from dedup_assets.engine.exporting.shards import write_shards
from dedup_assets.engine.stores import local_path
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.csv_rows import field, write_rows
from dedup_assets.engine.work_dir.identity import identity_of, read_config


class ExportFormat(StrEnum):
    """What an export is for."""

    FOLDER = "folder"
    """Copies of the images, with their folders and times."""
    SYMLINKS = "symlinks"
    """Links to the images, with their folders."""
    LIST = "list"
    """A text file with one name per row."""
    CSV = "csv"
    PARQUET = "parquet"
    WEBDATASET = "webdataset"
    """Tar files, with the members of a sample together."""
    HF = "hf"
    """An image folder of Hugging Face `datasets`, with metadata."""
    FIFTYONE = "fiftyone"
    """A FiftyOneDataset, with tags."""
    COCO = "coco"
    """The images of a COCO file, without annotations."""


@dataclass(frozen=True)
class Exported:
    """What was exported.

    Attributes:
        tags: number of images by tag.
        left_out: needless copies that were left out.
        skipped: images that the format cannot hold, and further names of files, by reason.
        columns: of the tables that hold images, which the export has, too.
        lost_columns: those that it cannot hold.
    """

    tags: Mapping[str, int]
    left_out: int
    skipped: Mapping[str, int]
    columns: Sequence[str] = ()
    lost_columns: Sequence[str] = ()


_LINK = "further names of files that are exported once (links.csv)"
_Row = tuple[Source, dict[str, Any]]
_Writer = Callable[[Path, Path, Sequence[_Row]], None]


def export_images(work_dir: WorkDir, target: ExportFormat, out: str, choice: Choice) -> Exported:
    """Export the images of a run into a new folder, whole or not at all.

    Raises:
        WorkDirError: a file of the run is missing or damaged.
        ExportError: the folder is there, lies in an input, or cannot be written; an image has changed or cannot be
            read.
    """
    _refuse_inner(work_dir, out)
    chosen = choose(work_dir, choice)
    with whole_folder(out) as folder:
        rows, skipped, columns = _rows(chosen, target)
        if not rows:
            reasons = "; ".join(f"{count:,} are {reason}" for reason, count in skipped.items())
            raise ExportError(f"no image can be exported to {target}: {reasons}")
        if chosen.links:
            skipped[_LINK] = chosen.links
        if target is ExportFormat.HF:
            write_hugging_face(folder, rows, columns.labels)
        else:
            _WRITERS[target](folder, Path(os.path.abspath(out)), rows)  # noqa: PTH100 - links stay as given
        tags = Counter(said["tag"] for _, said in rows)
        about = {
            "format": f"dedup-assets export to {target}",
            "generation": identity_of(read_config(work_dir), "groups"),
            "only": list(choice.only),
            "keep_only": choice.keep_only,
            "images": dict(sorted(tags.items())),
            "left_out": chosen.left_out,
            "skipped": dict(skipped),
            "columns": columns.names,
            "lost_columns": list(columns.left_out),
        }
        (folder / "export.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    return Exported(tags, chosen.left_out, skipped, columns.names, columns.left_out)


def _refuse_inner(work_dir: WorkDir, out: str) -> None:
    """Refuse to write images where the next run would list them again."""
    given = read_config(work_dir).result("image_manifest").settings.get("input_dir", "")
    here = os.path.realpath(out) + "/"
    for each in given if isinstance(given, list) else [given]:
        path = local_path(os.fsencode(each)) if each else None
        if path is not None and here.startswith(os.path.realpath(os.fsdecode(path)).rstrip("/") + "/"):
            raise ExportError(f"out={out!r} lies in the input {each!r}, which the next run would list with it")


def _rows(chosen: Chosen, target: ExportFormat) -> tuple[list[_Row], Counter[str], Columns]:
    """Each image with what is said of it, why others are left out, and what tables say of their images."""
    rows: list[_Row] = []
    skipped = Counter[str]()
    for source, said in zip(chosen.sources, chosen.table.iter_rows(named=True), strict=True):
        if reason := _why_not(source, target):
            skipped[reason] += 1
        else:
            rows.append((source, said | {name: _text(said[name]) for name in ("filename", "keep")}))
    has_columns = target not in (ExportFormat.FOLDER, ExportFormat.SYMLINKS, ExportFormat.LIST)
    columns = read_columns([source for source, _ in rows]) if has_columns else Columns(())
    beside = columns.rows or [{}] * len(rows)
    return [(source, said | more) for (source, said), more in zip(rows, beside, strict=True)], skipped, columns


def _why_not(source: Source, target: ExportFormat) -> str:
    if target in (ExportFormat.CSV, ExportFormat.PARQUET):
        return ""
    if target is ExportFormat.LIST:
        return "of a name with a line break" if b"\n" in source.name or b"\r" in source.name else ""
    if is_frame(source):
        return "frames of videos, which are no files to copy (list, csv and parquet name them)"
    return "no files of their own" if target is ExportFormat.SYMLINKS and not is_plain(source) else ""


def _text(name: bytes | None) -> str:
    return (name or b"").decode("utf-8", "backslashreplace")


def _write_folder(folder: Path, out: Path, rows: Sequence[_Row]) -> None:
    """The images, with the sidecars and other halves of shots that lie beside them."""
    del out
    names = [source.name for source, _ in rows]
    beside = companions([source for source, _ in rows])
    paths = [folder / path for path in relative_paths([*names, *beside])]
    for place, (source, said) in zip(paths, rows, strict=False):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(bytes_of(source, said["content"]))
        if is_plain(source):
            _keep_times(source.name, place)
    for place, name in zip(paths[len(names) :], beside, strict=True):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(name, os.fsencode(place))
        _keep_times(name, place)


def _keep_times(name: bytes, place: Path) -> None:
    facts = os.stat(name)  # noqa: PTH116 - bytes
    os.utime(place, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _write_links(folder: Path, out: Path, rows: Sequence[_Row]) -> None:
    del out
    for path, (source, _) in zip(relative_paths([source.name for source, _ in rows]), rows, strict=True):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(os.path.abspath(source.name), os.fsencode(place))  # noqa: PTH100, PTH211 - bytes


def _write_list(folder: Path, out: Path, rows: Sequence[_Row]) -> None:
    del out
    (folder / "images.txt").write_bytes(b"".join(source.name + b"\n" for source, _ in rows))


def _write_csv(folder: Path, out: Path, rows: Sequence[_Row]) -> None:
    del out
    header = list(rows[0][1])
    with (folder / "images.csv").open("wb") as file:
        write_rows(file, ",".join(header), (_csv_row(source.name, said) for source, said in rows))


def _csv_row(name: bytes, said: Mapping[str, Any]) -> bytes:
    values = (name if column == "filename" else value for column, value in said.items())
    return b",".join(field(value if isinstance(value, bytes) else _plain(value).encode()) for value in values)


def _plain(value: Any) -> str:  # noqa: ANN401 - a value of any column
    if isinstance(value, list | dict):
        return json.dumps(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _write_parquet(folder: Path, out: Path, rows: Sequence[_Row]) -> None:
    del out
    pl.DataFrame([said for _, said in rows], infer_schema_length=None).write_parquet(folder / "images.parquet")


def _write_shards(folder: Path, out: Path, rows: Sequence[_Row]) -> None:
    del out
    write_shards(folder, rows)


def _write_fiftyone(folder: Path, out: Path, rows: Sequence[_Row]) -> None:
    samples = []
    for path, said in _placed(folder, out, rows):
        tags = [said["tag"], *(["leak"] if said["leak"] else [])]
        known = _without(said, "tag", "leak", "width", "height")
        facts = {f"{'dedup' if name in TABLE_SCHEMA else 'data'}_{name}": value for name, value in known.items()}
        samples.append(
            {
                "filepath": path,
                "tags": tags,
                **{name: value for name, value in facts.items() if value not in (None, "")},
            }
        )
    (folder / "metadata.json").write_text(json.dumps({"media_type": "image", "info": {}}), "utf-8")
    (folder / "samples.json").write_text(json.dumps({"samples": samples}), "utf-8")


def _write_coco(folder: Path, out: Path, rows: Sequence[_Row]) -> None:
    images = [
        {"id": number, "file_name": path, **{name: value for name, value in said.items() if value is not None}}
        for number, (path, said) in enumerate(_placed(folder, out, rows), 1)
    ]
    info = {"description": "images of one collection; tag says which are copies"}
    found = {"info": info, "licenses": [], "images": images, "annotations": [], "categories": []}
    (folder / "annotations.json").write_text(json.dumps(found), "utf-8")


def _placed(folder: Path, out: Path, rows: Sequence[_Row]) -> list[tuple[str, dict[str, Any]]]:
    """The path of each image: where it is, if it is a local file with a name in UTF-8; else of a copy in `data`."""
    placed = []
    for number, (source, said) in enumerate(rows):
        name = source.name
        if is_plain(source) and name == said["filename"].encode():
            placed.append((os.path.abspath(said["filename"]), said))  # noqa: PTH100 - text
            continue
        (folder / "data").mkdir(exist_ok=True)
        data = bytes_of(source, said["content"])
        leaf = f"{number:09d}{ending_of(name, data)}"
        (folder / "data" / leaf).write_bytes(data)
        placed.append((str(out / "data" / leaf), said))
    return placed


def _without(said: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in names}


_WRITERS: dict[ExportFormat, _Writer] = {
    ExportFormat.FOLDER: _write_folder,
    ExportFormat.SYMLINKS: _write_links,
    ExportFormat.LIST: _write_list,
    ExportFormat.CSV: _write_csv,
    ExportFormat.PARQUET: _write_parquet,
    ExportFormat.WEBDATASET: _write_shards,
    ExportFormat.FIFTYONE: _write_fiftyone,
    ExportFormat.COCO: _write_coco,
}
