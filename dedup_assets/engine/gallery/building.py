"""Building the gallery from results: reads the images that the pages show, in parallel, and fills the pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from threading import Thread
from typing import TypedDict

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.records import BadImages, Components, Gallery, Pairs
from dedup_assets.engine.core.set_records import Leaks
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.decoders.asking import keep_decoders
from dedup_assets.engine.gallery.first_shown import (
    COMPONENTS_ON_PAGE,
    GROUPS_ON_PAGE,
    MEMBERS,
    RELATED,
    components_shown,
    files_shown_first,
    groups_shown,
    pairs_shown,
)
from dedup_assets.engine.gallery.leaks import picture_leaks
from dedup_assets.engine.gallery.mapping import draw_map
from dedup_assets.engine.gallery.outlining import outline_pairs
from dedup_assets.engine.gallery.pages import (
    Links,
    Page,
    ShownFile,
    Site,
    Summary,
    Uncompared,
    bad_images_page,
    common_folder,
    components_page,
    duplicates_page,
    groups_page,
    leaks_page,
    list_tasks,
    map_page,
    outliers_page,
    read_static,
    summary_page,
)
from dedup_assets.engine.gallery.pages.aligning import align_pairs
from dedup_assets.engine.gallery.pages.data_scripts import write_bad_images, write_facts, write_results
from dedup_assets.engine.gallery.pages.group_changes import show_changes
from dedup_assets.engine.gallery.pages.keeping import drop_lost
from dedup_assets.engine.gallery.pages.layout import GALLERY_PAGES, STATIC_FILES, compile_templates
from dedup_assets.engine.gallery.pages.numbering import NumberedResults, number_results
from dedup_assets.engine.gallery.pages.shown_files import tabulate
from dedup_assets.engine.gallery.spool import Spool
from dedup_assets.engine.gallery.suggesting import Suggestions, suggest
from dedup_assets.engine.gallery.thumbnails import Effort, describe_files, known_sizes, make_pictures

_BAD_ON_PAGE = 100
_THUMBNAILS_PER_FOLDER = 1000
_NO_COMPONENTS = Components(pl.DataFrame(), pl.DataFrame())


@dataclass(frozen=True)
class Results:
    """What a run found, as the gallery shows it.

    Attributes:
        names: (n,) binary: the path's bytes of each good image, in the order of the features.
        bad: the bad images.
        pairs: similar pairs, closest first.
        components: the similarity graph; None for a test set, which has no graph and no page of components.
        outliers: most isolated first.
        subtitle: what was compared with what, unless the input was compared with itself.
        folder: where the gallery will be; if given, images beside the work_dir are linked relatively.
        depth: how many folders above the gallery its work_dir is.
        sizes: `filename` and `size_bytes` from the listing, for images on stores and in archives, which are not read
            again.
        uncompared: what the input holds besides the compared and the bad images.
        evidence: why images match; None if the run did not ask. With `evidence=off` it is not shown.
        groups: images that are one picture; as `evidence`. With groups or evidence, groups alone say what to keep.
        leaks: what named sets share; None without sets.
        saying: the leaks in a sentence.
        vectors: (n, d) float32, of each good image; None: there is no map.
    """

    names: pl.Series
    bad: BadImages
    pairs: Pairs
    components: Components | None
    outliers: Pairs
    subtitle: str = ""
    folder: str = ""
    depth: int = 1
    sizes: pl.DataFrame | None = None
    uncompared: Uncompared = field(default_factory=Uncompared)
    evidence: Evidence | None = None
    groups: Groups | None = None
    leaks: Leaks | None = None
    saying: str = ""
    vectors: NDArray[np.float32] | None = None

    @property
    def suggest(self) -> bool:
        """Whether pages say which image to keep. For two sets they do not, because their owners decide about each."""
        return self.components is not None


def build_gallery(results: Results, settings: Settings) -> Gallery:
    """Make all pages of the gallery, their data and thumbnails.

    Everything that was found is listed; `gallery_pairs` says how much of it has thumbnails.

    Args:
        results: what to show.
        settings: settings of the run, which the first page shows. They also limit what is decoded, and how many images
            at a time.

    Returns:
        The pages by file name (`index.html` is the first page), and the folder that they load.
    """
    if settings.evidence == "off":
        results = replace(results, evidence=None, groups=None)
    Thread(target=compile_templates, name="templates", daemon=True).start()  # while other processes decode
    numbered = _number(results)
    spool = Spool()
    links = Links.of_gallery(results.folder, results.depth + 1)
    with keep_decoders(settings.num_threads):
        shown, facts = _read_files(numbered, spool, settings, links)
        facts = facts if results.sizes is None else _add_sizes(numbered.names, facts, results.sizes)
        numbered = _complete(numbered, facts, shown, spool, Effort.of(settings))
        suggestions = suggest(numbered, facts, shown)
        named = {file.name: file for file in shown.values()}
        if results.leaks is not None:
            named |= picture_leaks(results.leaks, named, spool, settings, links)
        site = _write_data(results, numbered, facts, suggestions, spool, settings, links)
        pages = _fill_pages(results, numbered, named, facts, suggestions, settings, site, links)
    return Gallery(pages, site.folder, spool, spool.size_bytes)


def _number(results: Results) -> NumberedResults:
    sizes = results.sizes
    if results.groups is not None:
        sizes = known_sizes(results.groups.rows["filename"], sizes)
    return number_results(
        results.pairs,
        results.outliers,
        results.components or _NO_COMPONENTS,
        results.names,
        evidence=results.evidence,
        groups=results.groups,
        sizes=sizes,
    )


def _read_files(
    numbered: NumberedResults, spool: Spool, settings: Settings, links: Links
) -> tuple[dict[int, ShownFile], pl.DataFrame]:
    """The files that are shown first, with thumbnails, and the facts of all files."""
    effort = Effort.of(settings)
    first = files_shown_first(numbered, settings)
    number = dict(zip(numbered.names.gather(first), first, strict=True))
    shown: dict[int, ShownFile] = {}
    for name, file in make_pictures(number, effort):
        place = number[name]
        path = f"thumbs/{place // _THUMBNAILS_PER_FOLDER:03d}/{place}.jpg"
        if file.thumbnail is not None:
            spool.add(path, file.thumbnail)
        address = None if file.thumbnail is None else path
        there = file.thumbnail is not None or file.size_bytes is not None or file.container is not None
        link = links.link(_opened(file)) if there else None
        shown[place] = replace(file, thumbnail=None, address=address, link=link)
    rest = [place for place in range(len(numbered.names)) if place not in shown]
    others = describe_files(numbered.names.gather(rest).to_list(), effort)
    merged = (shown[place] if place in shown else next(others) for place in range(len(numbered.names)))
    return shown, tabulate(merged)


def _complete(
    numbered: NumberedResults, facts: pl.DataFrame, shown: Mapping[int, ShownFile], spool: Spool, effort: Effort
) -> NumberedResults:
    """Add what the files themselves say of groups and evidence: which are gone, how pairs are aligned, what changed."""
    proven, groups = "relation" in numbered.pairs.columns, numbered.groups

    def aligned(pairs: pl.DataFrame) -> pl.DataFrame:
        pairs = pairs.with_columns(align_pairs(pairs, facts))
        return pairs.with_columns(outline_pairs(pairs, shown, spool, effort))

    if groups is not None:
        groups = drop_lost(groups, facts)
    if groups is not None and proven:
        pairs = groups.copies.with_columns(a=groups.groups["keep"].gather(groups.copies["group"]), b="file")
        groups = replace(groups, copies=groups.copies.with_columns(aligned(pairs).select("align", "changed", "kind")))
    return replace(numbered, groups=groups, pairs=aligned(numbered.pairs) if proven else numbered.pairs)


def _add_sizes(names: pl.Series, facts: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    listed = sizes.unique("filename", keep="last").rename({"filename": "name", "size_bytes": "listed"})
    elsewhere = pl.col("container").is_not_null() | pl.col("name").bin.contains(b"://")
    found = facts.with_columns(names).join(listed, on="name", how="left", maintain_order="left")
    size = pl.when(elsewhere).then(pl.coalesce("size_bytes", "listed")).otherwise("size_bytes")
    return found.with_columns(size.alias("size_bytes")).drop("name", "listed")


def _opened(file: ShownFile) -> bytes:
    """What a click on an image opens: the image, the archive that holds it, or a video at the moment of the frame."""
    return file.container if file.container and file.container_kind == "archive" else file.name


def _write_data(
    results: Results,
    numbered: NumberedResults,
    facts: pl.DataFrame,
    suggestions: Suggestions,
    spool: Spool,
    settings: Settings,
    links: Links,
) -> Site:
    """Write the scripts, the styles and the data of all results."""
    for name in STATIC_FILES:
        spool.add(name, read_static(name))
    paths: dict[str, list[str]] = {}
    common = common_folder([numbered.names[place] for place in (0, -1) if len(numbered.names)])
    shared = write_facts(
        pairs=pairs_shown(settings),
        components=COMPONENTS_ON_PAGE,
        groups=GROUPS_ON_PAGE,
        members=MEMBERS,
        related=RELATED,
        bad=_BAD_ON_PAGE,
        thumbnails=_THUMBNAILS_PER_FOLDER,
        beside=links.beside,
        way=links.way,
        suggest=results.suggest,
        grouped=suggestions.decided is not None,
        common=common,
    )
    data = write_results(numbered, facts, suggest=results.suggest, decided=suggestions.decided)
    for kind, script in chain(shared, data, write_bad_images(results.bad)):
        same = paths.setdefault(kind, [])
        same.append(f"data/{kind}-{len(same):04d}.js")
        spool.add(same[-1], script)
    return Site(spool.folder, paths, common, int(facts["thumbnail"].sum()), facts.height)


def _fill_pages(
    results: Results,
    numbered: NumberedResults,
    shown: Mapping[bytes, ShownFile],
    facts: pl.DataFrame,
    suggestions: Suggestions,
    settings: Settings,
    site: Site,
    links: Links,
) -> dict[str, str]:
    components = results.components or _NO_COMPONENTS
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
    frame = _Frame(subtitle=results.subtitle, pages=every, site=site)
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
        changes=changes,
        conflicts=len(results.groups.decided.conflicts) if results.groups and results.groups.decided else 0,
        tasks=tasks,
    )
    filled = {
        Page.SUMMARY: summary_page(summary, illustrate, **frame),
        Page.DUPLICATES: duplicates_page(
            results.pairs,
            illustrate,
            num_images=pairs_shown(settings),
            suggest=results.suggest,
            findings=suggestions.findings,
            **frame,
        ),
        Page.COMPONENTS: components_page(
            components,
            results.names,
            illustrate,
            num_components=components_shown(numbered, settings),
            max_images=MEMBERS,
            keeping=suggestions.keeping,
            pictures=suggestions.pictures,
            **frame,
        ),
        Page.OUTLIERS: outliers_page(results.outliers, illustrate, num_images=pairs_shown(settings), **frame),
        Page.BAD_IMAGES: bad_images_page(results.bad, num_images=_BAD_ON_PAGE, **frame),
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
            **frame,
        )
    if results.vectors is not None:
        points = draw_map(results.names, results.vectors, results.groups, results.outliers.rows["from"], links)
        filled[Page.MAP] = map_page(points, len(results.names), **frame)
    if results.leaks is not None:
        num_images = pairs_shown(settings)
        filled[Page.LEAKS] = leaks_page(
            results.leaks, illustrate, saying=results.saying, num_images=num_images, **frame
        )
    return {page.value: html for page, html in filled.items() if page in every}


class _Frame(TypedDict):
    """What all pages of a gallery share."""

    subtitle: str
    pages: tuple[Page, ...]
    site: Site
