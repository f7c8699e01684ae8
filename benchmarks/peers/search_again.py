"""Search the stored features of a work_dir as a run does, keeping what a former search found: WORK_DIR K THREADS.

Makes index, similarity.csv, outliers.csv and components. Prints, as JSON, how many images were searched for and the
recall that was measured.
"""

import json
import sys


def main() -> None:
    """The command line."""
    from dedup_assets.engine.core.records import Similarity
    from dedup_assets.engine.core.settings import Settings
    from dedup_assets.engine.graph import build_components, find_outliers, similar_pairs
    from dedup_assets.engine.neighbors import find_or_build_index
    from dedup_assets.engine.neighbors.row_ranges import RowRangeSearcher, SearchOutcome
    from dedup_assets.engine.work_dir import WorkDir, files, index_file
    from dedup_assets.engine.work_dir.generations import generation
    from dedup_assets.engine.work_dir.identity import Result, file_records, read_config, record_results

    name, k, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    settings = Settings.parse(work_dir=name, nearest_neighbors_k=k, num_threads=threads)
    folder = WorkDir(name)
    features = files.read_features(folder)
    with generation(folder, "benchmark") as view:
        index = find_or_build_index(settings, features, view)
        index_file.write_index(view, index)
        recorded = file_records(view.written) or read_config(view).result("faiss_index").files
        record_results(view, {"faiss_index": Result(files=recorded, made_of=index.made_of)}, {}, {})
        index = index_file.read_index(view, settings.distance)
    searcher = RowRangeSearcher(settings, features, index)
    outcome = SearchOutcome.of(searcher.complete_all())
    neighbors = searcher.merge()
    searcher.prune()
    pairs = similar_pairs(neighbors, features.names, settings.threshold)
    files.write_similarity(folder, Similarity(neighbors, pairs))
    files.write_outliers(folder, find_outliers(neighbors, features.names, settings.lower_threshold))
    files.write_components(folder, build_components(neighbors, settings.graph))
    facts = {"searched": outcome.searched, "kept": outcome.kept, "recall": neighbors.recall_at_k}
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
