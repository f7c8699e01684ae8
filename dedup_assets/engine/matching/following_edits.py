"""Verdicts on files that were edited: where all pixels are the same, a verdict is about the edited file too.

Programs write ratings, captions and dates into files, which changes their bytes. The pixels of each image that a
verdict is about are hashed in full size, once. When its content is gone, files of its last names are hashed, too.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.core.verdict_records import GivenVerdict, Verdicts
from dedup_assets.engine.decoders.asking import open_decoders
from dedup_assets.engine.decoders.comparing import Comparer
from dedup_assets.engine.decoders.tasks import LookTask
from dedup_assets.engine.matching.library import Library
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.work_dir import WorkDir, files
from dedup_assets.engine.work_dir.verdict_images import VERDICT_IMAGES_SCHEMA
from dedup_assets.engine.workers import Lanes, thread_count

_TOGETHER = 8
_READS_AT_ONCE = 16


@dataclass(frozen=True)
class Followed:
    """Verdicts on the contents that are here.

    Attributes:
        verdicts: those of edited files name the present contents.
        images: as `Groups.verdict_images`.
    """

    verdicts: Verdicts
    images: pl.DataFrame


def follow_edits(
    verdicts: Verdicts, known: pl.DataFrame, listed: pl.DataFrame, settings: Settings, work_dir: WorkDir
) -> Followed:
    """Follow verdicts from contents that are gone to files of the same pixels.

    An image with several frames is followed nowhere, because only its first frame is decoded.

    Args:
        verdicts: of a file.
        known: as `Groups.verdict_images`, of an earlier run.
        listed: `filename` and `content` of the images of this run.
        settings: limits and threads.
        work_dir: knows the sizes of the files.

    Raises:
        WorkerError: no decoding process can be started.
    """
    active = verdicts.active()
    wanted = sorted({content for verdict in active for content in verdict.pair})
    if not wanted:
        return Followed(verdicts, pl.DataFrame(schema=VERDICT_IMAGES_SCHEMA))
    pixels: dict[str, str | None] = dict(known.select("content", "pixels").iter_rows())
    present = listed.filter(pl.col("content").is_in([*wanted, *pixels]))
    names, here = _names_of(known) | _names_of(present), set(present["content"])
    gone = [content for content in wanted if content not in here and pixels.get(content)]
    for content, name in _named(active):
        if content in gone:
            names[content].append(name)
    edited = listed.filter(pl.col("filename").is_in([name for content in gone for name in names[content]]))
    names, here = names | _names_of(edited), here.union(edited["content"])
    tried = dict.fromkeys([*wanted, *edited["content"].sort()])
    unknown = {each: names[each][0] for each in tried if each in here and each not in pixels}
    pixels |= _hash_pixels(unknown, settings, work_dir)
    heirs = dict(_heirs(gone, pixels, names, here))
    rows = [(each, pixels[each], name) for each in tried if each in pixels for name in names[heirs.get(each, each)]]
    images = pl.DataFrame(rows, schema=VERDICT_IMAGES_SCHEMA, orient="row").unique().sort("content", "filename")
    return Followed(replace(verdicts, given=[_moved(verdict, heirs) for verdict in verdicts.given]), images)


def _names_of(table: pl.DataFrame) -> dict[str, list[bytes]]:
    found = table.select("content", "filename").sort("filename").group_by("content", maintain_order=True)
    return dict(found.agg("filename").iter_rows())


def _named(verdicts: Iterable[GivenVerdict]) -> Iterator[tuple[str, bytes]]:
    for each in verdicts:
        yield each.a_content, each.a_name
        if each.b_content:
            yield each.b_content, each.b_name


def _heirs(
    gone: Iterable[str], pixels: Mapping[str, str | None], names: Mapping[str, Sequence[bytes]], here: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Contents that are gone, each with the present one that has its pixels, if there is one: best one of its name."""
    by_pixels: dict[str, list[str]] = {}
    for content in here:
        if found := pixels.get(content):
            by_pixels.setdefault(found, []).append(content)
    for content in gone:
        former, same = set(names[content]), by_pixels.get(pixels[content] or "", [])
        if same:
            yield content, min(same, key=lambda each: (former.isdisjoint(names[each]), names[each][0], each))


def _moved(verdict: GivenVerdict, heirs: Mapping[str, str]) -> GivenVerdict:
    """The verdict on present contents; unchanged where both of its images would be one."""
    a, b = (heirs.get(content, content) for content in (verdict.a_content, verdict.b_content))
    return verdict if a == b else replace(verdict, a_content=a, b_content=b)


def _hash_pixels(images: Mapping[str, bytes], settings: Settings, work_dir: WorkDir) -> dict[str, str | None]:
    """Hashes of the pixels of contents; None for several frames. Without files that cannot be read or have changed."""
    if not images:
        return {}
    contents, names = list(images), pl.Series("filename", list(images.values()), pl.Binary)
    library = Library.of(names, files.read_listed_sizes(work_dir), settings.image_seconds)
    limits = DecodingLimits(max_pixels=settings.max_pixels)
    task = LookTask(None, limits, settings.image_seconds, uuid.uuid4().hex)
    bundles = [range(start, min(start + _TOGETHER, len(names))) for start in range(0, len(names), _TOGETHER)]
    found: dict[str, str | None] = {}
    threads = thread_count(settings.num_threads)
    with (
        ThreadPoolExecutor(_READS_AT_ONCE, thread_name_prefix="read-objects") as reads,
        open_decoders(threads) as decoders,
    ):

        def work(bundle: Sequence[int]) -> list[tuple[str, str | None]]:
            with decoders.lend() as lent:
                comparer = Comparer(task, lent, partial(library.read_all, reads=reads))
                comparer.look(bundle)
                digests = comparer.hash_pixels(bundle)
            looked = [comparer.looked[image] for image in bundle]
            return [
                (contents[image], digest if look.frames == 1 else None)
                for image, look, digest in zip(bundle, looked, digests, strict=True)
                if look.content == contents[image] and digest
            ]

        for some in Lanes(threads, abandon=decoders.close).in_order(bundles, work):
            found.update(some)
    return found
