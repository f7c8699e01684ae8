"""The IO manager: which asset is which documented file.

What a value is decides how it is written; what a parameter is annotated with decides how it is read (`features` as
`Features` is the memory-mapped matrix, as `ImageLedger` the fate of each image). File formats are in `engine.work_dir`.
"""

from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg

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
from dedup_assets.engine.gallery.reuse import note_gallery
from dedup_assets.engine.work_dir import (
    WorkDir,
    files,
    gallery_files,
    index_file,
    manifest_file,
    provenance,
)
from dedup_assets.engine.work_dir.location import FEATURES
from dedup_assets.pipeline.dagster_internals import forget_values
from dedup_assets.pipeline.publishing import PublishingIOManager

_VERSIONS = (
    *("dedup-assets", "dagster", "onnxruntime", "faiss-cpu", "numpy", "polars", "igraph", "fsspec"),
    *("pillow", "simplejpeg", "pi-heif", "av"),
)

_WRITERS: dict[type, Callable[[WorkDir, Any], Any]] = {
    Manifest: manifest_file.write_manifest,
    FeatureStream: files.write_features,
    BadImages: files.write_bad_images,
    SearchIndex: index_file.write_index,
    Similarity: files.write_similarity,
    Pairs: files.write_outliers,
    Components: files.write_components,
    Gallery: gallery_files.write_gallery,
}
_NAMES: dict[type, tuple[str, ...]] = {
    Manifest: (manifest_file.MANIFEST,),
    FeatureStream: (FEATURES, f"{FEATURES}.csv"),
    BadImages: (files.BAD_CSV, files.BAD_NAMES),
    SearchIndex: (index_file.INDEX,),
    Similarity: (files.SIMILARITY, files.NEIGHBORS),
    Pairs: (files.OUTLIERS,),
    Components: (files.COMPONENTS, files.COMPONENTS_INFO),
}
"""The files of a value, the one to open first; the gallery tells its own."""

_READERS: dict[type, Callable[[WorkDir], Any]] = {
    Manifest: manifest_file.read_manifest,
    StoredManifest: manifest_file.open_manifest,
    Features: files.read_features,
    FeatureFiles: files.read_feature_files,
    ImageLedger: files.read_ledger,
    BadImages: files.read_bad_images,
    Neighbors: files.read_neighbors,
    Components: files.read_components,
}


# Which settings a result depends on, besides what it is made from.
_SEARCH = ("nn_provider", "nnmodel", "faiss_mode", "faiss_param", "distance", "turi_param")
_SETTINGS_OF: dict[str, tuple[str, ...]] = {
    "image_manifest": ("input_dir", "min_offset", "max_offset", "num_images", "video_fps"),
    "features": ("bounding_box", "max_pixels"),
    "faiss_index": _SEARCH,
    "similarity": ("threshold", "nearest_neighbors_k", *_SEARCH),
    "outliers": ("lower_threshold", *_SEARCH),
    "components": ("threshold", "turi_param"),
}
_TOLD = {"faiss_index": ("distance",), "similarity": ("threshold",), "outliers": ("lower_threshold",)}


class WorkDirIOManager(PublishingIOManager):
    """Stores every asset in the work_dir of the settings, under the file names that RUN.md documents."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Write a value; its files appear with those of the whole run."""
        work_dir = self.folder(context.asset_key)
        if type(obj) not in _WRITERS:
            raise TypeError(f"{context.asset_key.to_user_string()}: no file is documented for a {type(obj).__name__}")
        _WRITERS[type(obj)](work_dir, obj)
        self._record(context, work_dir, obj)
        self._link(context, work_dir, obj)
        forget_values(context)
        self.publish_if_last(context)

    def _link(self, context: dg.OutputContext, work_dir: WorkDir, obj: object) -> None:
        """Show where the files will be."""
        paths = {name: redacted(work_dir.path(name)) for name in _NAMES.get(type(obj), ())}
        if paths:
            first = next(iter(paths.values()))
            uri = first if "://" in first else Path(first).absolute().as_uri()
            linked = {name: dg.MetadataValue.path(path) for name, path in paths.items()}
            context.add_output_metadata({"dagster/uri": uri, **linked})

    def load_input(self, context: dg.InputContext) -> object:
        """Read a value of the annotated type back.

        Raises:
            WorkDirError: it is missing, damaged, or was made from something else than what stands beside it.
        """
        work_dir = self.folder(context.asset_key)
        wanted, name = context.dagster_type.typing_type, context.asset_key.path[-1]
        config = files.read_config(work_dir)
        provenance.check_belongs(work_dir, config, name)
        told = {key: getattr(self.parsed(), key) for key in _TOLD.get(name, ())}
        for difference in provenance.changed_settings(config, name, told):
            context.log.warning(difference)
        if wanted is Pairs:
            return files.read_pairs(work_dir, f"{name}.csv")
        if wanted is SearchIndex:
            return index_file.read_index(work_dir, self.parsed().distance)
        return _READERS[wanted](work_dir)

    def _record(self, context: dg.OutputContext, work_dir: WorkDir, obj: object) -> None:
        """Keep config.json true: the settings of the latest run, what was made from what, and by which model."""
        config = files.read_config(work_dir)
        settings = self.parsed().model_dump(exclude={"version", "verbose"})
        config["settings"] = settings
        config["versions"] = dict(_versions())
        if isinstance(obj, FeatureStream):
            written = files.written_features(work_dir, obj)
            config["features"] = {"model_sha256": obj.model_sha256, "dimension": obj.dimension, "written": written}
        if isinstance(obj, SearchIndex):
            config["index"] = {"made_of": obj.made_of, "written": work_dir.version(index_file.INDEX)}
        if isinstance(obj, Gallery):
            note_gallery(work_dir, config, obj)
        name = context.asset_key.path[-1]
        results = config.get(provenance.RESULTS, {})
        noted = provenance.describe(
            work_dir.written,
            dict(self._identities(context, work_dir, config)),
            {setting: settings[setting] for setting in _SETTINGS_OF.get(name, ())},
        )
        if not work_dir.written and name in results:  # the files that stood there were still true
            noted["files"] = results[name]["files"]
        config[provenance.RESULTS] = results | {name: noted}
        files.write_config(work_dir, config)

    def _identities(
        self, context: dg.OutputContext, work_dir: WorkDir, config: dict[str, Any]
    ) -> Iterator[tuple[str, str]]:
        """What an asset is made from: of its own folder by name, of the train set as `train/NAME`."""
        for dependency in context.asset_spec.deps:
            *folder, name = dependency.asset_key.path
            if folder == list(context.asset_key.path[:-1]):
                yield name, provenance.identity(work_dir, config, name)
            else:
                train = self.folder(dependency.asset_key)
                yield f"train/{name}", provenance.identity(train, files.read_config(train), name)


@cache
def _versions() -> dict[str, str]:
    """Of what makes the results; looked up once, because each output of a run tells them."""
    return {name: version(name) for name in _VERSIONS}
