"""Which files each result consists of: those that a run writes to make it."""

from collections.abc import Iterable

from dedup_assets.engine.core.own_files import CONFIG
from dedup_assets.engine.work_dir import files
from dedup_assets.engine.work_dir.file_names import FEATURES, LEDGER
from dedup_assets.engine.work_dir.former_galleries import FIRST_PAGE
from dedup_assets.engine.work_dir.index_file import INDEX
from dedup_assets.engine.work_dir.manifest_file import MANIFEST

FILES_OF: dict[str, tuple[str, ...]] = {
    "image_manifest": (MANIFEST,),
    "features": (FEATURES, f"{FEATURES}.csv", LEDGER),
    "bad_images": (files.BAD_CSV, files.BAD_NAMES),
    "faiss_index": (INDEX,),
    "similarity": (files.SIMILARITY, files.NEIGHBORS),
    "outliers": (files.OUTLIERS,),
    "components": (files.COMPONENTS, files.COMPONENTS_INFO),
    "gallery": (FIRST_PAGE,),  # other pages belong to it too; their names depend on the results
}
"""Names of the files of each result; the main file comes first."""


def files_of(results: Iterable[str]) -> list[str]:
    """Names of the files that a run writes to make these results, with config.json."""
    return [CONFIG, *(name for result in results for name in FILES_OF[result])]
