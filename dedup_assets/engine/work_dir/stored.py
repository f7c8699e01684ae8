"""Features that earlier runs of this package or of fastdup stored, and how several feature files are united."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.image_facts import FACT_COLUMNS, LEDGER_COLUMNS
from dedup_assets.engine.core.own_files import GALLERY, SHARDS, TEST
from dedup_assets.engine.core.records import Features, FeatureStream, Shard
from dedup_assets.engine.work_dir import fastdup_files, files, ledger_file
from dedup_assets.engine.work_dir.file_names import FEATURES, LEDGER
from dedup_assets.engine.work_dir.identity import read_config
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import LEDGER_SCHEMA

FASTDUP_MODEL = "fastdup"
"""Used in place of a model hash for fastdup's features: its vectors have 576 values like ours, but another meaning."""

_BLOCK_ROWS = 65_536
_NOT_PARTS = {SHARDS, GALLERY, TEST}


@dataclass(frozen=True)
class StoredFeatures:
    """One feature file, with the ledger and the model that belong to it.

    Attributes:
        url: URL of the folder, for messages.
        features: names and vectors of the good images.
        ledger: a row for each listed image, good or bad, in order; the columns of `ImageLedger`.
        model: SHA-256 of the model that made the vectors, `FASTDUP_MODEL`, or empty if it is not recorded.
    """

    url: str
    features: Features
    ledger: pl.DataFrame
    model: str

    @property
    def dimension(self) -> int:
        """Values in one vector."""
        return int(self.features.vectors.shape[1])

    def shards(self, ledger: pl.DataFrame) -> Iterator[Shard]:
        """The rows in blocks, with `ledger` (of the same images) instead of the stored one."""
        first = 0
        for start in range(0, ledger.height, _BLOCK_ROWS):
            images = ledger.slice(start, _BLOCK_ROWS)
            good = images["error_code"].null_count()
            yield Shard(images, np.asarray(self.features.vectors[first : first + good]))
            first += good

    def without(self, names: pl.Series) -> "StoredFeatures":
        """The same without some images, good or bad."""
        kept = ~self.features.names.is_in(names.implode())
        features = Features(self.features.names.filter(kept), self.features.vectors[kept.to_numpy()])
        ledger = self.ledger.filter(~pl.col("filename").is_in(names.implode()))
        return StoredFeatures(self.url, features, ledger, self.model)


def read_parts(work_dir: WorkDir) -> list[StoredFeatures]:
    """The features of a folder; if it has none of its own, those of its sub-folders, sorted by name.

    Raises:
        WorkDirError: there are none, or they are damaged.
    """
    if has_features(work_dir):
        return [read_stored(work_dir)]
    parts = part_folders(work_dir)
    return [read_stored(work_dir.within(name)) for name in parts] or [
        read_stored(work_dir)
    ]  # raises an error that names what is missing


def part_folders(work_dir: WorkDir) -> list[str]:
    """Sub-folders that hold features: the work_dirs of several nodes. A test set is not one of them."""
    names = [name for name in work_dir.folders() if name not in _NOT_PARTS]
    return [name for name in names if has_features(work_dir.within(name))]


def has_features(work_dir: WorkDir) -> bool:
    """Whether the folder itself holds features."""
    return bool(work_dir.features_name) or work_dir.find(FEATURES, fastdup_files.FEATURES) is not None


def read_stored(work_dir: WorkDir) -> StoredFeatures:
    """Read the feature file of a folder. Raises WorkDirError as `files.read_features` does."""
    features = files.read_features(work_dir)
    return StoredFeatures(work_dir.url, features, _ledger(work_dir, features), model_of(work_dir))


def model_of(work_dir: WorkDir) -> str:
    """Which model made the features of a folder; see `StoredFeatures.model`."""
    name = work_dir.features_name or work_dir.find(FEATURES, fastdup_files.FEATURES)
    if name == fastdup_files.FEATURES:
        return FASTDUP_MODEL
    return read_config(work_dir).features.model_sha256


