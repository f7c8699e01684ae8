"""Results to a gallery: reads the pictures that the pages show, in parallel, and fills the pages."""

import hashlib
import os
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from tempfile import SpooledTemporaryFile
from threading import Thread
from typing import TypedDict

import polars as pl

from dedup_assets.engine.core.records import BadImages, Components, Gallery, Pairs
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.decoders.asking import keep_decoders
from dedup_assets.engine.gallery.pages import (
    Freed,
    Keeping,
    Links,
    Page,
    Picture,
    Reason,
    Site,
    Summary,
    bad_images_page,
    components_page,
    duplicates_page,
    outliers_page,
    read_static,
    summary_page,
)
from dedup_assets.engine.gallery.pages.catalog import Catalog, make_catalog
from dedup_assets.engine.gallery.pages.data_scripts import write_bad_images, write_catalog, write_facts
from dedup_assets.engine.gallery.pages.keeping import choose
from dedup_assets.engine.gallery.pages.layout import STATIC_FILES, compile_templates
from dedup_assets.engine.gallery.pages.pictures import tabulate
from dedup_assets.engine.gallery.thumbnails import Effort, describe_files, illustrator, make_pictures
from dedup_assets.engine.work_dir import WorkDir, files, provenance

_MOST_ON_PAGE = 50  # pairs or outliers
_COMPONENTS_ON_PAGE = 20
_MEMBERS = 12  # of a component, before it is opened
_MEMBERS_A_PAIR = 4  # thumbnails of members for each pair that has them
_BAD_ON_PAGE = 100
_IN_MEMORY = 64 << 20
_THUMBNAILS_A_FOLDER = 1000
_OF_TWO_SETS = {mode for mode in RunMode if mode.needs_train_set}
_NO_COMPONENTS = Components(pl.DataFrame(), pl.DataFrame())


