"""Features, bad images, pairs and components in a work_dir: how their files are written and read back.

docs/reference.md, "Files", describes the formats. Files with fastdup 2.x's names are read too, so that its work_dirs
can be scored and shown.
"""

import json
import logging

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import (
    BadImages,
    Components,
    FeatureFiles,
    Features,
    FeatureStream,
    Neighbors,
    Pairs,
    Similarity,
)
from dedup_assets.engine.work_dir import fastdup_files
from dedup_assets.engine.work_dir.csv_rows import field, read_columns, read_table, write_lines, write_pairs, write_rows
from dedup_assets.engine.work_dir.fact_file import facts_of
from dedup_assets.engine.work_dir.file_names import BAD_CSV, FEATURES, IMAGE_FACTS, LEDGER
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.identity import (
    FeatureFacts,
    Result,
    file_records,
    is_intact,
    open_checked,
    open_checked_local,
    read_config,
    record_results,
)
from dedup_assets.engine.work_dir.ledger_file import read_ledger
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import (
    EDGES_SCHEMA,
    fact,
    naming_damage,
    read_numbers,
    read_parquet,
)

BAD_NAMES = "features.dat.bad"
NEIGHBORS = "neighbors.parquet"
SIMILARITY = "similarity.csv"
OUTLIERS = "outliers.csv"
COMPONENTS_INFO = "components_info.csv"
COMPONENTS = "connected_components.csv"
_LOG = logging.getLogger(__name__)
_ATTEMPTS = 5  # to read two files that belong together, while a run publishes others
_PAIRS = "from,to,distance"


def write_features(work_dir: WorkDir, stream: FeatureStream) -> None:
    """Write features.dat, its .csv, the ledger and the facts of images, from ranges in order, one in memory at a time.

    If the files hold exactly these ranges already, nothing is written, and results made from them stay valid.

    Raises:
        WorkDirError: no image of a whole listing is good; nothing is written then.
    """
    if _has_these(work_dir, stream):
        return
    ledgers: list[pl.DataFrame] = []
    with work_dir.publish(FEATURES, LEDGER, IMAGE_FACTS, f"{FEATURES}.csv") as (data, ledger, facts, names):
        good = 0
        names.write(b"index,filename\n")
        for shard in stream.shards:
            data.write(np.ascontiguousarray(shard.vectors, dtype="<f4").reshape(-1).view(np.uint8).data)
            images = shard.images.filter(pl.col("error_code").is_null()).select("filename")
            write_lines(names, images.with_row_index("index", good))
            good += images.height
            ledgers.append(shard.images)
        table = pl.concat(ledgers)
        if not (good or stream.is_part):
            first = table.row(0, named=True)
            raise WorkDirError(
                f"none of {table.height} images could be used; the first: {_shown(first['filename'])}: "
                f"{first['error_code']}: {first['error']}"
            )
        table.write_parquet(ledger)
        facts_of(table).write_parquet(facts)


def _has_these(work_dir: WorkDir, stream: FeatureStream) -> bool:
    recorded = read_config(work_dir).result("features")
    if not stream.digest or recorded.made_of != stream.digest:
        return False
    if is_intact(work_dir, recorded):
        return True
    _LOG.warning(
        "%s in work_dir=%r: one of them is missing or is not what was written; they are written again from the ranges "
        "in shards",
        ", ".join(recorded.files),
        work_dir.url,
    )
    return False


def save_features(work_dir: WorkDir, names: list[bytes], vectors: NDArray[np.float32]) -> None:
    """Write features.dat and features.dat.csv from arrays in memory, recorded as vectors of an unknown model.

    Args:
        work_dir: where to write.
        names: n names of images.
        vectors: (n, d) float32.
    """
    with generation(work_dir, f"writing {FEATURES}", wait=True) as view:
        with view.publish(FEATURES, f"{FEATURES}.csv") as (data, table):
            data.write(np.ascontiguousarray(vectors, dtype="<f4").tobytes())
            write_rows(table, "index,filename", (b"%d,%b" % (row, field(name)) for row, name in enumerate(names)))
        facts = FeatureFacts(dimension=vectors.shape[1])
        config = read_config(view)
        result = Result(files=file_records(view.written), features=facts)
        record_results(view, {"features": result}, config.settings, config.versions)


