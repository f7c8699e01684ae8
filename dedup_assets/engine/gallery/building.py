"""Building the gallery from results: reads the images that the pages show, in parallel, and fills the pages."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from threading import Thread

import polars as pl

from dedup_assets.engine.core.records import Gallery
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.decoders.asking import keep_decoders
from dedup_assets.engine.decoders.tasks import SMALL_SIDE, THUMBNAIL_SIDE
from dedup_assets.engine.gallery.beside import heed_belongings
from dedup_assets.engine.gallery.filling import fill_pages
from dedup_assets.engine.gallery.first_shown import (
    BAD_ON_PAGE,
    COMPONENTS_ON_PAGE,
    GROUPS_ON_PAGE,
    MEMBERS,
    RELATED,
    files_shown_first,
    files_shown_later,
    pairs_shown,
)
from dedup_assets.engine.gallery.found import NO_COMPONENTS, Results
from dedup_assets.engine.gallery.leaks import picture_leaks
from dedup_assets.engine.gallery.listed_files import facts_as_listed
from dedup_assets.engine.gallery.mapping import picture_map
from dedup_assets.engine.gallery.outlining import outline_pairs
from dedup_assets.engine.gallery.pages import (
    Links,
    ShownFile,
    Site,
    common_folder,
    read_static,
)
from dedup_assets.engine.gallery.pages.aligning import align_pairs
from dedup_assets.engine.gallery.pages.data_scripts import write_bad_images, write_facts, write_results
from dedup_assets.engine.gallery.pages.keeping import drop_lost
from dedup_assets.engine.gallery.pages.layout import MAP_SCRIPT, STATIC_FILES, compile_templates
from dedup_assets.engine.gallery.pages.numbering import NumberedResults, number_results
from dedup_assets.engine.gallery.pages.shown_files import tabulate
from dedup_assets.engine.gallery.spool import Spool
from dedup_assets.engine.gallery.suggesting import Suggestions, suggest
from dedup_assets.engine.gallery.thumbnail_memory import NO_MEMORY, ThumbnailMemory
from dedup_assets.engine.gallery.thumbnails import (
    Effort,
    add_thumbnail,
    describe_files,
    known_sizes,
    make_pictures,
)

_THUMBNAILS_PER_FOLDER = 1000


def build_gallery(results: Results, settings: Settings, memory: ThumbnailMemory = NO_MEMORY) -> Gallery:
    """Make all pages of the gallery, their data and thumbnails.

    Everything that was found is listed; `gallery_pairs` and `gallery_thumbnails` say how much of it has thumbnails.

    Args:
        results: what to show.
        settings: settings of the run, which the first page shows. They also limit what is decoded, and how many images
            at a time.
        memory: the thumbnails of the gallery before.

    Returns:
        The pages by file name (`index.html` is the first page), and the folder that they load.
    """
    if settings.evidence == "off":
        results = replace(results, evidence=None, groups=None)
    if results.groups is not None:
        results = replace(results, groups=heed_belongings(results.groups))
    Thread(target=compile_templates, name="templates", daemon=True).start()  # while other processes decode
    numbered = _number(results)
    spool = Spool()
    links, effort = Links.of_gallery(results.folder, results.depth + 1), Effort.of(settings, memory)
    with keep_decoders(settings.num_threads):
        shown, facts = _read_files(numbered, results.listed, spool, settings, links, effort)
        facts = facts if results.listed is None else _add_sizes(numbered.names, facts, results.listed)
        numbered = _complete(numbered, facts, shown, spool, effort)
        suggestions = suggest(numbered, facts, shown)
        named = {file.name: file for file in shown.values()}
        if results.leaks is not None:
            named |= picture_leaks(results.leaks, named, spool, pairs_shown(settings), links, effort)
        on_map = (
            {} if results.vectors is None else _picture_map(results, numbered, facts, shown, spool, settings, effort)
        )
        memory.add_list(spool)
        site = _write_data(results, numbered, facts, suggestions, spool, settings, links)
        pages = fill_pages(results, numbered, named, facts, suggestions, settings, site, links, on_map)
    return Gallery(pages, site.folder, spool, spool.size_bytes)


def _number(results: Results) -> NumberedResults:
    sizes = None if results.listed is None else results.listed.select("filename", "size_bytes")
    if results.groups is not None:
        sizes = known_sizes(results.groups.rows["filename"], sizes)
    return number_results(
        results.pairs,
        results.outliers,
        results.components or NO_COMPONENTS,
        results.names,
        evidence=results.evidence,
        groups=results.groups,
        sizes=sizes,
    )


def _read_files(
    numbered: NumberedResults,
    listed: pl.DataFrame | None,
    spool: Spool,
    settings: Settings,
    links: Links,
    effort: Effort,
) -> tuple[dict[int, ShownFile], pl.DataFrame]:
    """The files that are shown first, with thumbnails, and the facts of all files."""
    first = files_shown_first(numbered, settings)
    shown = _picture(numbered.names, first, spool, links, effort, THUMBNAIL_SIDE)
    later = files_shown_later(numbered, first, settings)
    known = shown | _picture(numbered.names, later, spool, links, effort, SMALL_SIDE)
    rest = [place for place in range(len(numbered.names)) if place not in known]
    as_listed = facts_as_listed(numbered.names.gather(rest), listed).with_columns(
        place=pl.Series(rest, dtype=pl.UInt32)
    )
    read = sorted(set(range(len(numbered.names))).difference(as_listed.drop_nulls("size_bytes")["place"]))
    others = describe_files([numbered.names[place] for place in read if place not in known], effort)
    facts = tabulate(known[place] if place in known else next(others) for place in read)
    found = [facts.with_columns(place=pl.Series(read, dtype=pl.UInt32)), as_listed.drop_nulls("size_bytes")]
    return shown, pl.concat(found).sort("place").drop("place")


def _picture(
    names: pl.Series, places: list[int], spool: Spool, links: Links, effort: Effort, side: int
) -> dict[int, ShownFile]:
    """These files, with thumbnails of this side in the spool."""
    number = dict(zip(names.gather(places), places, strict=True))
    shown: dict[int, ShownFile] = {}
    for name, file in make_pictures(number, effort, side):
        place = number[name]
        path = _path(place)
        add_thumbnail(path, file, side, spool, effort)
        address = None if file.thumbnail is None else path
        there = file.thumbnail is not None or file.size_bytes is not None or file.container is not None
        link = links.link(_opened(file)) if there else None
        shown[place] = replace(file, thumbnail=None, address=address, link=link)
    return shown


def _picture_map(
    results: Results,
    numbered: NumberedResults,
    facts: pl.DataFrame,
    shown: Mapping[int, ShownFile],
    spool: Spool,
    settings: Settings,
    effort: Effort,
) -> dict[bytes, str]:
    """Thumbnails of images on the map: those of lists, then others, as long as `gallery_thumbnails` leaves room."""
    places = facts.with_row_index("place").filter("thumbnail")["place"]
    known = dict(zip(numbered.names.gather(places), (_path(place) for place in places), strict=True))
    small = len(places) - sum(file.address is not None for file in shown.values())
    return picture_map(results.names, known, settings.gallery_thumbnails - small, spool, effort)


def _path(place: int) -> str:
    return f"thumbs/{place // _THUMBNAILS_PER_FOLDER:03d}/{place}.jpg"


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
    listed = sizes.select(name="filename", listed="size_bytes").unique("name", keep="last")
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
    for name in (*STATIC_FILES, *([MAP_SCRIPT] if results.vectors is not None else [])):
        spool.add(name, read_static(name))
    paths: dict[str, list[str]] = {}
    common = common_folder([numbered.names[place] for place in (0, -1) if len(numbered.names)])
    shared = write_facts(
        pairs=pairs_shown(settings),
        components=COMPONENTS_ON_PAGE,
        groups=GROUPS_ON_PAGE,
        members=MEMBERS,
        related=RELATED,
        bad=BAD_ON_PAGE,
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