def check_same_model(stored: str, stored_where: str, given: str, given_where: str, remedy: str) -> None:
    """Refuse vectors of two models: their similarities would mean nothing.

    Raises:
        WorkDirError: both models are known, and they differ.
    """
    if stored and given and stored != given:
        raise WorkDirError(
            f"{stored_where} holds vectors of model {stored[:12]}, but {given_where} gives vectors of model "
            f"{given[:12]}; {remedy}"
        )


def unite(parts: Sequence[StoredFeatures]) -> tuple[pl.DataFrame, FeatureStream]:
    """Several feature files as one, in the order given.

    Returns:
        The common ledger, and a stream of the vectors. Positions are those of the parts if they ascend from part to
        part (offset ranges of one listing); otherwise they are counted from 0.

    Raises:
        WorkDirError: parts differ in dimension or model, or a name is in two of them.
    """
    first = parts[0]
    for part in parts[1:]:
        if part.dimension != first.dimension:
            raise WorkDirError(
                f"{first.url!r} has vectors of {first.dimension} values, {part.url!r} of {part.dimension}; "
                "extract all parts with the same model"
            )
        check_same_model(first.model, repr(first.url), part.model, repr(part.url), "extract all parts with one model")
    _check_names(parts)
    ledger = pl.concat([part.ledger for part in parts])
    if ledger.height > 1 and ledger["index"].diff().drop_nulls().min() <= 0:  # type: ignore[operator]  # integers
        ledger = ledger.with_columns(index=pl.int_range(pl.len(), dtype=pl.Int64))
    return ledger, FeatureStream(
        _shards(parts, ledger), next(filter(None, (part.model for part in parts)), ""), first.dimension, is_part=True
    )


def _shards(parts: Sequence[StoredFeatures], ledger: pl.DataFrame) -> Iterator[Shard]:
    start = 0
    for part in parts:
        yield from part.shards(ledger.slice(start, part.ledger.height))
        start += part.ledger.height


def _check_names(parts: Sequence[StoredFeatures]) -> None:
    names = pl.concat(
        [part.ledger.select("filename", part=pl.lit(place, pl.Int64)) for place, part in enumerate(parts)]
    )
    twice = names.filter(pl.col("filename").is_duplicated())
    if twice.is_empty():
        return
    name = twice["filename"][0]
    holders = twice.filter(pl.col("filename") == name)["part"].unique(maintain_order=True)
    folders = " and in ".join(repr(parts[place].url) for place in holders)
    raise WorkDirError(
        f"{name.decode('utf-8', 'backslashreplace')!r} is in two parts, {folders} ({twice['filename'].n_unique()} "
        "names are); each image may be in one part only: extract ranges that do not overlap"
    )


def _ledger(work_dir: WorkDir, features: Features) -> pl.DataFrame:
    """The ledger of the extraction; one made from the names if it is missing or belongs to another run."""
    if work_dir.exists(LEDGER):
        kept = ledger_file.read_ledger(work_dir).rows.select(*LEDGER_COLUMNS)
        if kept.filter(pl.col("error_code").is_null())["filename"].equals(features.names):
            return kept
    good = pl.DataFrame({"filename": features.names}, schema={"filename": pl.Binary}).with_columns(
        size_bytes=pl.lit(-1, pl.Int64),
        version=pl.lit(""),
        error_code=pl.lit(None, pl.String),
        error=pl.lit(None, pl.String),
        **_unknown(),
    )
    bad = files.read_bad_images(work_dir).rows.select(
        "filename",
        pl.col("filesize").alias("size_bytes"),
        pl.lit("").alias("version"),
        "error_code",
        "error",
        **_unknown(),
    )
    both = pl.concat([good, bad.filter(~pl.col("filename").is_in(features.names.implode()))])
    return both.with_row_index("index").cast({"index": pl.Int64}).select(*LEDGER_COLUMNS)


def _unknown() -> dict[str, pl.Expr]:
    """Columns of a ledger that only an extraction of ours fills."""
    return {name: pl.lit(None, LEDGER_SCHEMA[name]) for name in ("low_information", "content", *FACT_COLUMNS)}
