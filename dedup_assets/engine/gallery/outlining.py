"""The changed parts of the pairs that a page shows first: their thumbnails, read by decoding processes and compared."""

from collections.abc import Mapping, Sequence

import polars as pl

from dedup_assets.engine.core.match_records import ALTERED, OTHER_CONTENT, TEXT_ADDED, Relation
from dedup_assets.engine.decoders.asking import decode_all, open_decoders
from dedup_assets.engine.decoders.tasks import DecodingTask
from dedup_assets.engine.gallery.changes import ALL, SIDE, ChangedParts, outline_changes
from dedup_assets.engine.gallery.pages import ShownFile
from dedup_assets.engine.gallery.pages.findings import MOST_OUTLINED
from dedup_assets.engine.gallery.spool import Spool
from dedup_assets.engine.gallery.thumbnails import Effort
from dedup_assets.engine.workers import Lanes, WorkerPool

_TOGETHER = 8  # pairs per request
_CHANGING = [Relation.COPY.value, Relation.VARIANT.value]
_CHANGES = (TEXT_ADDED, ALTERED, OTHER_CONTENT)
_UNCHANGED = 0.04  # of the structure: what compression and resizing change

_Pair = tuple[int, str, ShownFile, ShownFile]
"""Its row, its alignment and its files."""


def outline_pairs(pairs: pl.DataFrame, shown: Mapping[int, ShownFile], spool: Spool, effort: Effort) -> pl.DataFrame:
    """The outlines of changed parts, and how large these are.

    Args:
        pairs: `a`, `b`, `relation`, `residual`, `align`.
        shown: the files that have thumbnails in the spool.
        spool: the files of the gallery.
        effort: limits for reading.

    Returns:
        `changed` (string): path data as of `outline_changes`; null for a pair without changes, and but for the first
        ones. `kind`: that of the pair; of the first ones that have an outline, or something added, with the share that
        changed, or why it is not known.

    Raises:
        WorkerError: no decoding process can be started.
    """
    pictured = [place for place, file in shown.items() if file.address]
    first = (
        pairs.with_row_index("row")
        .filter(
            pl.col("relation").is_in(_CHANGING),
            pl.col("align").is_not_null(),
            (pl.col("residual").fill_null(1) > _UNCHANGED) | _is_said_to_change(),
            pl.all_horizontal(pl.col("a", "b").is_in(pictured)),
        )
        .head(MOST_OUTLINED)
        .select("row", "align", "a", "b")
    )
    wanted = [(row, align, shown[a], shown[b]) for row, align, a, b in first.iter_rows()]
    outlines: list[str | None] = [None] * pairs.height
    kinds = pairs["kind"].to_list()
    if wanted:
        batches = [wanted[start : start + _TOGETHER] for start in range(0, len(wanted), _TOGETHER)]
        groups = [(batch, _thumbnails(batch, spool)) for batch in batches]
        with open_decoders(effort.threads) as decoders:
            lanes = Lanes(effort.threads, abandon=decoders.close)
            for found in lanes.in_order(groups, lambda group: _compare(*group, decoders, effort)):
                for row, (outline, share) in found:
                    outlines[row] = outline or None
                    if outline or any(words in (kinds[row] or "") for words in _CHANGES):
                        kinds[row] = "; ".join(filter(None, (kinds[row], _in_words(share))))
    return pl.DataFrame({"changed": outlines, "kind": kinds}, schema={"changed": pl.String, "kind": pl.String})


def _is_said_to_change() -> pl.Expr:
    return pl.any_horizontal(pl.col("kind").fill_null("").str.contains(words, literal=True) for words in _CHANGES)


def _in_words(share: float | None) -> str:
    if share is None:
        return "the pictures are too small to measure how much"
    if share > ALL:
        return f"over {round(100 * ALL)} % changed"
    if not share:
        return "too little changed for a thumbnail to show"
    percent = round(100 * share)
    return f"about {percent} % changed" if percent else "under 1 % changed"


def _thumbnails(pairs: Sequence[_Pair], spool: Spool) -> list[bytes]:
    return [spool.read(str(file.address)) for _, _, *files in pairs for file in files]


def _compare(
    pairs: Sequence[_Pair], thumbnails: list[bytes], decoders: WorkerPool, effort: Effort
) -> list[tuple[int, ChangedParts]]:
    task = DecodingTask((SIDE, SIDE), None, effort.limits, effort.seconds)
    with decoders.lend() as lent:
        decoded = decode_all(thumbnails, task, lent)
        good = iter(decoded.pictures.copy())  # its memory is the decoding process'
    pictures = [None if problem else next(good) for problem in decoded.problems]
    found = []
    for place, (row, align, a, b) in enumerate(pairs):
        first, second = pictures[2 * place : 2 * place + 2]
        if first is not None and second is not None and a.width and a.height and b.width and b.height:
            found.append((row, outline_changes(first, second, align, ((a.width, a.height), (b.width, b.height)))))
    return found
