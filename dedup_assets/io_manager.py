"""The IO manager: which asset is which documented file.

What a value is decides how it is written; what a parameter is annotated with decides how it is read (`features` as
`Features` is the memory-mapped matrix, as `ImageLedger` the fate of each image). File formats are in `engine.work_dir`.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg

from dedup_assets.engine.records import (
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
)
from dedup_assets.engine.work_dir import WorkDir, files
from dedup_assets.engine.work_dir.location import FEATURES
from dedup_assets.resources import SettingsResource

_VERSIONS = ("dedup-assets", "dagster", "onnxruntime", "faiss-cpu", "numpy", "polars", "igraph", "pillow", "simplejpeg")

_WRITERS: dict[type, Callable[[WorkDir, Any], Any]] = {
    Manifest: files.write_manifest,
    FeatureStream: files.write_features,
    BadImages: files.write_bad_images,
    SearchIndex: files.write_index,
    Similarity: files.write_similarity,
    Pairs: files.write_outliers,
    Components: files.write_components,
    Gallery: files.write_gallery,
}
_NAMES: dict[type, tuple[str, ...]] = {
    Manifest: (files.MANIFEST,),
    FeatureStream: (FEATURES, f"{FEATURES}.csv"),
    BadImages: (files.BAD_CSV, files.BAD_NAMES),
    SearchIndex: (files.INDEX,),
    Similarity: (files.SIMILARITY, files.NEIGHBORS),
    Pairs: (files.OUTLIERS,),
    Components: (files.COMPONENTS, files.COMPONENTS_INFO),
}
"""The files of a value, the one to open first; the gallery tells its own."""

_READERS: dict[type, Callable[[WorkDir], Any]] = {
    Manifest: files.read_manifest,
    Features: files.read_features,
    FeatureFiles: files.read_feature_files,
    ImageLedger: files.read_ledger,
    BadImages: files.read_bad_images,
    Neighbors: files.read_neighbors,
    Components: files.read_components,
}


class WorkDirIOManager(dg.ConfigurableIOManager):
    """Stores every asset in the work_dir of the settings, under the file names that RUN.md documents.

    Attributes:
        settings: of the run.
        prefix_parts: how many parts the pipeline's key prefix has; they name no folder. No field, for the launchpad not
            to show it.
    """

    settings: dg.ResourceDependency[SettingsResource]
    prefix_parts: ClassVar[int] = 0

    @classmethod
    def below(cls, key_prefix: Sequence[str]) -> "type[WorkDirIOManager]":
        """The same for a pipeline whose asset keys have a prefix."""
        return type(cls.__name__, (cls,), {"prefix_parts": len(key_prefix), "__doc__": cls.__doc__})

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Publish a value; all its files appear together or not at all."""
        work_dir = self._folder(context.asset_key)
        if type(obj) not in _WRITERS:
            raise TypeError(f"{context.asset_key.to_user_string()}: no file is documented for a {type(obj).__name__}")
        _WRITERS[type(obj)](work_dir, obj)
        self._record_settings(work_dir, obj)
        paths = {name: work_dir.path(name) for name in _NAMES.get(type(obj), ())}
        if paths:
            first = next(iter(paths.values()))
            uri = first if "://" in first else Path(first).absolute().as_uri()
            linked = {name: dg.MetadataValue.path(path) for name, path in paths.items()}
            context.add_output_metadata({"dagster/uri": uri, **linked})

    def load_input(self, context: dg.InputContext) -> object:
        """Read a value of the annotated type back."""
        work_dir = self._folder(context.asset_key)
        wanted = context.dagster_type.typing_type
        if wanted is Pairs:
            return files.read_pairs(work_dir, f"{context.asset_key.path[-1]}.csv")
        if wanted is SearchIndex:
            return files.read_index(work_dir, self.settings.parsed().distance)
        return _READERS[wanted](work_dir)

    def _folder(self, key: dg.AssetKey) -> WorkDir:
        """Where an asset lies: `test` in its key is a sub-folder; a range of run_mode 1 has one of its own."""
        work_dir = self.settings.open_work_dir()
        folder = "/".join(key.path[self.prefix_parts : -1]) or self.settings.parsed().range_folder
        return work_dir.within(folder) if folder else work_dir

    def _record_settings(self, work_dir: WorkDir, obj: object) -> None:
        """Keep config.json true: the settings of the latest run, and the model that made the features."""
        config = files.read_config(work_dir)
        config["settings"] = self.settings.parsed().model_dump(exclude={"version", "verbose"})
        config["versions"] = {name: version(name) for name in _VERSIONS}
        if isinstance(obj, FeatureStream):
            config["features"] = {"model_sha256": obj.model_sha256, "dimension": obj.dimension}
        files.write_config(work_dir, config)
