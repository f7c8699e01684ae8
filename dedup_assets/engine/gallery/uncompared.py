"""What an input holds besides the images that were compared, read from the listing and from the image ledger."""

from dedup_assets.engine.gallery.pages import Uncompared
from dedup_assets.engine.work_dir import WorkDir, ledger_file
from dedup_assets.engine.work_dir.file_names import LEDGER
from dedup_assets.engine.work_dir.manifest_file import MANIFEST, read_manifest


def read_uncompared(work_dir: WorkDir) -> Uncompared:
    """Count files that were not read, further names of listed files, and images that show nothing.

    A work_dir of stored features may lack the listing or the ledger; their counts are then 0.

    Raises:
        WorkDirError: a file is damaged.
    """
    left_out, links, empty_images = {}, 0, 0
    if work_dir.exists(MANIFEST):
        manifest = read_manifest(work_dir)
        left_out, links = dict(manifest.left_out), 0 if manifest.links is None else manifest.links.height
    if work_dir.exists(LEDGER):
        empty_images = ledger_file.read_ledger_columns(work_dir, "low_information")["low_information"].count()
    return Uncompared(left_out, links, empty_images)
