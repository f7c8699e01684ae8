"""Scored sets (test sets for users): images to embed, or stored features, that are searched for in a train set.

docs/reference.md, run modes 3 and 4. Either kind is listed first, then gives its features. Its files are in the
sub-folder `test` of the train set's work_dir.
"""

from collections.abc import Sequence
from typing import Protocol

from dedup_assets.engine.core.errors import SettingsError, WorkDirError
from dedup_assets.engine.core.image_facts import FACT_COLUMNS
from dedup_assets.engine.core.own_files import TEST
from dedup_assets.engine.core.records import Features, FeatureStream, Manifest
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.setting_values import short_inputs
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.extraction.extract import Progress
from dedup_assets.engine.extraction.offset_ranges import RangeExtractor, RangeOutcome
from dedup_assets.engine.inputs.listing import ListingOptions, list_images
from dedup_assets.engine.inputs.manifest import digest
from dedup_assets.engine.work_dir import WorkDir, files
from dedup_assets.engine.work_dir.stored import check_same_model, model_of, read_parts, unite


class ScoredSet(Protocol):
    """Images that are searched for in a train set.

    Attributes:
        label: its name in messages.
        model: SHA-256 of the model that makes or made its vectors; empty if unknown.
        dimension: values in one vector.
    """

    label: str
    model: str
    dimension: int

    def list(self) -> Manifest:
        """Its images, including those that cannot be used."""

    def embed(self, manifest: Manifest, progress: Progress) -> tuple[Sequence[RangeOutcome], FeatureStream]:
        """What had to be computed for its vectors, and the vectors."""


def open_scored_set(settings: Settings) -> ScoredSet:
    """The scored set of the settings: stored features for run_mode 4, images otherwise.

    Raises:
        WorkDirError: there are no stored features in input_dir.
        ModelError: the model cannot be used.
    """
    return _StoredSet(settings) if settings.mode is RunMode.SCORE_FEATURES else _ImageSet(settings)


def check_comparable(scored: ScoredSet, train: Features, train_dir: WorkDir) -> None:
    """See that both sets have vectors of one model, before any image is read.

    Raises:
        WorkDirError: dimension or model differ.
    """
    expected = int(train.vectors.shape[1])
    if scored.dimension != expected:
        raise WorkDirError(
            f"the train set in work_dir={train_dir.url!r} has vectors of {expected} values, but {scored.label} gives "
            f"{scored.dimension}; use the train set's model, or extract the train set again with this one"
        )
    check_same_model(
        model_of(train_dir),
        f"the train set in work_dir={train_dir.url!r}",
        scored.model,
        scored.label,
        "use the train set's model, or extract the train set again with this one",
    )


def check_is_another_set(scored: Manifest, train: Features, train_dir: WorkDir, settings: Settings) -> None:
    """See that the scored set is not the train set, where each image would find itself and nothing else.

    Raises:
        SettingsError: it has all images of the train set, and no other one.
        WorkDirError: the list of the train set's bad images is damaged.
    """
    names = scored.images["filename"]
    if not len(train) or not train.names.is_in(names.implode()).all():
        return
    others = names.filter(~names.is_in(train.names.implode()))
    bad = files.read_bad_images(train_dir).rows["filename"] if len(others) else others
    if others.is_in(bad.implode()).all():
        raise SettingsError(
            f"input_dir={short_inputs(settings.input_dir)}: these {len(scored):,} images are the train set in "
            f"work_dir={train_dir.url!r}, where each would find itself; name the images of a test set, or take "
            f"run_mode={RunMode.SIMILARITY.value} for pairs within the train set"
        )


def say_shared(scored: Manifest, train: Features) -> str:
    """That images of a scored set are files of the train set, in words; empty if none is."""
    shared = int(scored.images["filename"].is_in(train.names.implode()).sum())
    if not shared:
        return ""
    return f"{shared:,} of {len(scored):,} images of the test set are files of the train set; each finds itself"


class _ImageSet:
    """Images of input_dir, embedded with the model of the settings; computed ranges are stored as in a train run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._extractor = RangeExtractor(settings, WorkDir(settings.work_dir).within(TEST))
        self.model = self._extractor.model_sha256
        self.dimension = self._extractor.dimension
        self.label = f"model_path={settings.model_path!r}" if settings.model_path else "the built-in model"

    def list(self) -> Manifest:
        return list_images(self._settings.input_dir, ListingOptions.of(self._settings))

    def embed(self, manifest: Manifest, progress: Progress) -> tuple[Sequence[RangeOutcome], FeatureStream]:
        ranges = self._extractor.cut(manifest)
        with self._extractor.decoders():
            outcomes = [self._extractor.complete(manifest, offsets, progress) for offsets in ranges]
        self._extractor.prune(manifest)
        return outcomes, self._extractor.stream(manifest)


class _StoredSet:
    """Features that run_mode 1 or fastdup stored in input_dir; copied, so that `test` holds all that it needs."""

    def __init__(self, settings: Settings) -> None:
        if not isinstance(settings.input_dir, str) or not settings.input_dir:
            raise SettingsError("input_dir='': run_mode=4 needs the folder or the file of the test set's features")
        self._ledger, self._stream = unite(read_parts(WorkDir(settings.input_dir)))
        self.model, self.dimension = self._stream.model_sha256, self._stream.dimension
        self.label = f"input_dir={settings.input_dir!r}"

    def list(self) -> Manifest:
        images = self._ledger.drop("error_code", "error", "low_information", "content", *FACT_COLUMNS)
        return Manifest(images, len(images), digest(images))

    def embed(self, manifest: Manifest, progress: Progress) -> tuple[Sequence[RangeOutcome], FeatureStream]:
        progress(len(manifest), 0)
        return [RangeOutcome(len(manifest), 0)], self._stream
