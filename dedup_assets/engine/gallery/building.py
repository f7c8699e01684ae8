"""Building the gallery from results: reads the images that the pages show, in parallel, and fills the pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from threading import Thread
from typing import TypedDict

import polars as pl

from dedup_assets.engine.core.records import BadImages, Components, Gallery, Pairs
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.decoders.asking import keep_decoders
from dedup_assets.engine.gallery.pages import (
    Freed,
    Keeping,
    Links,
    Page,
    Reason,
    ShownFile,
    Site,
    Summary,
    Uncompared,
    bad_images_page,
    components_page,
    duplicates_page,
    outliers_page,
    read_static,
    summary_page,
)
from dedup_assets.engine.gallery.pages.data_scripts import write_bad_images, write_facts, write_results
from dedup_assets.engine.gallery.pages.keeping import choose
from dedup_assets.engine.gallery.pages.layout import STATIC_FILES, compile_templates
from dedup_assets.engine.gallery.pages.numbering import NumberedResults, number_results
from dedup_assets.engine.gallery.pages.shown_files import tabulate
from dedup_assets.engine.gallery.spool import Spool
from dedup_assets.engine.gallery.thumbnails import Effort, describe_files, make_pictures

_MOST_ON_PAGE = 50  # pairs or outliers
_COMPONENTS_ON_PAGE = 20
_MEMBERS = 12  # of a component, before it is opened
_MEMBERS_PER_PAIR = 4  # thumbnails of members per pair that has thumbnails
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
    Thread(target=compile_templates, name="templates", daemon=True).start()  # while other processes decode
    components = results.components or _NO_COMPONENTS
    numbered = number_results(results.pairs, results.outliers, components, results.names)
    spool = Spool()
    links = Links.of_gallery(results.folder, results.depth + 1)
    with keep_decoders(settings.num_threads):
        shown, facts = _read_files(numbered, spool, settings, links)
        facts = facts if results.sizes is None else _add_sizes(numbered.names, facts, results.sizes)
        site = _write_data(results, numbered, facts, spool, settings, links)
        pages = _fill_pages(results, numbered, facts, shown, settings, site)
    return Gallery(pages, site.folder, spool, spool.size_bytes)


def _read_files(
    numbered: NumberedResults, spool: Spool, settings: Settings, links: Links
) -> tuple[dict[int, ShownFile], pl.DataFrame]:
    """The files that are shown first, with thumbnails, and the facts of all files."""
    effort = Effort.of(settings)
    first = _shown_first(numbered, settings.gallery_pairs)
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


def _add_sizes(names: pl.Series, facts: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    listed = sizes.unique("filename", keep="last").rename({"filename": "name", "size_bytes": "listed"})
    elsewhere = pl.col("container").is_not_null() | pl.col("name").bin.contains(b"://")
    found = facts.with_columns(names).join(listed, on="name", how="left", maintain_order="left")
    size = pl.when(elsewhere).then(pl.coalesce("size_bytes", "listed")).otherwise("size_bytes")
    return found.with_columns(size.alias("size_bytes")).drop("name", "listed")


def _opened(file: ShownFile) -> bytes:
    """What a click on an image opens: the image, the archive that holds it, or a video at the moment of the frame."""
    return file.container if file.container and file.container_kind == "archive" else file.name


def _shown_first(numbered: NumberedResults, num_images: int) -> list[int]:
    """The files that get thumbnails: those of the first pairs, outliers and members of components."""
    first = [rows.head(num_images)[side] for rows in (numbered.pairs, numbered.outliers) for side in ("a", "b")]
    members = numbered.members.group_by("group", maintain_order=True).head(_MEMBERS)
    members = members.filter(pl.col("group") < num_images)
    shown = pl.concat([*first, members["file"].head(_MEMBERS_PER_PAIR * num_images)])
    return [int(place) for place in shown.unique().sort()]


def _write_data(
    results: Results, numbered: NumberedResults, facts: pl.DataFrame, spool: Spool, settings: Settings, links: Links
) -> Site:
    """Write the scripts, the styles and the data of all results."""
    for name in STATIC_FILES:
        spool.add(name, read_static(name))
    paths: dict[str, list[str]] = {}
    shared = write_facts(
        pairs=_shown(settings),
        components=_COMPONENTS_ON_PAGE,
        members=_MEMBERS,
        bad=_BAD_ON_PAGE,
        thumbnails=_THUMBNAILS_PER_FOLDER,
        beside=links.beside,
        way=links.way,
        suggest=results.suggest,
    )
    data = write_results(numbered, facts, suggest=results.suggest)
    for kind, script in chain(shared, data, write_bad_images(results.bad)):
        same = paths.setdefault(kind, [])
        same.append(f"data/{kind}-{len(same):04d}.js")
        spool.add(same[-1], script)
    return Site(spool.folder, paths)


def _fill_pages(
    results: Results,
    numbered: NumberedResults,
    facts: pl.DataFrame,
    shown: Mapping[int, ShownFile],
    settings: Settings,
    site: Site,
) -> dict[str, str]:
    components = results.components or _NO_COMPONENTS
    keeping, freed = _suggest(numbered, facts)
    by_name = {
        file.name: replace(file, address=file.address and f"{site.folder}/{file.address}") for file in shown.values()
    }
    effort = Effort.of(settings)

    def illustrate(name: bytes) -> ShownFile:  # the summary may show a few files without a thumbnail
        return by_name.get(name) or next(describe_files([name], effort))

    every = tuple(page for page in Page if page is not Page.COMPONENTS or results.components is not None)
    frame = _Frame(subtitle=results.subtitle, pages=every, site=site)
    summary = Summary(
        names=results.names,
        bad=results.bad,
        pairs=results.pairs,
        components=components,
        outliers=results.outliers,
        settings=settings.model_dump(),
        freed=freed,
        suggest=results.suggest,
        uncompared=results.uncompared,
    )
    filled = {
        Page.SUMMARY: summary_page(summary, illustrate, **frame),
        Page.DUPLICATES: duplicates_page(
            results.pairs, illustrate, num_images=_shown(settings), suggest=results.suggest, **frame
        ),
        Page.COMPONENTS: components_page(
            components,
            results.names,
            illustrate,
            num_components=_components_shown(numbered, settings),
            max_images=_MEMBERS,
            keeping=keeping,
            **frame,
        ),
        Page.OUTLIERS: outliers_page(results.outliers, illustrate, num_images=_shown(settings), **frame),
        Page.BAD_IMAGES: bad_images_page(results.bad, num_images=_BAD_ON_PAGE, **frame),
    }
    return {page.value: html for page, html in filled.items() if page in every}


class _Frame(TypedDict):
    """What all pages of a gallery share."""

    subtitle: str
    pages: tuple[Page, ...]
    site: Site


def _suggest(numbered: NumberedResults, facts: pl.DataFrame) -> tuple[Keeping, Freed]:
    if numbered.components.is_empty():
        return {}, Freed(0, 0, 0)
    chosen = choose(numbered.members, facts)
    decided = chosen.with_columns(numbered.components["component_id"]).drop_nulls("keep")
    names = numbered.names.gather(decided["keep"])
    kept = zip(names, (Reason(reason).words for reason in decided["reason"]), strict=True)
    keeping = dict(zip(decided["component_id"], kept, strict=True))
    return keeping, Freed(*(int(chosen[name].sum()) for name in ("others", "freed", "unsized")))


def _shown(settings: Settings) -> int:
    return min(settings.gallery_pairs, _MOST_ON_PAGE)


def _components_shown(numbered: NumberedResults, settings: Settings) -> int:
    """The number of components whose shown members all have thumbnails."""
    sizes = numbered.components.head(min(settings.gallery_pairs, _COMPONENTS_ON_PAGE))
    if sizes.is_empty():
        return 0
    shown = sizes["count"].clip(upper_bound=_MEMBERS).cum_sum()
    return int((shown <= _MEMBERS_PER_PAIR * settings.gallery_pairs).sum())
