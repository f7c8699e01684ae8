"""The results of one generation, opened for questions: vectors, index, groups, and how the vectors were made.

All of it belongs to one generation and stays readable when a run publishes another one: files are memory-mapped or
read whole, and replaced files live on until the last reader closes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import BoundingBox, Features, SearchIndex
from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.extraction.embedding import Embedder, open_embedder
from dedup_assets.engine.extraction.extract import Extraction
from dedup_assets.engine.neighbors import check_index
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.work_dir import WorkDir, files, index_file, ledger_file, match_files
from dedup_assets.engine.work_dir.file_names import GROUP_IDS
from dedup_assets.engine.work_dir.holding import published_generation
from dedup_assets.engine.work_dir.identity import Config, read_config
from dedup_assets.engine.work_dir.manifest_file import read_links
from dedup_assets.engine.work_dir.stored import FASTDUP_MODEL, model_of

_ATTEMPTS = 5  # to open files of one generation, while runs publish others
_SEARCH = ("distance", "nn_provider", "nnmodel", "turi_param", "faiss_mode", "faiss_param", "recall_target")
_NO_GROUP = -1


@dataclass(frozen=True)
class StoredIndex:
    """The results of one generation.

    Attributes:
        url: folder or URL of the work_dir.
        generation: name of the generation; empty for results that were written without one.
        features: names and vectors, memory-mapped.
        index: over these; None if none was made.
        search: how the index is searched; `k` is not used.
        extraction: model, crop and limits of the stored vectors.
        low_information: (n,) string, as `Shard.images` has it.
        content: (n,) string, SHA-256 in hex of each file; null where unknown.
        groups: the rows of `Groups`; empty if none were made.
        aliases: each id that a group ever had, and the id that its images have now, or an empty text.
        links: for the name of an image the other names of its file, as links.csv has them.
        config: the records of config.json.
    """

    url: str
    generation: str
    features: Features
    index: SearchIndex | None
    search: SearchSettings
    extraction: Extraction
    low_information: pl.Series
    content: pl.Series
    groups: pl.DataFrame
    aliases: Mapping[str, str]
    links: Mapping[bytes, Sequence[bytes]]
    config: Config

    def __len__(self) -> int:
        return len(self.features)

    @cached_property
    def shows_nothing(self) -> NDArray[np.bool_] | None:
        """(n,) whether a picture shows nothing; None if each shows something."""
        marks = self.low_information
        return None if marks.null_count() == len(marks) else marks.is_not_null().to_numpy()

    @cached_property
    def _group_rows(self) -> NDArray[np.int32]:
        """(n,) the row of `groups` that each image has; -1 for none."""
        rows = self.groups.select("filename").with_row_index("row").cast({"row": pl.Int32})
        names = pl.DataFrame({"filename": self.features.names}, schema={"filename": pl.Binary})
        joined = names.join(rows, on="filename", how="left", maintain_order="left")
        return joined["row"].fill_null(_NO_GROUP).to_numpy()

    def group_of(self, row: int) -> tuple[str, bytes | None]:
        """Id and kept image of the group of an image; an empty text and None if it is in none."""
        place = int(self._group_rows[row])
        if place == _NO_GROUP:
            return "", None
        return str(self.groups["group_id"][place]), self.groups["keep"][place]

    def row_of(self, name: bytes) -> int | None:
        """The row of an image; None if the results have no good image of this name."""
        return self._rows_by_name.get(name)

    @cached_property
    def _rows_by_name(self) -> dict[bytes, int]:
        return {name: row for row, name in enumerate(self.features.names)}

    def warm(self) -> None:
        """Compute what the first question would wait for."""
        _ = self.shows_nothing, self._group_rows, self.extraction.embedder.dimension


def open_stored(work_dir: WorkDir, model_path: str | None = None, threads: int = 1) -> StoredIndex:
    """Open the results that readers of a work_dir see now.

    Args:
        work_dir: where a run has published.
        model_path: the model that made the vectors, if it is not where the run read it; for vectors of an unknown
            model it is what the caller says they are of.
        threads: most threads that decode and embed.

    Raises:
        WorkDirError: it holds no features, they are of another model, a file is damaged, or the generation changes at
            each attempt.
        ModelError: the model cannot be used.
    """
    for _ in range(_ATTEMPTS):
        before = published_generation(work_dir)
        found: StoredIndex | WorkDirError
        try:
            found = _open(work_dir, before, model_path, threads)
        except WorkDirError as error:  # maybe of files of two generations
            found = error
        if published_generation(work_dir) == before:
            if isinstance(found, WorkDirError):
                raise found
            return found
    raise WorkDirError(f"work_dir={work_dir.url!r} was published again at each of {_ATTEMPTS} attempts to open it")


def _open(work_dir: WorkDir, generation: str, model_path: str | None, threads: int) -> StoredIndex:
    features, config = files.read_features(work_dir), read_config(work_dir)
    extraction = _extraction(work_dir, config, model_path, threads)
    dimension = int(features.vectors.shape[1])
    if extraction.embedder.dimension != dimension:
        raise WorkDirError(
            f"work_dir={work_dir.url!r} has vectors of {dimension} values, but the model gives "
            f"{extraction.embedder.dimension}; name the model that made them with model_path"
        )
    search = _search(config)
    index = None
    if work_dir.exists(index_file.INDEX):
        index = index_file.read_index(work_dir, search.distance)
        check_index(index, features.vectors)
    has_groups = work_dir.exists(match_files.GROUPS)
    groups = match_files.read_groups(work_dir) if has_groups else None
    history = groups.history if groups and work_dir.exists(GROUP_IDS) else None
    links = read_links(work_dir)
    return StoredIndex(
        url=work_dir.url,
        generation=generation,
        features=features,
        index=index,
        search=search,
        extraction=extraction,
        low_information=ledger_file.read_low_information(work_dir, features.names),
        content=ledger_file.read_content(work_dir, features.names),
        groups=groups.rows if groups else pl.DataFrame(schema=match_files.GROUPS_SCHEMA),
        aliases=dict(history.aliases.select("group_id", "now").iter_rows()) if history else {},
        links={} if links is None else dict(links.group_by("same_as").agg(pl.col("filename").sort()).iter_rows()),
        config=config,
    )


def _extraction(work_dir: WorkDir, config: Config, model_path: str | None, threads: int) -> Extraction:
    """How the stored vectors were made, with the model itself."""
    made_with: dict[str, Any] = config.settings | config.result("features").settings
    model = model_of(work_dir)
    if model == FASTDUP_MODEL:
        raise WorkDirError(
            f"work_dir={work_dir.url!r} was made by fastdup, whose model is not here; run dedup-assets on the images"
        )
    if not model and model_path is None:
        raise WorkDirError(
            f"work_dir={work_dir.url!r} does not say which model made its vectors; name it with model_path, which is "
            "empty for the built-in one"
        )
    named = str(made_with.get("model_path", "")) if model_path is None else model_path
    embedder: Embedder = open_embedder(named, made_with.get("compute", "cpu"))
    if model and embedder.sha256 != model:
        raise WorkDirError(
            f"work_dir={work_dir.url!r} holds vectors of model {model[:12]}, but model_path={named!r} is model "
            f"{embedder.sha256[:12]}; name the model that made them with model_path, or run again"
        )
    limit = made_with.get("max_pixels", Settings.model_fields["max_pixels"].default)
    seconds = config.settings.get("image_seconds", Settings.model_fields["image_seconds"].default)
    return Extraction(embedder, DecodingLimits(max_pixels=limit), _box(made_with), threads, seconds)


def _box(made_with: Mapping[str, Any]) -> BoundingBox | None:
    """The crop, as records of results or settings of a run have it."""
    box = made_with.get("bounding_box")
    if isinstance(box, dict):
        return BoundingBox(**box)
    return Settings.parse(bounding_box=box).box if box else None


def _search(config: Config) -> SearchSettings:
    given = {name: config.settings[name] for name in _SEARCH if name in config.settings}
    search = Settings.parse(**given).search
    known = config.result("faiss_index").settings
    renamed = {"provider": "nn_provider", "faiss_mode": "faiss_mode", "faiss_param": "faiss_param"}
    fields = {name: known[noted] for name, noted in renamed.items() if noted in known}
    return replace(
        search,
        **fields,
        distance=known.get("distance", search.distance),
        nnmodel=known.get("nnmodel", search.nnmodel),
        range_from=None,
    )
