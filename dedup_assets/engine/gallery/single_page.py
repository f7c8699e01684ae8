"""One page from the files of a work_dir, as fastdup's gallery functions make it."""

import polars as pl

from dedup_assets.engine.core.records import Components
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.gallery.pages import Page, ShownFile, components_page, duplicates_page, outliers_page
from dedup_assets.engine.gallery.thumbnails import Effort, illustrator
from dedup_assets.engine.work_dir import WorkDir, files
from dedup_assets.engine.work_dir.identity import check_belongs, read_config

_OF_TWO_SETS = {mode for mode in RunMode if mode.needs_train_set}


def single_page(page: Page, work_dir: WorkDir, name: str | None, *, num_images: int, descending: bool) -> str:
    """One page from the files of a work_dir, without the others.

    Args:
        page: DUPLICATES, OUTLIERS or COMPONENTS.
        work_dir: where the results are; may be a work_dir of fastdup.
        name: the file of pairs; None for the documented one.
        num_images: pairs, outliers or components on the page, at most.
        descending: duplicates only: closest first.

    Raises:
        WorkDirError: a file that the page needs is missing or damaged.
    """
    effort = Effort.of(Settings())
    if page is Page.COMPONENTS:
        check_belongs(work_dir, read_config(work_dir), "components")
        components, names = files.read_components(work_dir), files.read_features(work_dir).names
        illustrate = illustrator(_members_of(components, names, num_images), effort)
        return components_page(components, names, illustrate, num_components=num_images)
    pairs = files.read_pairs(work_dir, name or (files.SIMILARITY if page is Page.DUPLICATES else files.OUTLIERS))
    rows = pairs.rows.head(2 * num_images) if descending else pairs.rows.tail(2 * num_images)
    shown = [image for side in ("from", "to") for image in rows[side]]
    illustrate = illustrator(shown, effort)
    if page is Page.OUTLIERS:
        return outliers_page(pairs, illustrate, num_images=num_images)
    suggest = read_config(work_dir).settings.get("run_mode") not in _OF_TWO_SETS
    return duplicates_page(pairs, illustrate, num_images=num_images, descending=descending, suggest=suggest)


def _members_of(components: Components, names: pl.Series, num_components: int) -> list[bytes]:
    """The names that a page of components shows. Filling the page without pictures tells them."""
    asked: list[bytes] = []

    def note(name: bytes) -> ShownFile:
        asked.append(name)
        return ShownFile(name)

    components_page(components, names, note, num_components=num_components)
    return asked
