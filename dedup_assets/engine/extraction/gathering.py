"""Join the features of several runs, each in a sub-folder of one work_dir, to features of the work_dir.

There are two uses. Nodes with a work_dir each: a user puts these folders into one folder and starts run_mode 2 on it.
Nodes that share a work_dir: each run of run_mode 1 with offsets writes its range to a sub-folder named for the range,
and gathers all ranges that exist when it ends. So the last run to end gathers all of them.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl

from dedup_assets.engine.core.own_files import RANGE_FOLDER
from dedup_assets.engine.core.records import ImageLedger
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.results.bad_images import find_bad_images
from dedup_assets.engine.work_dir import WorkDir, files
from dedup_assets.engine.work_dir.file_names import FEATURES
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.identity import FeatureFacts, Result, file_records, read_config, record_results
from dedup_assets.engine.work_dir.stored import StoredFeatures, has_features, part_folders, read_stored, unite

_RANGE = re.compile(RANGE_FOLDER)
_SAME_IMAGE = ["index", "filename", "size_bytes", "version"]
_FEATURES = "features"


def gather_parts(work_dir: WorkDir) -> None:
    """Make one feature file from those of the sub-folders (run_mode 2 on the work of several machines).

    Nothing happens if the folder has features of its own, unless these were gathered here before. Gathered features are
    gathered again, to include parts that came later.

    Raises:
        WorkDirError: parts differ in model or dimension, or an image is in two of them.
    """
    if part_folders(work_dir) and (read_config(work_dir).features.gathered or not has_features(work_dir)):
        _gather(work_dir, lambda name: True, gathered=True)


def gather_ranges(work_dir: WorkDir, settings: Settings) -> list[str]:
    """Make one feature file from all ranges of this listing extracted so far with the same model and settings.

    Other sub-folders, and ranges of another input that an earlier run left here, are not part of it. If files
    came or went between two ranges, their positions mean different images, and joining them would lose some. Such
    ranges are left out too.

    Returns:
        What a user should know: which ranges of this input are left out, and why.

    Raises:
        WorkDirError: the files cannot be read or written.
    """
    wanted = _range_facts(work_dir.within(settings.range_folder))
    found = {name: _range_facts(work_dir.within(name)) for name in part_folders(work_dir) if _RANGE.fullmatch(name)}
    left_out = {name: facts for name, facts in found.items() if facts != wanted and facts.place == wanted.place}

    def belongs(name: str) -> bool:
        return bool(_RANGE.fullmatch(name)) and _range_facts(work_dir.within(name)) == wanted

    _gather(work_dir, belongs, gathered=False)
    return [
        f"range {name} is left out of features.dat: {_difference(facts, wanted)}; extract it again with run_mode=1"
        for name, facts in left_out.items()
    ]


def _gather(work_dir: WorkDir, belongs: Callable[[str], bool], *, gathered: bool) -> None:
    while True:
        with _alone(work_dir) as view:  # what several processes publish at once must not mix
            names = [name for name in part_folders(view) if belongs(name)]
            before = _state(view, names)
            if names:
                _publish(view, names, gathered=gathered)
        # A store has no locks: a range that came meanwhile may be missing from the features just written.
        if before == _state(work_dir, [name for name in part_folders(work_dir) if belongs(name)]):
            return


@contextmanager
def _alone(work_dir: WorkDir) -> Iterator[WorkDir]:
    """The work_dir in the generation of the run that gathers; or in a new one once no other run is at work."""
    if work_dir.generation:
        yield work_dir
        return
    with generation(work_dir, "gathering of ranges", wait=True) as view:
        yield view


def _publish(view: WorkDir, names: list[str], *, gathered: bool) -> None:
    ledger, stream = unite(_without_overlap([read_stored(view.within(name)) for name in names], names))
    files.write_features(view, stream)
    written = dict(view.written)
    files.write_bad_images(view, find_bad_images(ImageLedger(ledger)))
    first = read_config(view.within(names[0]))
    facts = FeatureFacts(model_sha256=stream.model_sha256, dimension=stream.dimension, gathered=gathered)
    made = first.result(_FEATURES)
    features = Result(files=file_records(written), settings=made.settings, versions=made.versions, features=facts)
    bad = {name: content for name, content in view.written.items() if name not in written}
    results = {_FEATURES: features, "bad_images": Result(files=file_records(bad))}
    config = read_config(view)
    record_results(view, results, config.settings or first.settings, config.versions or first.versions)


def _without_overlap(parts: list[StoredFeatures], names: list[str]) -> list[StoredFeatures]:
    """Take an image that is in two overlapping ranges of one listing from the first of them."""
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


@dataclass(frozen=True)
class _RangeFacts:
    """What ranges must have in common to be joined.

    Attributes:
        place: the input.
        listing: digest of the names of the full listing; the range's own folder if unknown, which equals no other.
        model: SHA-256 of the model.
        made_with: settings and versions of decoders that vectors depend on, as text.
    """

    place: object
    listing: str
    model: str
    made_with: str


def _range_facts(folder: WorkDir) -> _RangeFacts:
    config = read_config(folder)
    made = config.result(_FEATURES)
    listed = config.result("image_manifest").settings
    settings = {name: value for name, value in made.settings.items() if name != "model_path"}  # paths differ by node
    made_with = repr(sorted((settings | made.versions | {"video_fps": listed.get("video_fps")}).items()))
    place = _place_of(listed.get("input_dir", ""))
    return _RangeFacts(place, config.features.listing or folder.url, config.features.model_sha256, made_with)


def _place_of(input_dir: object) -> object:
    """The input by its absolute path, because nodes may start in different folders."""
    if isinstance(input_dir, str):
        return input_dir if "://" in input_dir else os.path.realpath(input_dir)
    return [_place_of(each) for each in input_dir] if isinstance(input_dir, list) else input_dir


def _difference(found: _RangeFacts, wanted: _RangeFacts) -> str:
    if found.listing != wanted.listing:
        return "files came or went in input_dir since it was extracted, so that its positions mean other images"
    return (
        "it was extracted with another model"
        if found.model != wanted.model
        else ("it was extracted with other settings or by other versions of the decoders")
    )


def _state(work_dir: WorkDir, names: list[str]) -> list[tuple[str, int]]:
    table = f"{FEATURES}.csv"
    return [(name, work_dir.size(f"{name}/{table}")) for name in names if work_dir.exists(f"{name}/{table}")]
