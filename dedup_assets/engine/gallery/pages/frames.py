"""Frames of one video on a page: many of one card are shown by the first of them, which says how many and of when."""

from collections.abc import Sequence

import polars as pl

from dedup_assets.engine.gallery.pages.names import label_name
from dedup_assets.engine.gallery.pages.quantities import format_count
from dedup_assets.engine.inputs.containers.names import split_frame

_FEWEST = 2
_MARK = b"#t="


def video_of(name: bytes) -> bytes:
    """The video of a frame; any other image is its own."""
    frame = split_frame(name)
    return name if frame is None else frame[0]


def fold_members(cards: pl.Series, names: pl.Series) -> pl.Series:
    """Let the first of several frames of one video stand for the others of its card.

    Args:
        cards: (n,) the card that each row is on.
        names: (n,) binary: the name of the image of each row.

    Returns:
        (n,) string `frames`: of the first of several frames how many they are, and of when; empty for the others
        of them; null for any other image.
    """
    table = (
        pl.DataFrame({"card": cards, "name": names}).with_row_index("row").filter(pl.col("name").bin.contains(_MARK))
    )
    folds: dict[tuple[int, bytes], list[tuple[int, int]]] = {}
    for row, card, name in table.select("row", "card", "name").iter_rows():
        if frame := split_frame(name):
            folds.setdefault((card, frame[0]), []).append((row, frame[1]))
    places: list[int] = []
    words: list[str] = []
    for (_, video), frames in folds.items():
        if len(frames) >= _FEWEST:
            places += [row for row, _ in frames]
            words += [describe_frames(video, [moment for _, moment in frames]), *[""] * (len(frames) - 1)]
    return pl.repeat(None, len(names), dtype=pl.String, eager=True).scatter(places, words).alias("frames")


def first_of_card(table: pl.DataFrame, card: str, most: int) -> pl.DataFrame:
    """The rows that a card shows before it is opened.

    Args:
        table: rows with `frames`, as `fold_members` gives it; those of a card follow one another.
        card: the column that names the card.
        most: rows per card; all if negative.
    """
    shown = table.filter(pl.col("frames").fill_null(" ") != "")
    return shown if most < 0 else shown.filter(pl.int_range(pl.len()).over(card) < most)


def describe_frames(video: bytes, moments: Sequence[int]) -> str:
    """Say how many frames of a video there are, and between which moments.

    Args:
        video: its name.
        moments: milliseconds of each frame.
    """
    first, last = min(moments), max(moments)
    fine = first // 1000 == last // 1000
    return f"{format_count(len(moments))} frames of {label_name(video)}, {_clock(first, fine)} to {_clock(last, fine)}"


def _clock(milliseconds: int, fine: bool) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    shown = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    return f"{shown}.{rest:03d}" if fine else shown
