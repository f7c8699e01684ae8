"""Results to a gallery: reads the pictures that the pages show, in parallel, and fills the pages."""

import io
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl
from PIL import Image

from dedup_assets.engine.containers import split_frame
from dedup_assets.engine.decoding import DecodingLimits, decode, image_size
from dedup_assets.engine.errors import ImageError
from dedup_assets.engine.extraction import decoding_limits, thread_count
from dedup_assets.engine.reading import read_names
from dedup_assets.engine.records import BadImages, Components, Gallery, Pairs
from dedup_assets.engine.report import (
    Illustrate,
    Page,
    Picture,
    Summary,
    bad_images_page,
    components_page,
    duplicates_page,
    outliers_page,
    summary_page,
)
from dedup_assets.engine.work_dir import WorkDir, files, provenance
from dedup_assets.settings import Settings

THUMBNAIL_SIDE = 320  # px, the longer one
_JPEG_QUALITY = 80


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
    """

    names: pl.Series
    bad: BadImages
    pairs: Pairs
    components: Components | None
    outliers: Pairs
    subtitle: str = ""


def build_gallery(results: Results, settings: Settings) -> Gallery:
    """Make all pages of the gallery.

    Args:
        results: what to show.
        settings: of the run: shown on the first page, and how much is shown, decoded and done at once.

    Returns:
        The pages by file name; `index.html` is the one to open.
    """
    num_images = settings.gallery_pairs
    limits, threads = decoding_limits(settings), thread_count(settings.num_threads)
    illustrate = illustrator(_shown_first(results, num_images), limits=limits, threads=threads)
    components = results.components or Components(pl.DataFrame(), pl.DataFrame())
    summary = Summary(
        names=results.names,
        bad=results.bad,
        pairs=results.pairs,
        components=components,
        outliers=results.outliers,
        settings=settings.model_dump(),
    )
    every = tuple(page for page in Page if page is not Page.COMPONENTS or results.components is not None)
    pages = {
        Page.SUMMARY: summary_page(summary, illustrate, pages=every, subtitle=results.subtitle),
        Page.DUPLICATES: duplicates_page(
            results.pairs, illustrate, num_images=num_images, pages=every, subtitle=results.subtitle
        ),
        Page.COMPONENTS: components_page(
            components, results.names, illustrate, num_components=num_images, pages=every, subtitle=results.subtitle
        ),
        Page.OUTLIERS: outliers_page(
            results.outliers, illustrate, num_images=num_images, pages=every, subtitle=results.subtitle
        ),
        Page.BAD_IMAGES: bad_images_page(results.bad, pages=every, subtitle=results.subtitle),
    }
    return Gallery({page.value: html for page, html in pages.items() if page in every})


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
    limits, threads = DecodingLimits(), thread_count(-1)
    if page is Page.COMPONENTS:
        provenance.check_belongs(work_dir, files.read_config(work_dir), "components")
        components, names = files.read_components(work_dir), files.read_features(work_dir).names
        illustrate = illustrator(_shown_members(components, names, num_images), limits=limits, threads=threads)
        return components_page(components, names, illustrate, num_components=num_images)
    pairs = files.read_pairs(work_dir, name or (files.SIMILARITY if page is Page.DUPLICATES else files.OUTLIERS))
    rows = pairs.rows.head(2 * num_images) if descending else pairs.rows.tail(2 * num_images)
    shown = [image for side in ("from", "to") for image in rows[side]]
    illustrate = illustrator(shown, limits=limits, threads=threads)
    if page is Page.OUTLIERS:
        return outliers_page(pairs, illustrate, num_images=num_images)
    return duplicates_page(pairs, illustrate, num_images=num_images, descending=descending)


def illustrator(expected: Iterable[bytes], *, limits: DecodingLimits, threads: int) -> Illustrate:
    """A function that gives the picture of a name; those expected are read at once, in parallel, others when asked for.

    Args:
        expected: names that will be asked for.
        limits: which pictures are not decoded.
        threads: how many decode at once.
    """
    # Frames of a video lie together and in order when sorted, and are read in one pass.
    groups = [list(group) for _, group in groupby(sorted(set(expected)), key=_pass_of)]
    known: dict[bytes, Picture] = {}
    with ThreadPoolExecutor(threads, thread_name_prefix="gallery") as pool:
        for group, pictures in zip(groups, pool.map(lambda names: _make_pictures(names, limits), groups), strict=True):
            known |= zip(group, pictures, strict=True)

    def illustrate(name: str) -> Picture:
        key = os.fsencode(name)
        if key not in known:
            known[key] = make_picture(key, limits)
        return known[key]

    return illustrate


def make_picture(name: bytes, limits: DecodingLimits, side: int = THUMBNAIL_SIDE) -> Picture:
    """Read one image for a page; whatever is wrong with it is said on the page, never an error."""
    return _make_pictures([name], limits, side)[0]


def _make_pictures(names: Sequence[bytes], limits: DecodingLimits, side: int = THUMBNAIL_SIDE) -> list[Picture]:
    contents = zip(names, read_names(names), strict=True)  # one at a time: frames are not compressed
    return [_make_picture(name, content, limits, side) for name, content in contents]


def _make_picture(name: bytes, content: bytes | ImageError, limits: DecodingLimits, side: int) -> Picture:
    shown = os.fsdecode(name)
    try:
        if isinstance(content, ImageError):
            raise content
        width, height = image_size(content)
        pixels = decode(content, at_least=(side, side), limits=limits)
        thumbnail = _thumbnail(Image.fromarray(pixels), side)
    except ImageError as problem:
        return Picture(shown, None, None, None, None, _modified(shown), problem=str(problem))
    size_bytes = None if split_frame(name) else len(content)  # a frame has no size of its own
    return Picture(shown, thumbnail, width, height, size_bytes, _modified(shown))


def _pass_of(name: bytes) -> bytes:
    frame = split_frame(name)
    return frame[0] if frame else name


def _thumbnail(picture: Image.Image, side: int) -> bytes:
    picture.thumbnail((side, side), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _modified(name: str) -> datetime | None:
    if urlsplit(name).scheme and "://" in name:
        return None
    try:
        return datetime.fromtimestamp(Path(name).stat().st_mtime, UTC)
    except (OSError, ValueError, OverflowError):
        return None


def _shown_first(results: Results, num_images: int) -> list[bytes]:
    """Names certain to be on a page: both sides of the first pairs (a pair may stand twice) and the first outliers."""
    pairs = results.pairs.rows.head(2 * num_images)
    outliers = results.outliers.rows.head(num_images)
    shown = [name for rows in (pairs, outliers) for side in ("from", "to") for name in rows[side]]
    return shown + (_shown_members(results.components, results.names, num_images) if results.components else [])


def _shown_members(components: Components, names: pl.Series, num_components: int) -> list[bytes]:
    """Names on the page of components: those it asks for when it is filled without pictures."""
    asked: list[bytes] = []

    def note(name: str) -> Picture:
        asked.append(os.fsencode(name))
        return Picture(name, None, None, None, None, None)

    components_page(components, names, note, num_components=num_components)
    return asked
