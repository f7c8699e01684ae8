"""The IO manager: which asset is which documented file.

What a value is decides how it is written; what a parameter is annotated with decides how it is read (`features` as
`Features` is the memory-mapped matrix, as `ImageLedger` the fate of each image). File formats are in `engine.work_dir`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
from pydantic import PrivateAttr

from dedup_assets.engine.core.errors import DedupError
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
    generations,
    index_file,
    manifest_file,
    provenance,
)
from dedup_assets.engine.work_dir.location import FEATURES
from dedup_assets.pipeline.dagster_internals import forget_values
from dedup_assets.pipeline.resources import SettingsResource

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
# Not those of shards: the engine stores them, each as soon as it is done.
_WITH_FILES = {*_SETTINGS_OF, "bad_images", "gallery"}


class WorkDirIOManager(dg.ConfigurableIOManager):
    """Stores every asset in the work_dir of the settings, under the file names that RUN.md documents.

    The files of a run appear together, when its last asset stands: `engine.work_dir.generations`. A run that
    `launch` started is published there, once its checks have passed.

    Attributes:
        settings: of the run.
        key_prefix: of the pipeline's asset keys; its parts name no folder. No field, for the launchpad not to show it.
    """

    settings: dg.ResourceDependency[SettingsResource]
    key_prefix: ClassVar[tuple[str, ...]] = ()
    _run: "_RunInUi | None" = PrivateAttr(None)
    _refusal: DedupError | None = PrivateAttr(None)

    @classmethod
    def below(cls, key_prefix: Sequence[str]) -> "type[WorkDirIOManager]":
        """The same for a pipeline whose asset keys have a prefix."""
        return type(cls.__name__, (cls,), {"key_prefix": tuple(key_prefix), "__doc__": cls.__doc__})

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["WorkDirIOManager"]:
        """Hold the work_dir for as long as the run lasts, if it writes there and `launch` does not hold it."""
        planned = _planned(context.instance, context.run, self.key_prefix)
        with ExitStack() as held:
            try:
                if planned and context.run is not None and not generations.open_here(self._folder(planned[0])):
                    self._run = _RunInUi(context.run, planned)
                    self._hold(self._run, held)
            except DedupError as refusal:  # raised by the first step, where Dagster shows it as what it is
                self._refusal = refusal
            yield self

    def _hold(self, run: "_RunInUi", held: ExitStack) -> None:
        doing = f"Dagster run {run.name}"
        for folder in {folder.url: folder for folder in map(self._folder, run.planned)}.values():
            held.enter_context(generations.hold(folder, doing, run=run.name))
            generations.tidy(folder, keep=run.name)
            held.enter_context(generations.registered(folder.url, run.name))

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Write a value; its files appear with those of the whole run."""
        if self._refusal is not None:
            raise self._refusal
        work_dir = self._folder(context.asset_key)
        if type(obj) not in _WRITERS:
            raise TypeError(f"{context.asset_key.to_user_string()}: no file is documented for a {type(obj).__name__}")
        _WRITERS[type(obj)](work_dir, obj)
        self._record(context, work_dir, obj)
        self._link(context, work_dir, obj)
        forget_values(context)
        if self._run is not None and self._run.is_last(context):
            for folder in {folder.url: folder for folder in map(self._folder, self._run.planned)}.values():
                generations.commit(folder)

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
        if self._refusal is not None:
            raise self._refusal
        work_dir = self._folder(context.asset_key)
        wanted, name = context.dagster_type.typing_type, context.asset_key.path[-1]
        config = files.read_config(work_dir)
        provenance.check_belongs(work_dir, config, name)
        told = {key: getattr(self.settings.parsed(), key) for key in _TOLD.get(name, ())}
        for difference in provenance.changed_settings(config, name, told):
            context.log.warning(difference)
        if wanted is Pairs:
            return files.read_pairs(work_dir, f"{name}.csv")
        if wanted is SearchIndex:
            return index_file.read_index(work_dir, self.settings.parsed().distance)
        return _READERS[wanted](work_dir)

    def _folder(self, key: dg.AssetKey) -> WorkDir:
        """Where an asset lies: `test` in its key is a sub-folder; a range of run_mode 1 has one of its own."""
        work_dir = self.settings.open_work_dir()
        folder = "/".join(key.path[len(self.key_prefix) : -1]) or self.settings.parsed().range_folder
        work_dir = work_dir.within(folder) if folder else work_dir
        name = generations.open_here(work_dir) or (self._run.name if self._run is not None else "")
        return work_dir.in_generation(name) if name else work_dir

    def _record(self, context: dg.OutputContext, work_dir: WorkDir, obj: object) -> None:
        """Keep config.json true: the settings of the latest run, what was made from what, and by which model."""
        config = files.read_config(work_dir)
        settings = self.settings.parsed().model_dump(exclude={"version", "verbose"})
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
                train = self._folder(dependency.asset_key)
                yield f"train/{name}", provenance.identity(train, files.read_config(train), name)


@cache
def _versions() -> dict[str, str]:
    """Of what makes the results; looked up once, because each output of a run tells them."""
    return {name: version(name) for name in _VERSIONS}


class _RunInUi:
    """A run that Dagster itself started: from the UI, a schedule, its command line."""

    def __init__(self, run: dg.DagsterRun, planned: list[dg.AssetKey]) -> None:
        self.name = run.root_run_id or run.run_id  # a run that is executed again from its failure goes on
        self.planned = planned

    def is_last(self, context: dg.OutputContext) -> bool:
        """Whether every other asset of the run stands."""
        done = _assets_of(context.step_context.instance, context.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
        return set(self.planned) <= done | {context.asset_key}


def _planned(
    instance: dg.DagsterInstance | None, run: dg.DagsterRun | None, prefix: tuple[str, ...]
) -> list[dg.AssetKey]:
    """The assets of a run that have files here, sorted; others may have been chosen beside them."""
    if instance is None or run is None:
        return []
    keys = _assets_of(instance, run.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    of_pipeline = (key for key in keys if tuple(key.path[: len(prefix)]) == prefix)
    return sorted(key for key in of_pipeline if key.path[-1] in _WITH_FILES)


def _assets_of(instance: dg.DagsterInstance, run_id: str, kind: dg.DagsterEventType) -> set[dg.AssetKey]:
    """The assets that events of one kind are about."""
    events = (
        record.event_log_entry.dagster_event for record in instance.get_records_for_run(run_id, of_type=kind).records
    )
    return {event.asset_key for event in events if event is not None and event.asset_key is not None}
