"""Features of several runs, each in a sub-folder of one work_dir, become the work_dir's own.

Two ways lead here. Nodes that each had a work_dir of their own: put these folders into one and start run_mode 2 on it.
Nodes that share a work_dir: run_mode 1 with offsets keeps its range in a sub-folder named for it, and gathers all
ranges that are there when it ends; whoever ends last has gathered them all.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import polars as pl

from dedup_assets.engine.core.records import ImageLedger
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.results.bad_images import find_bad_images
from dedup_assets.engine.work_dir import WorkDir, files
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.location import FEATURES
from dedup_assets.engine.work_dir.stored import StoredFeatures, has_features, part_folders, read_stored, unite

_RANGE = re.compile(r"\d{12}-(\d{12}|end)")
_SAME_IMAGE = ["index", "filename", "size_bytes", "version"]
_SAME_RUN = ("bounding_box", "max_pixels", "video_fps")  # settings that listing and vectors depend on


def gather_parts(work_dir: WorkDir) -> None:
    """Make one feature file of the sub-folders' (RUN.md, run_mode 2 on the work of several nodes).

    Nothing happens where the folder has features of its own, unless these were gathered here before: then they are
    gathered again, so that parts that came later are in.

    Raises:
        WorkDirError: parts differ in model or dimension, or an image stands in two of them.
    """
    gathered = files.read_config(work_dir).get("features", {}).get("gathered", False)
    if part_folders(work_dir) and (gathered or not has_features(work_dir)):
        _gather(work_dir, lambda name: True, {"gathered": True})


def gather_ranges(work_dir: WorkDir, settings: Settings) -> None:
    """Make one feature file of all ranges of this listing that were extracted so far, with this model and crop.

    Other sub-folders, and ranges of another input or model that an earlier run left here, are not part of it.

    Raises:
        WorkDirError: the files cannot be read or written.
    """
    own = work_dir.within(settings.range_folder)
    wanted = _identity(own)
    _gather(work_dir, lambda name: bool(_RANGE.fullmatch(name)) and _identity(work_dir.within(name)) == wanted, {})


def _gather(work_dir: WorkDir, belongs: Callable[[str], bool], mark: dict[str, bool]) -> None:
    while True:
        with _alone(work_dir) as view:  # what several processes publish at once must not mix
            names = [name for name in part_folders(view) if belongs(name)]
            before = _state(view, names)
            if names:
                _publish(view, names, mark)
        # A store has no locks: a range that came meanwhile may be missing in what stands there now.
        if before == _state(work_dir, [name for name in part_folders(work_dir) if belongs(name)]):
            return


@contextmanager
def _alone(work_dir: WorkDir) -> Iterator[WorkDir]:
    """The work_dir in the generation of the run that gathers, or in one of its own once no other run is at work."""
    if work_dir.generation:
        yield work_dir
        return
    with generation(work_dir, "gathering of ranges", wait=True) as view:
        yield view


def _publish(work_dir: WorkDir, names: list[str], mark: dict[str, bool]) -> None:
    ledger, stream = unite(_without_overlap([read_stored(work_dir.within(name)) for name in names], names))
    files.write_features(work_dir, stream)
    files.write_bad_images(work_dir, find_bad_images(ImageLedger(ledger)))
    config = files.read_config(work_dir)
    settings = files.read_config(work_dir.within(names[0]))
    config = {key: settings[key] for key in ("settings", "versions") if key in settings} | config
    config["features"] = {"model_sha256": stream.model_sha256, "dimension": stream.dimension, **mark}
    files.write_config(work_dir, config)


def _without_overlap(parts: list[StoredFeatures], names: list[str]) -> list[StoredFeatures]:
    """Ranges of one listing may overlap: an image that stands in two of them is kept in the first."""
    seen: pl.DataFrame | None = None
    kept = []
    for part, name in zip(parts, names, strict=True):
        if not _RANGE.fullmatch(name):
            kept.append(part)
            continue
        fresh = part
        if seen is not None:
            again = part.ledger.select(_SAME_IMAGE).join(seen, on=_SAME_IMAGE, how="semi")["filename"]
            fresh = part.without(again) if len(again) else part
        kept.append(fresh)
        images = part.ledger.select(_SAME_IMAGE)
        seen = images if seen is None else pl.concat([seen, images])
    return [part for part in kept if part.ledger.height]


def _identity(work_dir: WorkDir) -> tuple[object, ...]:
    """What ranges of one run have in common: input, model, and the settings that vectors depend on."""
    config = files.read_config(work_dir)
    settings = config.get("settings", {})
    given = settings.get("input_dir", "")
    inputs = map(str, given if isinstance(given, list) else [given])
    places = tuple(each if "://" in each else os.path.realpath(each) for each in inputs)  # nodes start in any folder
    return places, config.get("features", {}).get("model_sha256"), *(settings.get(name) for name in _SAME_RUN)


def _state(work_dir: WorkDir, names: list[str]) -> list[tuple[str, int]]:
    table = f"{FEATURES}.csv"
    return [(name, work_dir.size(f"{name}/{table}")) for name in names if work_dir.exists(f"{name}/{table}")]