def read_features(work_dir: WorkDir) -> Features:
    """The vectors, memory-mapped, and their names, from features.dat and its .csv.

    Raises:
        WorkDirError: a file is missing, or their sizes do not match.
    """
    if work_dir.generation:  # this run holds the work_dir
        return _features(work_dir)
    for _ in range(_ATTEMPTS):
        before = work_dir.stamp(FEATURES, f"{FEATURES}.csv")
        found: Features | WorkDirError
        try:
            found = _features(work_dir)
        except WorkDirError as error:
            found = error
        if work_dir.stamp(FEATURES, f"{FEATURES}.csv") == before:
            if isinstance(found, WorkDirError):
                raise found
            return found
    raise WorkDirError(
        f"{work_dir.path(FEATURES)!r} was published again at each of {_ATTEMPTS} attempts to read it; run again"
    )


def _features(work_dir: WorkDir) -> Features:
    known = [work_dir.features_name] if work_dir.features_name else [FEATURES, fastdup_files.FEATURES]
    name = work_dir.require(*known, remedy="run the pipeline first (run_mode=1, or materialize features)")
    names = _read_names(work_dir, work_dir.require(f"{name}.csv", remedy=f"it names the rows of {name}"))
    size = work_dir.size(name)
    dimension = read_config(work_dir).features.dimension
    if size == 0 and not len(names) and dimension and work_dir.exists(LEDGER):  # a range with only bad images
        return Features(names, np.empty((0, dimension), np.float32))
    if not len(names) or size == 0 or size % (4 * len(names)):
        raise WorkDirError(
            f"{work_dir.path(name)!r} has {size} bytes, which is no whole number of float32 values for each of the "
            f"{len(names)} names in {name}.csv; run the extraction again"
        )
    with open_checked_local(work_dir, name) as file:
        vectors = np.memmap(file, dtype="<f4", mode="r", shape=(len(names), size // (4 * len(names))))
    return Features(names, vectors)


def read_feature_files(work_dir: WorkDir) -> FeatureFiles:
    """Features and ledger. Raises WorkDirError as `read_features` and `read_ledger` do."""
    return FeatureFiles(read_features(work_dir), read_ledger(work_dir))


def write_bad_images(work_dir: WorkDir, bad: BadImages) -> None:
    """Write features.bad.csv and features.dat.bad (fastdup's documentation uses both names)."""
    with work_dir.publish(BAD_NAMES, BAD_CSV) as (names, table):
        write_rows(names, "", (field(name) for name in bad.rows["filename"]))
        rows = bad.rows.select("index", "filename", "error_code", "filesize", "error").iter_rows()
        lines = (
            b"%d,%b,%b,%d,%b" % (index, field(name), code.encode(), size, field(reason.encode("utf-8", "replace")))
            for index, name, code, size, reason in rows
        )
        write_rows(table, "index,filename,error_code,filesize,error", lines)


def read_bad_images(work_dir: WorkDir) -> BadImages:
    """Read the bad images; none if there is no such file (a work_dir that holds only features).

    Raises:
        WorkDirError: the file is damaged.
    """
    schema = {
        "index": pl.Int64,
        "filename": pl.Binary,
        "error_code": pl.String,
        "filesize": pl.Int64,
        "error": pl.String,
    }
    found = work_dir.find(BAD_CSV, fastdup_files.BAD_CSV)
    if found is None:
        return BadImages(pl.DataFrame(schema=schema))
    columns = list(schema) if found == BAD_CSV else list(schema)[:-1]  # fastdup gives no reasons
    with open_checked(work_dir, found) as file:
        try:
            rows = [
                (int(index), name, code.decode(), int(size), reason[0].decode() if reason else "")
                for index, name, code, size, *reason in read_columns(file, work_dir.path(found), *columns)
            ]
        except ValueError as error:
            raise WorkDirError(f"{work_dir.path(found)!r}: {error}; materialize bad_images again") from None
    return BadImages(pl.DataFrame(rows, schema=schema, orient="row"))


def write_similarity(work_dir: WorkDir, similarity: Similarity) -> None:
    """Write neighbors.parquet (the k-nearest-neighbour graph before any threshold) and similarity.csv."""
    neighbors = similarity.neighbors
    facts = {"images": str(neighbors.images), "recall_at_k": json.dumps(neighbors.recall_at_k)}
    with work_dir.publish(NEIGHBORS, SIMILARITY) as (graph, pairs):
        neighbors.edges.write_parquet(graph, metadata=facts)
        write_pairs(pairs, _PAIRS, similarity.pairs.rows)


def read_neighbors(work_dir: WorkDir) -> Neighbors:
    """Read neighbors.parquet. Raises WorkDirError if it does not exist or is damaged."""
    remedy = "materialize similarity"
    edges, facts = read_parquet(work_dir, NEIGHBORS, remedy, EDGES_SCHEMA)
    with naming_damage(work_dir, NEIGHBORS, remedy):
        return Neighbors(edges, int(fact(facts, "images")), json.loads(fact(facts, "recall_at_k")))


def write_outliers(work_dir: WorkDir, outliers: Pairs) -> None:
    """Write outliers.csv: each outlier with its nearest neighbour, most isolated first."""
    with work_dir.publish(OUTLIERS) as (file,):
        write_pairs(file, _PAIRS, outliers.rows)


def read_pairs(work_dir: WorkDir, name: str) -> Pairs:
    """Read similarity.csv, outliers.csv or any other file of that form.

    Raises:
        WorkDirError: it is missing, or not of that form.
    """
    work_dir.require(name, remedy="run the similarity search first")
    with open_checked(work_dir, name) as file:
        schema = {"from": pl.Binary, "to": pl.Binary, "distance": pl.Float64}
        pairs = read_table(file, work_dir.path(name), schema)
    if wrong := pairs.filter(~pl.col("distance").is_finite()).height:
        raise WorkDirError(f"{work_dir.path(name)!r}: {wrong} of its distances are not finite numbers")
    return Pairs(pairs)


def write_components(work_dir: WorkDir, components: Components) -> None:
    """Write components_info.csv and connected_components.csv."""
    with work_dir.publish(COMPONENTS_INFO, COMPONENTS) as (info, images):
        components.info.write_csv(info)
        components.images.write_csv(images)


def read_components(work_dir: WorkDir) -> Components:
    """Read both component files; the first is `component_info.csv` in fastdup's work_dirs.

    Raises:
        WorkDirError: one of them is missing, or damaged.
    """
    remedy = "run the pipeline first (materialize components)"
    name = work_dir.require(COMPONENTS_INFO, fastdup_files.COMPONENTS_INFO, remedy=remedy)
    work_dir.require(COMPONENTS, remedy=remedy)
    info = read_numbers(work_dir, name, "component_id", "count")
    components = Components(read_numbers(work_dir, COMPONENTS, "__id"), info)
    if name == COMPONENTS_INFO:
        return components
    table = work_dir.require(f"{fastdup_files.FEATURES}.csv", remedy="it names the images of the components")
    with open_checked(work_dir, table) as file:
        positions = [int(row[0]) for row in read_columns(file, work_dir.path(table), "index")]
    return fastdup_files.counted_by_image(components, pl.Series(positions, dtype=pl.Int64))


def _read_names(work_dir: WorkDir, name: str) -> pl.Series:
    with open_checked(work_dir, name) as file:
        return read_table(file, work_dir.path(name), {"filename": pl.Binary})["filename"]


def _shown(name: bytes) -> str:
    return repr(name.decode("utf-8", "backslashreplace"))
