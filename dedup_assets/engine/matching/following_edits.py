"""Verdicts on files that were edited: where all pixels are the same, a verdict is about the edited file too.

Programs write ratings, captions and dates into files, which changes their bytes. The pixels of each image that a
verdict is about are hashed in full size, once. When its content is gone, files of its last names are hashed, too, and
files of any name that have its size in pixels, brightness and contrast.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.core.verdict_records import GivenVerdict, Verdicts
from dedup_assets.engine.matching.hashing_pixels import hash_pixels
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.verdict_images import VERDICT_IMAGES_SCHEMA, no_verdict_images

FACTS = ("width", "height", "mean", "stdv")
_SIZE = ["width", "height"]
_LEVELS = 0.01  # gray levels: equal pixels differ by the rounding of another processor
_MOST_ALIKE = 32  # files that are hashed for a content that is gone, under other names than its own


@dataclass(frozen=True)
class Followed:
    """Verdicts on the contents that are here.

    Attributes:
        verdicts: those of edited files name the present contents.
        images: as `Groups.verdict_images`.
    """

    verdicts: Verdicts
    images: pl.DataFrame = field(default_factory=no_verdict_images)


def follow_edits(
    verdicts: Verdicts,
    known: pl.DataFrame,
    listed: pl.DataFrame,
    settings: Settings,
    work_dir: WorkDir,
    former: Callable[[], Collection[str]] = frozenset,
) -> Followed:
    """Follow verdicts from contents that are gone to files of the same pixels.

    An image with several frames is followed nowhere, because only its first frame is decoded.

    Args:
        verdicts: of a file.
        known: as `Groups.verdict_images`, of earlier runs.
        listed: `filename`, `content` and `FACTS` of the images of this run; facts may be null.
        settings: limits and threads.
        work_dir: knows the sizes of the files.
        former: gives the contents of the last run; of several files with the same pixels a new one is followed.

    Raises:
        WorkerError: no decoding process can be started.
    """
    # Also those that do not count now: a person may revoke the verdict that revoked or replaced one.
    wanted = sorted({content for verdict in verdicts.given for content in verdict.pair})
    if not wanted:
        return Followed(verdicts)
    pixels: dict[str, str | None] = dict(known.select("content", "pixels").iter_rows())
    present = listed.filter(pl.col("content").is_in([*wanted, *pixels]))
    names, here = _names_of(known) | _names_of(present), set(present["content"])
    gone = [content for content in wanted if content not in here and pixels.get(content)]
    for content, name in _named(verdicts.given):
        if content in gone:
            names[content].append(name)
    is_named = pl.col("filename").is_in([name for content in gone for name in names[content]])
    edited = pl.concat([listed.filter(is_named), _alike(known.filter(pl.col("content").is_in(gone)), listed)])
    edited = listed.filter(pl.col("content").is_in(edited["content"].to_list()))  # under all its names
    names, here = names | _names_of(edited), here.union(edited["content"])
    tried = dict.fromkeys([*wanted, *edited["content"].unique().sort()])
    unknown = {each: names[each][0] for each in tried if each in here and each not in pixels}
    pixels |= hash_pixels(unknown, settings, work_dir)
    heirs = dict(_heirs(gone, pixels, names, here, former))
    rows = [(each, pixels[each], name) for each in tried if each in pixels for name in names[heirs.get(each, each)]]
    moved = replace(verdicts, given=[_moved(verdict, heirs) for verdict in verdicts.given])
    return Followed(moved, _with_facts(rows, pl.concat([listed, known.select(listed.columns)])))


def find_heirs(contents: Iterable[str], known: pl.DataFrame, here: Collection[str]) -> dict[str, str]:
    """Of contents that are gone, the present ones with the same pixels, as far as earlier runs know them.

    Args:
        contents: that are not here.
        known: as `Groups.verdict_images`.
        here: contents that are.
    """
    pixels: dict[str, str | None] = dict(known.select("content", "pixels").iter_rows())
    gone = [content for content in contents if pixels.get(content)]
    return dict(_heirs(gone, pixels, _names_of(known), pixels.keys() & set(here)))


def _with_facts(rows: Sequence[tuple[str, str | None, bytes]], images: pl.DataFrame) -> pl.DataFrame:
    """Rows of content, pixels and name as `Groups.verdict_images`; facts are those of the first image of a content."""
    schema = {name: kind for name, kind in VERDICT_IMAGES_SCHEMA.items() if name not in FACTS}
    table = pl.DataFrame(rows, schema=schema, orient="row").unique()
    facts = images.filter(pl.col("content").is_in(table["content"].unique().to_list())).unique("content", keep="first")
    found = table.join(facts.drop("filename"), on="content", how="left")
    return found.select(list(VERDICT_IMAGES_SCHEMA)).cast(VERDICT_IMAGES_SCHEMA).sort("content", "filename")


def _names_of(table: pl.DataFrame) -> dict[str, list[bytes]]:
    found = table.select("content", "filename").sort("filename").group_by("content", maintain_order=True)
    return dict(found.agg("filename").iter_rows())


def _named(verdicts: Iterable[GivenVerdict]) -> Iterator[tuple[str, bytes]]:
    for each in verdicts:
        yield each.a_content, each.a_name
        if each.b_content:
            yield each.b_content, each.b_name


def _alike(gone: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """The listed images that may have the pixels of one that is gone, by what was measured while they were decoded."""
    lost = gone.select(*_SIZE, "mean", "stdv", lost="content").drop_nulls().unique("lost").sort("lost")
    distance = (pl.col("mean") - pl.col("mean_right")).abs() + (pl.col("stdv") - pl.col("stdv_right")).abs()
    near = listed.join(lost, on=_SIZE).filter(distance < _LEVELS).sort(distance, "filename", maintain_order=True)
    return near.group_by("lost", maintain_order=True).head(_MOST_ALIKE).select(listed.columns).unique()


def _heirs(
    gone: Iterable[str],
    pixels: Mapping[str, str | None],
    names: Mapping[str, Sequence[bytes]],
    here: Iterable[str],
    former: Callable[[], Collection[str]] = frozenset,
) -> Iterator[tuple[str, str]]:
    """Contents that are gone, each with the present one that has its pixels, if there is one.

    Of several one of its name, then one that is new, then the first by name.
    """
    by_pixels: dict[str, list[str]] = {}
    for content in here:
        if found := pixels.get(content):
            by_pixels.setdefault(found, []).append(content)
    for content in gone:
        had, same = set(names[content]), by_pixels.get(pixels[content] or "", [])
        before = former() if len(same) > 1 else ()
        if same:
            yield (
                content,
                min(same, key=lambda each: (had.isdisjoint(names[each]), each in before, names[each][0], each)),
            )


def _moved(verdict: GivenVerdict, heirs: Mapping[str, str]) -> GivenVerdict:
    """The verdict on present contents; unchanged where both of its images would be one."""
    a, b = (heirs.get(content, content) for content in (verdict.a_content, verdict.b_content))
    return verdict if a == b else replace(verdict, a_content=a, b_content=b)
