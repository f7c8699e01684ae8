"""Which files each result consists of: those that a run writes to make it."""

from collections.abc import Iterable

from dedup_assets.engine.core.own_files import CONFIG, GALLERY
from dedup_assets.engine.work_dir import files, leak_files, match_files
from dedup_assets.engine.work_dir.file_names import BAD_CSV, FEATURES, IMAGE_FACTS, LEDGER
from dedup_assets.engine.work_dir.group_history_files import HISTORY_FILES
from dedup_assets.engine.work_dir.index_file import INDEX
from dedup_assets.engine.work_dir.manifest_file import LINKS, MANIFEST
from dedup_assets.engine.work_dir.plan_file import PLAN
from dedup_assets.engine.work_dir.verdict_conflicts import VERDICT_CONFLICTS
from dedup_assets.engine.work_dir.verdict_images import VERDICT_IMAGES

PAGES = (
    "index.html",
    "groups.html",
    "leaks.html",
    "duplicates.html",
    "components.html",
    "outliers.html",
    "map.html",
    "bad_images.html",
)
"""File names of the gallery's pages. Which of them a run writes depends on its results."""

FILES_OF: dict[str, tuple[str, ...]] = {
    "image_manifest": (MANIFEST, LINKS),
    "features": (FEATURES, f"{FEATURES}.csv", LEDGER, IMAGE_FACTS),
    "bad_images": (BAD_CSV, files.BAD_NAMES),
    "faiss_index": (INDEX,),
    "similarity": (files.SIMILARITY, files.NEIGHBORS),
    "outliers": (files.OUTLIERS,),
    "components": (files.COMPONENTS, files.COMPONENTS_INFO),
    "evidence": (match_files.EVIDENCE, match_files.EVIDENCE_CSV, match_files.EVIDENCE_IMAGES, match_files.FINDINGS),
    "groups": (
        match_files.GROUPS,
        match_files.GROUPS_CSV,
        match_files.RELATED,
        match_files.RELATED_CSV,
        VERDICT_CONFLICTS,
        match_files.LABEL_CONFLICTS,
        VERDICT_IMAGES,
        *HISTORY_FILES,
    ),
    "plan": (PLAN,),
    "leaks": (leak_files.LEAKS, leak_files.LEAKS_CSV, leak_files.MATRIX_CSV, leak_files.FIX_CSV),
    "gallery": tuple(f"{GALLERY}/{page}" for page in PAGES),
}
"""Names of the files that a run may write for each result; the main file comes first."""


def files_of(results: Iterable[str]) -> list[str]:
    """Names of the files that a run writes to make these results, with config.json."""
    return [CONFIG, *(name for result in results for name in FILES_OF[result])]
