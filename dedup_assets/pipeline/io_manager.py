"""The IO manager: which documented files each asset has.

The type of a value decides how it is written, and the annotation of a parameter how it is read (`loading`). File
formats are in `engine.work_dir`.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import PrivateAttr

from dedup_assets.engine.core.freed_memory import return_freed_memory
from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.plan_records import Plan
from dedup_assets.engine.core.records import (
    BadImages,
    Components,
    Features,
    FeatureStream,
    Gallery,
    ImageLedger,
    Manifest,
    Pairs,
    SearchIndex,
    Similarity,
)
from dedup_assets.engine.core.redaction import redacted
from dedup_assets.engine.core.set_records import Leaks
from dedup_assets.engine.work_dir import (
    WorkDir,
    files,
    gallery_files,
    group_history_files,
    index_file,
    leak_files,
    manifest_file,
    match_files,
    plan_file,
)
from dedup_assets.engine.work_dir.file_names import BAD_CSV, FEATURES
from dedup_assets.engine.work_dir.identity import (
    Config,
    FeatureFacts,
    FileRecord,
    GalleryFacts,
    Result,
    check_belongs,
    differing_settings,
    file_records,
    identity_of,
    installed_versions,
    library_versions,
    read_config,
    record_results,
    settings_read,
    settings_shown,
)
from dedup_assets.pipeline.dagster_internals import forget_values
from dedup_assets.pipeline.loading import load
from dedup_assets.pipeline.publishing import PublishingIOManager
from dedup_assets.pipeline.table_schemas import schema_of

_WRITERS: dict[type, Callable[[WorkDir, Any], Any]] = {
    Manifest: manifest_file.write_manifest,
    FeatureStream: files.write_features,
    BadImages: files.write_bad_images,
    SearchIndex: index_file.write_index,
    Similarity: files.write_similarity,
    Pairs: files.write_outliers,
    Components: files.write_components,
    Evidence: match_files.write_evidence,
    Groups: match_files.write_groups,
    Plan: plan_file.write_plan_file,
    Leaks: leak_files.write_leaks,
    Gallery: gallery_files.write_gallery,
}
_NAMES: dict[type, tuple[str, ...]] = {
    Manifest: (manifest_file.MANIFEST, manifest_file.LINKS),
    FeatureStream: (FEATURES, f"{FEATURES}.csv"),
    BadImages: (BAD_CSV, files.BAD_NAMES),
    SearchIndex: (index_file.INDEX,),
    Similarity: (files.SIMILARITY, files.NEIGHBORS),
    Pairs: (files.OUTLIERS,),
    Components: (files.COMPONENTS, files.COMPONENTS_INFO),
    Evidence: (match_files.EVIDENCE, match_files.EVIDENCE_CSV),
    Groups: (
        match_files.GROUPS_CSV,
        match_files.RELATED_CSV,
        match_files.GROUPS,
        match_files.RELATED,
        group_history_files.CHANGES_CSV,
        group_history_files.ALIASES_CSV,
    ),
    Leaks: (leak_files.LEAKS_CSV, leak_files.MATRIX_CSV, leak_files.FIX_CSV, leak_files.LEAKS),
}
"""The files of a value, the main one first; `metadata.of_gallery` names the gallery's."""

_KEPT_BYTES = 1 << 24  # of the files of a value that is kept, without vectors, which are mapped
_KEPT: set[object] = {Manifest, ImageLedger, Pairs, Components, Evidence, Groups}
if sys.platform != "win32":  # where a mapped file cannot be renamed
    _KEPT.add(Features)


