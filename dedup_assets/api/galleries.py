"""fastdup's gallery functions: each writes one page (pairs, outliers or components) and shows it in a notebook."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dedup_assets.api.arguments import path_of, plain
from dedup_assets.api.outcomes import reported, say
from dedup_assets.engine.core.errors import SettingsError, WorkDirError
from dedup_assets.engine.core.redaction import redacted

if TYPE_CHECKING:
    from dedup_assets.engine.work_dir import WorkDir


def create_duplicates_gallery(
    similarity_file: str | os.PathLike[str],
    save_path: str | os.PathLike[str],
    num_images: int = 20,
    descending: bool = True,
) -> int:
    """Write a page of the most similar pairs, side by side, and show it inline in a Jupyter notebook.

    Args:
        similarity_file: similarity.csv of a run, or a work_dir that holds it.
        save_path: folder for the page, duplicates.html.
        num_images: the most pairs to show.
        descending: closest first; False shows the least similar pairs first.

    Returns:
        0 on success; 1 on error, with one line on stderr.
    """
    return _create("DUPLICATES", {"similarity_file": similarity_file}, save_path, num_images, descending)


generate_duplicates_gallery = create_duplicates_gallery


def create_outliers_gallery(
    outliers_file: str | os.PathLike[str], save_path: str | os.PathLike[str], num_images: int = 20
) -> int:
    """Write a page of the most isolated images, each with its nearest neighbour, and show it inline in Jupyter.

    Args:
        outliers_file: outliers.csv of a run, or a work_dir that holds it.
        save_path: folder for the page, outliers.html.
        num_images: the most outliers to show.

    Returns:
        0 on success; 1 on error, with one line on stderr.
    """
    return _create("OUTLIERS", {"outliers_file": outliers_file}, save_path, num_images)


def create_components_gallery(
    work_dir: str | os.PathLike[str], save_path: str | os.PathLike[str], num_images: int = 20
) -> int:
    """Write a page of the largest components, and show it inline in Jupyter.

    Args:
        work_dir: the work_dir of a run, with components and names.
        save_path: folder for the page, components.html.
        num_images: the most components to show.

    Returns:
        0 on success; 1 on error, with one line on stderr.
    """
    return _create("COMPONENTS", {"work_dir": work_dir}, save_path, num_images)


def create_stats_gallery(
    stats_file: str | os.PathLike[str],
    save_path: str | os.PathLike[str],
    num_images: int = 20,
    metric: str = "blur",
    descending: bool = False,
) -> int:
    """Write a page of the images with the lowest (or highest) value of a fact, and show it inline in Jupyter.

    Args:
        stats_file: the work_dir of a run, or its image_facts.parquet.
        save_path: folder for the page, stats.html.
        num_images: the most images to show.
        metric: the fact: blur (the lower, the blurrier), mean (brightness), stdv, contrast, uniformity, width, ...
        descending: the highest value first.

    Returns:
        0 on success; 1 on error, with one line on stderr.
    """
    return _create("STATS", {"stats_file": stats_file}, save_path, num_images, descending, metric)


def _create(
    page: str,
    source: dict[str, object],
    save_path: object,
    num_images: object,
    descending: bool = True,
    metric: str = "",
) -> int:
    """Write a page; `page` is a member of `Page` and `source` the parameter that says where the results are."""
    with reported() as outcome:
        from dedup_assets.api.notebook import show_inline
        from dedup_assets.engine.gallery.pages import Page
        from dedup_assets.engine.gallery.single_page import single_page, stats_of
        from dedup_assets.engine.work_dir import WorkDir
        from dedup_assets.engine.work_dir.documents import check_replaceable, write_document

        shown, count = Page[page], plain(num_images)
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise SettingsError(f"num_images={num_images!r:.200}: must be a whole number, at least 1")
        ((parameter, value),) = source.items()
        folder, name = _source(path_of(parameter, value))
        target = WorkDir(path_of("save_path", save_path))
        check_replaceable(target, shown.value)
        if shown is Page.STATS:
            html = stats_of(folder, metric=metric, num_images=count, descending=descending)
        else:
            html = single_page(shown, folder, name, num_images=count, descending=descending)
        write_document(target, shown.value, html)
        show_inline(html)
        say(f"Gallery: {redacted(target.path(shown.value))}")
    return outcome.code


def _source(path: str) -> "tuple[WorkDir, str | None]":
    """Return a work_dir and, if the path is a file in it, the name of the file."""
    from dedup_assets.engine.work_dir import WorkDir

    if path.endswith((".csv", ".parquet")):
        folder, _, name = path.rpartition("/")
        return WorkDir(folder or "."), name
    if "://" not in path and not Path(path).is_dir():
        raise WorkDirError(f"{path!r}: no such folder or .csv file")
    return WorkDir(path), None
