"""Pairs of frames of videos in a review: those of the same videos are one entry, which can be opened."""

import polars as pl

from dedup_assets.engine.gallery.pages.frames import describe_frames, video_of
from dedup_assets.engine.gallery.pages.names import label_name
from dedup_assets.engine.gallery.pages.quantities import count_things
from dedup_assets.engine.inputs.containers.names import split_frame

_SCHEMA = {"number": pl.UInt32, "fold": pl.UInt32, "frames": pl.String}


def fold_pairs(pairs: pl.DataFrame) -> pl.DataFrame:
    """Let the first pair of frames of two videos, or of one, stand for the others.

    Args:
        pairs: `number`, `a`, `b`: those with a frame.

    Returns:
        `number`, `fold` (the number of the first pair of the same videos), `frames` (what the first of several pairs
        stands for, in words; empty for any other pair).
    """
    folds: dict[tuple[bytes, ...], list[tuple[int, bytes, bytes]]] = {}
    for number, *names in pairs.select("number", "a", "b").iter_rows():
        folds.setdefault(tuple(sorted({video_of(name) for name in names})), []).append((number, *names))
    rows = []
    for sources, found in folds.items():
        words = _describe(sources, found) if len(found) > 1 else ""
        rows += [(number, found[0][0], words if place == 0 else "") for place, (number, *_) in enumerate(found)]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _describe(sources: tuple[bytes, ...], pairs: list[tuple[int, bytes, bytes]]) -> str:
    if len(sources) > 1:
        return f"{count_things(len(pairs), 'pair')} of {' and '.join(map(label_name, sources))}"
    frames = {split_frame(name) for _, *names in pairs for name in names} - {None}
    return (
        f"{count_things(len(pairs), 'pair')} of {describe_frames(sources[0], [frame[1] for frame in frames if frame])}"
    )