class WorkDirIOManager(PublishingIOManager):
    """Stores every asset in the work_dir of the settings, under the documented file names.

    It keeps small values that it has read, by the hashes of their files: ten steps of a run read the features.
    """

    _kept: dict[tuple[dg.AssetKey, object], tuple[Mapping[str, FileRecord], object]] = PrivateAttr(default_factory=dict)

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Write a value; its files appear when those of the whole run do.

        Raises:
            TypeError: no file is documented for this type.
            WorkDirError: the value cannot be written.
        """
        work_dir = self.folder(context.asset_key)
        if type(obj) not in _WRITERS:
            raise TypeError(f"{context.asset_key.to_user_string()}: no file is documented for a {type(obj).__name__}")
        _WRITERS[type(obj)](work_dir, obj)
        self._link(context, work_dir, obj)
        context.add_output_metadata({**schema_of(obj), **_row_count(work_dir, obj)})
        with self.storing(context, work_dir):
            self._record(context, work_dir, obj)
        forget_values(context)
        return_freed_memory()

    def _link(self, context: dg.OutputContext, work_dir: WorkDir, obj: object) -> None:
        """Show in the UI where the files will be."""
        names = () if _has_no_files(obj) else _NAMES.get(type(obj), ())
        paths = {name: redacted(work_dir.path(name)) for name in names}
        if paths:
            first = next(iter(paths.values()))
            uri = first if "://" in first else Path(first).absolute().as_uri()
            linked = {name: dg.MetadataValue.path(path) for name, path in paths.items()}
            context.add_output_metadata({"dagster/uri": uri, **linked})

    def load_input(self, context: dg.InputContext) -> object:
        """Read a value as the annotated type.

        Raises:
            TypeError: it cannot be read as that type.
            WorkDirError: it is missing or damaged, or was made from other results than those now in the work_dir.
        """
        return self.read(context.asset_key, context.dagster_type.typing_type, context.log)

    def read(self, key: dg.AssetKey, wanted: object, log: dg.DagsterLogManager) -> object:
        """Read the value of an asset as a type, and warn if it was made with other settings; errors as `load_input`."""
        work_dir, name = self.folder(key), key.path[-1]
        config = read_config(work_dir)
        check_belongs(work_dir, config, name)
        for difference in differing_settings(config, name, self.parsed()):
            log.warning(difference)
        recorded = config.result(name).files
        former, value = self._kept.get((key, wanted), ({}, None))
        if recorded and recorded == former:
            return value
        value = load(work_dir, name, wanted, self.parsed().distance)
        read = sum(record.size_bytes for file, record in recorded.items() if file != FEATURES)
        if wanted in _KEPT and read < _KEPT_BYTES:
            self._kept[key, wanted] = (recorded, value)
        return value

    def _record(self, context: dg.OutputContext, work_dir: WorkDir, obj: object) -> None:
        """Record what was written: its files, what they were made from and how."""
        name, settings, config = context.asset_key.path[-1], self.parsed(), read_config(work_dir)
        former = config.result(name)
        valid = {} if _has_no_files(obj) else former.files  # which are not written again
        result = Result(
            files=file_records(work_dir.written) or valid,
            made_from={source: known for source, known in self._identities(context, config) if known},
            settings=settings_read(name, settings),
            versions=library_versions(name),
        )
        if isinstance(obj, FeatureStream):
            facts = FeatureFacts(model_sha256=obj.model_sha256, dimension=obj.dimension, listing=obj.listing)
            changes = {"features": facts, "versions": dict(obj.versions), "made_of": obj.digest}
            result = result.model_copy(update=changes)
        elif isinstance(obj, SearchIndex | Evidence):
            result = result.model_copy(update={"made_of": obj.made_of})
        elif isinstance(obj, Groups):
            digest = obj.decided.digest if obj.decided else ""
            made_from = dict(result.made_from) | ({"verdicts": digest} if digest else {})
            result = result.model_copy(update={"made_of": obj.made_of, "made_from": made_from})
        elif isinstance(obj, Gallery):
            result = result.model_copy(update={"made_of": obj.made_of, "gallery": _gallery_facts(obj, former)})
        record_results(work_dir, {name: result}, settings_shown(settings), installed_versions())

    def _identities(self, context: dg.OutputContext, config: Config) -> Iterator[tuple[str, str]]:
        """Names and identities of what an asset is made from; results of the train set are named `train/NAME`."""
        for dependency in context.asset_spec.deps:
            *folder, name = dependency.asset_key.path
            if folder == list(context.asset_key.path[:-1]):
                yield name, identity_of(config, name)
            else:
                yield f"train/{name}", identity_of(read_config(self.folder(dependency.asset_key)), name)


def _has_no_files(value: object) -> bool:
    return isinstance(value, Leaks) and not value.has_sets


def _row_count(work_dir: WorkDir, value: object) -> dict[str, int]:
    """The number of vectors, which is known when they are written; the other assets count their rows themselves."""
    if not isinstance(value, FeatureStream):
        return {}
    return {"dagster/row_count": work_dir.size(FEATURES) // (4 * value.dimension)}  # float32


def _gallery_facts(gallery: Gallery, former: Result) -> GalleryFacts | None:
    if gallery.is_stored:
        return former.gallery
    size_bytes = sum(map(len, gallery.pages.values())) + gallery.file_bytes
    return GalleryFacts(folder=gallery.folder, size_bytes=size_bytes)
