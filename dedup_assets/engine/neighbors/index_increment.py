"""The inverted file of now from that of a former run: rows that went are left out, rows that came are appended.

Only if it is as good as measured: the recall of a sample, whose true neighbours are kept, reaches `recall_target`; and
fewer than a fifth of the rows have changed since an index was built. Else one is built.
"""

import logging
from dataclasses import replace

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import Features, SearchIndex
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors.alignment import Alignment
from dedup_assets.engine.neighbors.incremental import SPARE, aligned, kept_truth, searched_kind
from dedup_assets.engine.neighbors.inverted_file.extending import extend_inverted_file
from dedup_assets.engine.neighbors.inverted_file.layout import as_inverted_file
from dedup_assets.engine.neighbors.recall import SearchData
from dedup_assets.engine.neighbors.search import search_all
from dedup_assets.engine.neighbors.similarity import check_values
from dedup_assets.engine.neighbors.truth import recall_of
from dedup_assets.engine.work_dir import WorkDir, index_file
from dedup_assets.engine.work_dir.neighbor_ranges import index_sha256
from dedup_assets.engine.work_dir.searched_rows import former_searches
from dedup_assets.engine.workers import thread_count

_LOG = logging.getLogger(__name__)


def extend_index(settings: Settings, features: Features, work_dir: WorkDir, sha256: str) -> SearchIndex | None:
    """The index of a former run with the rows of now; None if there is none that serves.

    Args:
        settings: whose index is an inverted file.
        features: of the work_dir.
        work_dir: holds the former index, and what was searched with it.
        sha256: of the feature file.

    Raises:
        SearchError: the index cannot be searched, or a vector cannot be compared.
    """
    search = replace(settings.search, spare=SPARE)
    if search.distance != "cosine" or search.range_from is not None or not work_dir.exists(index_file.INDEX):
        return None
    kind, index = searched_kind(settings, SPARE, exact=False), index_sha256(work_dir)
    for facts in former_searches(work_dir):
        if (facts.kind, facts.index) != (kind, index):
            continue
        rows = aligned(work_dir, facts, features, sha256, exact=False)
        return None if rows is None else _extended(settings, features, work_dir, (facts.features, sha256), rows)
    return None


def _extended(
    settings: Settings, features: Features, work_dir: WorkDir, versions: tuple[str, str], rows: Alignment
) -> SearchIndex | None:
    vectors, threads = features.vectors, thread_count(settings.num_threads)
    search = replace(settings.search, spare=SPARE)
    try:
        former = index_file.read_index(work_dir, settings.distance)
    except WorkDirError as error:
        _LOG.warning("%s: it is built again", error)
        return None
    truth = kept_truth(work_dir, *versions, rows, vectors, search, threads)
    if as_inverted_file(former.index) is None or len(former) != len(rows.place) or truth is None:
        return None
    check_values(vectors, rows.added)
    extended = extend_inverted_file(former.index, vectors, rows.place, rows.added, "cosine", threads)
    index = SearchIndex(extended, settings.distance)
    sample = truth["from"].unique().sort().to_numpy().astype("int64")
    found = search_all(SearchData(vectors, vectors, is_self_search=True), sample, index, search.widest, threads)
    measured = [recall_of(found, truth, k) for k in (search.k, search.widest.k)]
    recall = min((each for each in measured if each is not None), default=None)
    if recall is None or recall < search.recall_target:
        _LOG.info(
            "recall of the extended index is %s, below recall_target=%g: built again", recall, search.recall_target
        )
        return None
    _LOG.info("index: %d of %d images appended", len(rows.added), len(features))
    return index
