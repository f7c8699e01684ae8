"""The IO manager: which documented files each asset has.

The type of a value decides how it is written. The annotation of a parameter decides how it is read: `features` as
`Features` is the memory-mapped matrix, and as `ImageLedger` it is the error or size of each image. File formats are
in `engine.work_dir`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.records import (
    BadImages,
    Components,
    FeatureFiles,
    Features,
    FeatureStream,
    Gallery,
    ImageLedger,
    Manifest,
    Neighbors,
    Pairs,
    SearchIndex,
    Similarity,
    StoredManifest,
)
from dedup_assets.engine.core.redaction import redacted
from dedup_assets.engine.work_dir import (
    WorkDir,
    files,
    gallery_files,
    index_file,
    manifest_file,
    match_files,
)
from dedup_assets.engine.work_dir.file_names import FEATURES
from dedup_assets.engine.work_dir.identity import (
    Config,
    FeatureFacts,
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
from dedup_assets.pipeline.publishing import PublishingIOManager

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
    Gallery: gallery_files.write_gallery,
}
_NAMES: dict[type, tuple[str, ...]] = {
    Manifest: (manifest_file.MANIFEST, manifest_file.LINKS),
    FeatureStream: (FEATURES, f"{FEATURES}.csv"),
    BadImages: (files.BAD_CSV, files.BAD_NAMES),
    SearchIndex: (index_file.INDEX,),
    Similarity: (files.SIMILARITY, files.NEIGHBORS),
    Pairs: (files.OUTLIERS,),
    Components: (files.COMPONENTS, files.COMPONENTS_INFO),
    Evidence: (match_files.EVIDENCE, match_files.EVIDENCE_CSV),
    Groups: (match_files.GROUPS_CSV, match_files.RELATED_CSV, match_files.GROUPS, match_files.RELATED),
}
"""The files of a value, the main one first; `metadata.of_gallery` names the gallery's."""

_READERS: dict[type, Callable[[WorkDir], Any]] = {
    Manifest: manifest_file.read_manifest,
    StoredManifest: manifest_file.open_manifest,
    Features: files.read_features,
    FeatureFiles: files.read_feature_files,
    ImageLedger: files.read_ledger,
    BadImages: files.read_bad_images,
    Neighbors: files.read_neighbors,
    Components: files.read_components,
    Evidence: match_files.read_evidence,
    Groups: match_files.read_groups,
}


class WorkDirIOManager(PublishingIOManager):
    """Stores every asset in the work_dir of the settings, under the documented file names."""

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
        with self.storing(context, work_dir):
            self._record(context, work_dir, obj)
        forget_values(context)

    def _link(self, context: dg.OutputContext, work_dir: WorkDir, obj: object) -> None:
        """Show in the UI where the files will be."""
        paths = {name: redacted(work_dir.path(name)) for name in _NAMES.get(type(obj), ())}
        if paths:
            first = next(iter(paths.values()))
            uri = first if "://" in first else Path(first).absolute().as_uri()
            linked = {name: dg.MetadataValue.path(path) for name, path in paths.items()}
            context.add_output_metadata({"dagster/uri": uri, **linked})

    def load_input(self, context: dg.InputContext) -> object:
        """Read a value as the annotated type.

        Raises:
            WorkDirError: it is missing or damaged, or was made from other results than those now in the work_dir.
        """
        work_dir = self.folder(context.asset_key)
        wanted, name = context.dagster_type.typing_type, context.asset_key.path[-1]
        config = read_config(work_dir)
        check_belongs(work_dir, config, name)
        for difference in differing_settings(config, name, self.parsed()):
            context.log.warning(difference)
        if wanted is Pairs:
            return files.read_pairs(work_dir, f"{name}.csv")
        if wanted is SearchIndex:
            return index_file.read_index(work_dir, self.parsed().distance)
        return _READERS[wanted](work_dir)

    def _record(self, context: dg.OutputContext, work_dir: WorkDir, obj: object) -> None:
        """Record what was written: its files, what they were made from and how."""
        name, settings, config = context.asset_key.path[-1], self.parsed(), read_config(work_dir)
        former = config.result(name)
        result = Result(
            files=file_records(work_dir.written) or former.files,  # nothing is written if the files are still valid
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


def _gallery_facts(gallery: Gallery, former: Result) -> GalleryFacts | None:
    if gallery.is_stored:
        return former.gallery
    size_bytes = sum(map(len, gallery.pages.values())) + gallery.file_bytes
    return GalleryFacts(folder=gallery.folder, size_bytes=size_bytes)
