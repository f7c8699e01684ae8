"""What an asset is read as: the annotation of the parameter decides, in our assets and in those of other locations.

Our assets take records: `features` as `Features` is the memory-mapped matrix, and as `ImageLedger` the error or size of
each image. Others take tables, or the path of the main file, and need no class of this package.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.plan_records import Plan
from dedup_assets.engine.core.records import (
    BadImages,
    Components,
    FeatureFiles,
    Features,
    ImageLedger,
    Manifest,
    Neighbors,
    Pairs,
    SearchIndex,
    StoredManifest,
)
from dedup_assets.engine.core.search_settings import Distance
from dedup_assets.engine.core.set_records import Leaks
from dedup_assets.engine.core.set_tables import NO_LEAKS
from dedup_assets.engine.work_dir import (
    WorkDir,
    files,
    index_file,
    leak_files,
    ledger_file,
    manifest_file,
    match_files,
    plan_file,
)
from dedup_assets.engine.work_dir.identity import read_config
from dedup_assets.engine.work_dir.result_files import FILES_OF

_Readers = Mapping[type, Callable[[WorkDir], Any]]
_TABLES = (pl.DataFrame, pl.LazyFrame)
_ANY = (Any, object)


def _table_of_features(work_dir: WorkDir) -> pl.DataFrame:
    features = files.read_features(work_dir)
    return pl.DataFrame({"filename": features.names, "vector": features.vectors})


def _table_of_components(work_dir: WorkDir) -> pl.DataFrame:
    names = files.read_features(work_dir).names.alias("filename")
    return files.read_components(work_dir).images.insert_column(1, names)


def _leaks(work_dir: WorkDir) -> Leaks:
    made = read_config(work_dir).results.get("leaks")
    return leak_files.read_leaks(work_dir) if made is None or made.files else NO_LEAKS


_RECORDS: Mapping[str, _Readers] = {
    "image_manifest": {Manifest: manifest_file.read_manifest, StoredManifest: manifest_file.open_manifest},
    "features": {
        Features: files.read_features,
        FeatureFiles: files.read_feature_files,
        ImageLedger: ledger_file.read_ledger,
        np.ndarray: lambda work_dir: files.read_features(work_dir).vectors,
    },
    "bad_images": {BadImages: files.read_bad_images},
    "similarity": {
        Pairs: lambda work_dir: files.read_pairs(work_dir, files.SIMILARITY),
        Neighbors: files.read_neighbors,
    },
    "outliers": {Pairs: lambda work_dir: files.read_pairs(work_dir, files.OUTLIERS)},
    "components": {Components: files.read_components},
    "evidence": {Evidence: match_files.read_evidence},
    "groups": {Groups: match_files.read_groups},
    "plan": {Plan: plan_file.read_plan_file},
    "leaks": {Leaks: _leaks},
}

_AS_TABLE: Mapping[str, Callable[[WorkDir], pl.DataFrame]] = {
    "image_manifest": lambda work_dir: manifest_file.read_manifest(work_dir).images,
    "features": _table_of_features,
    "bad_images": lambda work_dir: files.read_bad_images(work_dir).rows,
    "similarity": lambda work_dir: files.read_pairs(work_dir, files.SIMILARITY).rows,
    "outliers": lambda work_dir: files.read_pairs(work_dir, files.OUTLIERS).rows,
    "components": _table_of_components,
    "evidence": lambda work_dir: match_files.read_evidence(work_dir).rows,
    "groups": lambda work_dir: match_files.read_groups(work_dir).rows,
    "plan": lambda work_dir: plan_file.read_plan_file(work_dir).rows,
    "leaks": lambda work_dir: _leaks(work_dir).rows,
}


def load(work_dir: WorkDir, name: str, wanted: object, distance: Distance) -> object:
    """Read an asset.

    Args:
        work_dir: where its files are.
        name: last part of the asset's key.
        wanted: the annotation of the parameter; Any if there is none.
        distance: metric of the settings, for the index.

    Raises:
        TypeError: the asset cannot be read as this type.
        WorkDirError: a file is missing or damaged.
    """
    records = _RECORDS.get(name, {})
    if isinstance(wanted, type) and wanted in records:
        return records[wanted](work_dir)
    if name == "faiss_index" and wanted in {SearchIndex, *_ANY}:
        return index_file.read_index(work_dir, distance)
    if name in _AS_TABLE and (wanted in {*_ANY, *_TABLES} or _is_pandas(wanted)):
        return _convert(with_text(_AS_TABLE[name](work_dir)), wanted)
    if name in FILES_OF and wanted in {str, Path, *_ANY}:
        path = work_dir.path(FILES_OF[name][0])
        if "://" not in path:
            return (Path if wanted is Path else str)(Path(path).absolute())
        if wanted is not Path:
            return path
    raise TypeError(_refusal(name, wanted))


def with_text(table: pl.DataFrame) -> pl.DataFrame:
    """A table whose names are text; if one of them is not UTF-8, all stay bytes, so that columns can be joined."""
    try:
        return table.cast({pl.Binary: pl.String})
    except pl.exceptions.PolarsError:
        return table


def _is_pandas(wanted: object) -> bool:
    name = getattr(wanted, "__name__", "")
    return name == "DataFrame" and getattr(wanted, "__module__", "").partition(".")[0] == "pandas"


def _convert(table: pl.DataFrame, wanted: Any) -> object:  # noqa: ANN401 - a class of pandas, which we do not import
    if wanted is pl.LazyFrame:
        return table.lazy()
    return wanted(table.to_dict(as_series=False)) if _is_pandas(wanted) else table


def _refusal(name: str, wanted: object) -> str:
    given = getattr(wanted, "__qualname__", wanted)
    if name not in FILES_OF:
        return f"{name} has no value to read; name it in `deps` of the asset, and not as a parameter"
    kinds = ["polars.DataFrame", "polars.LazyFrame", "pandas.DataFrame"] if name in _AS_TABLE else []
    own = [SearchIndex] if name == "faiss_index" else _RECORDS.get(name, {})
    kinds += ["str or pathlib.Path (its main file; a store has no Path)", *(kind.__qualname__ for kind in own)]
    return f"{name} cannot be read as {given}; annotate the parameter as one of: {', '.join(kinds)}"
