"""One page from the files of a work_dir, as fastdup's gallery functions make it."""

from collections.abc import Collection

import polars as pl

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.records import Components
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.core.spelling import nearest
from dedup_assets.engine.gallery.pages import (
    Findings,
    Page,
    Pictures,
    ShownFile,
    components_page,
    duplicates_page,
    outliers_page,
    stats_page,
)
from dedup_assets.engine.gallery.pages.findings import reasons_in
from dedup_assets.engine.gallery.thumbnails import Effort, illustrator
from dedup_assets.engine.work_dir import WorkDir, fact_file, files, match_files
from dedup_assets.engine.work_dir.identity import check_belongs, read_config

_FACTS = {"brightness": "mean", "darkness": "mean", "sharpness": "blur"}  # what people call them
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
        groups = _read_groups(work_dir)
        return components_page(
            components,
            names,
            illustrate,
            num_components=num_images,
            keeping={} if groups is None else reasons_in(groups),
            pictures=None if groups is None else _count_pictures(components, names, groups),
        )
    pairs = files.read_pairs(work_dir, name or (files.SIMILARITY if page is Page.DUPLICATES else files.OUTLIERS))
    rows = pairs.rows.head(2 * num_images) if descending else pairs.rows.tail(2 * num_images)
    shown = [image for side in ("from", "to") for image in rows[side]]
    illustrate = illustrator(shown, effort)
    if page is Page.OUTLIERS:
        return outliers_page(pairs, illustrate, num_images=num_images)
    suggest = read_config(work_dir).settings.get("run_mode") not in _OF_TWO_SETS
    findings = Findings.of(_read_evidence(work_dir), _read_groups(work_dir), rows)
    return duplicates_page(
        pairs, illustrate, num_images=num_images, descending=descending, suggest=suggest, findings=findings
    )


def _read_evidence(work_dir: WorkDir) -> Evidence | None:
    return match_files.read_evidence(work_dir) if _has(work_dir, "evidence", match_files.EVIDENCE) else None


def _read_groups(work_dir: WorkDir) -> Groups | None:
    return match_files.read_groups(work_dir) if _has(work_dir, "groups", match_files.GROUPS) else None


def _has(work_dir: WorkDir, result: str, name: str) -> bool:
    """Whether the work_dir has a result, which the run did not switch off and which belongs to the others."""
    config = read_config(work_dir)
    if config.settings.get("evidence") == "off" or not work_dir.exists(name):
        return False
    check_belongs(work_dir, config, result)
    return True


def _count_pictures(components: Components, names: pl.Series, groups: Groups) -> Pictures:
    images = components.images.select("component_id", filename=names.gather(components.images["__id"]))
    found = images.join(groups.rows.select("filename", "group_id"), on="filename", how="left")
    counts = found.group_by("component_id").agg(
        groups=pl.col("group_id").drop_nulls().n_unique(), alone=pl.col("group_id").null_count()
    )
    return {component: (number, alone) for component, number, alone in counts.iter_rows()}


def _members_of(components: Components, names: pl.Series, num_components: int) -> list[bytes]:
    """The names that a page of components shows. Filling the page without pictures tells them."""
    asked: list[bytes] = []

    def note(name: bytes) -> ShownFile:
        asked.append(name)
        return ShownFile(name)

    components_page(components, names, note, num_components=num_components)
    return asked


def _meant(metric: str, known: Collection[str]) -> str:
    near = nearest(metric, [*known, *_FACTS])
    return f" (did you mean {_FACTS.get(near, near)!r}?)" if near else ""


def stats_of(work_dir: WorkDir, *, metric: str, num_images: int, descending: bool) -> str:
    """The page of images by a fact.

    Args:
        work_dir: where the results are.
        metric: a column of image_facts.parquet that is a number.
        num_images: images on the page, at most.
        descending: the highest value first.

    Raises:
        SettingsError: there is no such fact.
        WorkDirError: image_facts.parquet is missing or damaged.
    """
    facts = fact_file.read_facts(work_dir)
    known = [name for name, kind in facts.schema.items() if kind.is_numeric() and name != "index"]
    if metric not in known:
        raise SettingsError(f"metric={metric!r}: allowed are {', '.join(known)}{_meant(str(metric), known)}")
    rows = facts.select("filename", pl.col(metric).cast(pl.Float64)).drop_nulls()
    first = rows.sort([metric, "filename"], descending=[descending, False]).head(num_images)
    illustrate = illustrator(first["filename"], Effort.of(Settings()))
    return stats_page(first.rows(), illustrate, metric=metric, descending=descending, total=rows.height)