@dataclass(frozen=True)
class Results:
    """What a run found, as the gallery shows it.

    Attributes:
        names: (n,) binary: the path's bytes of each good image, in the order of the features.
        bad: the bad images.
        pairs: similar pairs, closest first.
        components: the similarity graph; None where there is none (a test set), and then no page of it.
        outliers: most isolated first.
        subtitle: what was compared with what, where that is not the input with itself.
        folder: where the gallery will stand; what lies beside the work_dir is then linked relatively.
        depth: how many folders above the gallery its work_dir is.
        sizes: `filename`, `size_bytes` as listed: of what lies on stores and in archives, which is not asked again.
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

    @property
    def suggest(self) -> bool:
        """Whether pages say which image to keep: not of two sets, whose owners decide about each."""
        return self.components is not None


@dataclass
class _Spool:
    """Files on their way into the gallery: in memory up to a size, then in a temporary file."""

    entries: list[tuple[str, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed with this object
        self._digest = hashlib.sha256()
        weakref.finalize(self, self._file.close)

    def add(self, path: str, content: bytes) -> None:
        self.entries.append((path, self._file.tell(), len(content)))
        self._file.write(content)
        self._digest.update(f"{path}\0{len(content)}\0".encode() + content)

    @property
    def name(self) -> str:
        return f"files-{self._digest.hexdigest()[:12]}"

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        for path, start, size in self.entries:
            self._file.seek(start)
            yield path, self._file.read(size)


def build_gallery(results: Results, settings: Settings) -> Gallery:
    """Make all pages of the gallery, their data and thumbnails.

    Everything that was found is listed; `gallery_pairs` says how much of it has thumbnails.

    Args:
        results: what to show.
        settings: of the run: shown on the first page, and how much is decoded, and done at once.

    Returns:
        The pages by file name, `index.html` is the one to open; and the folder of what they load.
    """
    Thread(target=compile_templates, name="templates", daemon=True).start()  # while pictures are decoded elsewhere
    catalog = make_catalog(results.pairs, results.outliers, results.components or _NO_COMPONENTS, results.names)
    spool = _Spool()
    links = Links.of_gallery(results.folder, results.depth + 1)
    with keep_decoders(settings.num_threads):
        pictures, facts = _picture_files(catalog, spool, settings, links)
        facts = facts if results.sizes is None else _add_sizes(catalog.names, facts, results.sizes)
        site = _write_data(results, catalog, facts, spool, settings, links)
        pages = _fill_pages(results, catalog, facts, pictures, settings, site)
    return Gallery(pages, site.folder, spool, sum(size for _, _, size in spool.entries))


def single_page(page: Page, work_dir: WorkDir, name: str | None, *, num_images: int, descending: bool) -> str:
    """One page from the files of a work_dir, without the others.

    Args:
        page: DUPLICATES, OUTLIERS or COMPONENTS.
        work_dir: where the results stand; fastdup's work_dirs do as well.
        name: the file of pairs; None for the documented one.
        num_images: pairs, outliers or components on the page, at most.
        descending: duplicates only: closest first.

    Raises:
        WorkDirError: a file that the page needs is missing or damaged.
    """
    effort = Effort.of(Settings())
    if page is Page.COMPONENTS:
        provenance.check_belongs(work_dir, files.read_config(work_dir), "components")
        components, names = files.read_components(work_dir), files.read_features(work_dir).names
        illustrate = illustrator(_members_of(components, names, num_images), effort)
        return components_page(components, names, illustrate, num_components=num_images)
    pairs = files.read_pairs(work_dir, name or (files.SIMILARITY if page is Page.DUPLICATES else files.OUTLIERS))
    rows = pairs.rows.head(2 * num_images) if descending else pairs.rows.tail(2 * num_images)
    shown = [image for side in ("from", "to") for image in rows[side]]
    illustrate = illustrator(shown, effort)
    if page is Page.OUTLIERS:
        return outliers_page(pairs, illustrate, num_images=num_images)
    suggest = files.read_config(work_dir).get("settings", {}).get("run_mode") not in _OF_TWO_SETS
    return duplicates_page(pairs, illustrate, num_images=num_images, descending=descending, suggest=suggest)


def _members_of(components: Components, names: pl.Series, num_components: int) -> list[bytes]:
    """Names on a page of components by itself: those it asks for when it is filled without pictures."""
    asked: list[bytes] = []

    def note(name: str) -> Picture:
        asked.append(os.fsencode(name))
        return Picture(name, None, None, None, None, None)

    components_page(components, names, note, num_components=num_components)
    return asked


def _picture_files(
    catalog: Catalog, spool: _Spool, settings: Settings, links: Links
) -> tuple[dict[int, Picture], pl.DataFrame]:
    """Thumbnails of the files that are shown first, and the facts of all."""
    effort = Effort.of(settings)
    shown = _shown_first(catalog, settings.gallery_pairs)
    number = dict(zip(catalog.names.gather(shown), shown, strict=True))
    pictures: dict[int, Picture] = {}
    for name, picture in make_pictures(number, effort):
        place = number[name]
        path = f"thumbs/{place // _THUMBNAILS_A_FOLDER:03d}/{place}.jpg"
        if picture.thumbnail is not None:
            spool.add(path, picture.thumbnail)
        address = None if picture.thumbnail is None else path
        there = picture.thumbnail is not None or picture.size_bytes is not None or picture.container is not None
        link = links.link(_opened(picture)) if there else None
        pictures[place] = replace(picture, thumbnail=None, address=address, link=link)
    rest = [place for place in range(len(catalog.names)) if place not in pictures]
    others = describe_files(catalog.names.gather(rest).to_list(), effort)
    merged = (pictures[place] if place in pictures else next(others) for place in range(len(catalog.names)))
    return pictures, tabulate(merged)


def _add_sizes(names: pl.Series, facts: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    listed = sizes.unique("filename", keep="last").rename({"filename": "name", "size_bytes": "listed"})
    elsewhere = pl.col("container").is_not_null() | pl.col("name").bin.contains(b"://")
    found = facts.with_columns(names).join(listed, on="name", how="left", maintain_order="left")
    size = pl.when(elsewhere).then(pl.coalesce("size_bytes", "listed")).otherwise("size_bytes")
    return found.with_columns(size.alias("size_bytes")).drop("name", "listed")


def _opened(picture: Picture) -> str:
    """What a click on an image opens: the archive that holds it; a video at the moment of the frame."""
    return picture.container if picture.container and picture.container_kind == "archive" else picture.name


def _shown_first(catalog: Catalog, num_images: int) -> list[int]:
    """Files with thumbnails: of the first pairs, outliers and members."""
    first = [rows.head(num_images)[side] for rows in (catalog.pairs, catalog.outliers) for side in ("a", "b")]
    members = catalog.members.group_by("group", maintain_order=True).head(_MEMBERS).filter(pl.col("group") < num_images)
    shown = pl.concat([*first, members["file"].head(_MEMBERS_A_PAIR * num_images)])
    return [int(place) for place in shown.unique().sort()]


def _write_data(
    results: Results, catalog: Catalog, facts: pl.DataFrame, spool: _Spool, settings: Settings, links: Links
) -> Site:
    """Scripts, styles and the data of all that was found."""
    for name in STATIC_FILES:
        spool.add(name, read_static(name))
    paths: dict[str, list[str]] = {}
    shared = write_facts(
        pairs=_shown(settings),
        components=_COMPONENTS_ON_PAGE,
        members=_MEMBERS,
        bad=_BAD_ON_PAGE,
        thumbnails=_THUMBNAILS_A_FOLDER,
        beside=links.beside,
        way=links.way,
        suggest=results.suggest,
        reasons=[reason.words for reason in Reason],
    )
    for kind, script in chain(
        shared, write_catalog(catalog, facts, suggest=results.suggest), write_bad_images(results.bad)
    ):
        same = paths.setdefault(kind, [])
        same.append(f"data/{kind}-{len(same):04d}.js")
        spool.add(same[-1], script)
    return Site(spool.name, paths)


def _fill_pages(
    results: Results,
    catalog: Catalog,
    facts: pl.DataFrame,
    pictures: Mapping[int, Picture],
    settings: Settings,
    site: Site,
) -> dict[str, str]:
    components = results.components or _NO_COMPONENTS
    keeping, freed = _suggest(catalog, facts)
    by_name = {
        picture.name: replace(picture, address=picture.address and f"{site.folder}/{picture.address}")
        for picture in pictures.values()
    }

    effort = Effort.of(settings)

    def illustrate(name: str) -> Picture:  # the summary may show a few more than have thumbnails
        return by_name.get(name) or next(describe_files([os.fsencode(name)], effort))

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
            num_components=_components_shown(catalog, settings),
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


def _suggest(catalog: Catalog, facts: pl.DataFrame) -> tuple[Keeping, Freed]:
    if catalog.components.is_empty():
        return {}, Freed(0, 0, 0)
    chosen = choose(catalog.members, facts)
    kept = zip(catalog.names.gather(chosen["keep"]), (Reason(reason).words for reason in chosen["reason"]), strict=True)
    keeping = dict(zip(catalog.components["component_id"], kept, strict=True))
    return keeping, Freed(*(int(chosen[name].sum()) for name in ("others", "freed", "unsized")))


def _shown(settings: Settings) -> int:
    return min(settings.gallery_pairs, _MOST_ON_PAGE)


def _components_shown(catalog: Catalog, settings: Settings) -> int:
    """As many whole components as have thumbnails."""
    sizes = catalog.components.head(min(settings.gallery_pairs, _COMPONENTS_ON_PAGE))
    if sizes.is_empty():
        return 0
    shown = sizes["count"].clip(upper_bound=_MEMBERS).cum_sum()
    return int((shown <= _MEMBERS_A_PAIR * settings.gallery_pairs).sum())
