"""Filling the pages of a gallery, once the files that they show are read."""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from dedup_assets.engine.core.own_files import CALIBRATION
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.gallery.first_shown import (
    BAD_ON_PAGE,
    MEMBERS,
    RELATED,
    components_shown,
    groups_shown,
    pairs_shown,
)
from dedup_assets.engine.gallery.found import NO_COMPONENTS, Results
from dedup_assets.engine.gallery.mapping import draw_map
from dedup_assets.engine.gallery.pages import (
    Frame,
    Links,
    Page,
    ShownFile,
    Site,
    Summary,
    bad_images_page,
    components_page,
    duplicates_page,
    groups_page,
    leaks_page,
    list_tasks,
    map_page,
    outliers_page,
    summary_page,
)
from dedup_assets.engine.gallery.pages.group_changes import show_changes
from dedup_assets.engine.gallery.pages.layout import GALLERY_PAGES
from dedup_assets.engine.gallery.pages.numbering import NumberedResults
from dedup_assets.engine.gallery.suggesting import Suggestions
from dedup_assets.engine.gallery.thumbnails import Effort, describe_files


def fill_pages(
    results: Results,
    numbered: NumberedResults,
    shown: Mapping[bytes, ShownFile],
    facts: pl.DataFrame,
    suggestions: Suggestions,
    settings: Settings,
    site: Site,
    links: Links,
    on_map: Mapping[bytes, str],
) -> dict[str, str]:
    """The pages by file name.

    Args:
        results: what the run found.
        numbered: the same, with numbers of files.
        shown: the files that are shown first, by name.
        facts: of all files.
        suggestions: what to keep, and why.
        settings: of the run.
        site: what the pages load.
        links: addresses of originals.
        on_map: paths of thumbnails of the images on the map, by name.
    """
    components = results.components or NO_COMPONENTS
    by_name = {
        name: replace(file, address=file.address and f"{site.folder}/{file.address}") for name, file in shown.items()
    }
    effort = Effort.of(settings)

    def illustrate(name: bytes) -> ShownFile:  # the summary may show a few files without a thumbnail
        return by_name.get(name) or next(describe_files([name], effort))

    missing = {
        Page.COMPONENTS: results.components,
        Page.GROUPS: numbered.groups,
        Page.LEAKS: results.leaks,
        Page.MAP: results.vectors,
    }
    every = tuple(page for page in GALLERY_PAGES if missing.get(page, page) is not None)
    frame = Frame(subtitle=results.subtitle, pages=every, site=site)
    changes = None if results.groups is None else show_changes(results.groups.history)
    tasks = () if numbered.groups is None else list_tasks(numbered.groups, numbered.pairs, facts, settings.work_dir)
    summary = Summary(
        names=results.names,
        bad=results.bad,
        pairs=results.pairs,
        components=components,
        outliers=results.outliers,
        settings=settings.model_dump(),
        freed=suggestions.freed,
        suggest=results.suggest,
        uncompared=results.uncompared,
        groups=None if numbered.groups is None else (numbered.groups, numbered.names),
        findings=suggestions.findings,
        leaks=results.saying,
        open_leaks=results.open_leaks,
        changes=changes,
        conflicts=len(results.groups.decided.conflicts) if results.groups and results.groups.decided else 0,
        tasks=tasks,
        calibration=f"../{CALIBRATION}" if results.calibrated else "",
    )
    filled = {
        Page.SUMMARY: summary_page(summary, illustrate, frame=frame),
        Page.DUPLICATES: duplicates_page(
            results.pairs,
            illustrate,
            num_images=pairs_shown(settings),
            suggest=results.suggest,
            findings=suggestions.findings,
            frame=frame,
        ),
        Page.COMPONENTS: components_page(
            components,
            results.names,
            illustrate,
            num_components=components_shown(numbered, settings),
            max_images=MEMBERS,
            keeping=suggestions.keeping,
            pictures=suggestions.pictures,
            frame=frame,
        ),
        Page.OUTLIERS: outliers_page(results.outliers, illustrate, num_images=pairs_shown(settings), frame=frame),
        Page.BAD_IMAGES: bad_images_page(results.bad, num_images=BAD_ON_PAGE, frame=frame),
    }
    if numbered.groups is not None:
        filled[Page.GROUPS] = groups_page(
            numbered.groups,
            numbered.names,
            illustrate,
            changes=changes,
            num_groups=groups_shown(numbered.groups, settings),
            max_copies=MEMBERS,
            max_related=RELATED,
            frame=frame,
        )
    if results.vectors is not None:
        pictures = {name: f"{site.folder}/{path}" for name, path in on_map.items()}
        alone = results.outliers.rows["from"]
        points = draw_map(results.names, results.vectors, results.groups, alone, links, pictures)
        filled[Page.MAP] = map_page(points, len(results.names), frame=frame)
    if results.leaks is not None:
        num_images = pairs_shown(settings)
        filled[Page.LEAKS] = leaks_page(
            results.leaks,
            illustrate,
            saying=results.saying,
            to_look_at=results.open_leaks,
            work_dir=settings.work_dir,
            num_images=num_images,
            frame=frame,
        )
    return {page.value: html for page, html in filled.items() if page in every}
