"""Search one stored feature file: TOOL WORK_DIR K THREADS. Prints, as JSON, the recall that the tool measured itself.

`ours` makes similarity.csv, outliers.csv and components from the features, as run_mode 2 does, but no gallery, because
drawn vectors have no pictures. `HNSW32` and `Flat` are plain faiss, index and search alone. `fastdup` is fastdup's
run_mode 2.
"""

import json
import sys
from pathlib import Path

import numpy as np


def ours(work_dir: str, k: int, threads: int) -> float | None:
    """Make index, neighbours, pairs, outliers and components by the functions that the assets call."""
    from dedup_assets.engine.core.records import Similarity
    from dedup_assets.engine.core.settings import Settings
    from dedup_assets.engine.graph import build_components, find_outliers, similar_pairs
    from dedup_assets.engine.neighbors import find_or_build_index
    from dedup_assets.engine.neighbors.row_ranges import RowRangeSearcher
    from dedup_assets.engine.work_dir import WorkDir, files, index_file

    settings = Settings.parse(work_dir=work_dir, nearest_neighbors_k=k, num_threads=threads)
    folder = WorkDir(work_dir)
    features = files.read_features(folder)
    index_file.write_index(folder, find_or_build_index(settings, features, folder))
    searcher = RowRangeSearcher(settings, features)
    for rows in searcher.cut():
        searcher.complete(rows)
    neighbors = searcher.merge()
    pairs = similar_pairs(neighbors, features.names, settings.threshold)
    files.write_similarity(folder, Similarity(neighbors, pairs))
    files.write_outliers(folder, find_outliers(neighbors, features.names, settings.lower_threshold))
    files.write_components(folder, build_components(neighbors, settings.graph))
    return neighbors.recall_at_k


def plain_faiss(factory: str, work_dir: str, k: int, threads: int) -> None:
    """Build an index by a factory string; keep the k + 1 nearest of every row beside the features."""
    import faiss

    faiss.omp_set_num_threads(threads)
    rows = len((Path(work_dir) / "features.dat.csv").read_text().splitlines()) - 1
    vectors = np.fromfile(Path(work_dir) / "features.dat", "<f4").reshape(rows, -1)
    index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
    index.add(vectors)
    np.save(Path(work_dir) / "found.npy", index.search(vectors, k + 1)[1])


def fastdup_mode_2(work_dir: str, k: int, threads: int) -> None:
    """Run fastdup's similarity and graph on stored features; its input folder must not be the work_dir."""
    import fastdup  # type: ignore[import-not-found]  # in its own environment

    images = str(Path(work_dir).parent)
    if fastdup.run(images, work_dir, run_mode=2, nearest_neighbors_k=k, threshold=0.85, num_threads=threads):
        sys.exit(1)


def main() -> None:
    """The command line."""
    tool, work_dir, k, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    recall = None
    if tool == "ours":
        recall = ours(work_dir, k, threads)
    elif tool == "fastdup":
        fastdup_mode_2(work_dir, k, threads)
    else:
        plain_faiss(tool, work_dir, k, threads)
    (Path(work_dir) / "recall.json").write_text(json.dumps(recall))


if __name__ == "__main__":
    main()
