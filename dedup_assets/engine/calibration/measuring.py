"""Everything that a calibration measures, as a table over thresholds."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.calibration.bounds import highest_rate
from dedup_assets.engine.calibration.copies import copy_similarities
from dedup_assets.engine.calibration.isotonic import fit_ascending
from dedup_assets.engine.calibration.strangers import count_strangers
from dedup_assets.engine.core.errors import InputError
from dedup_assets.engine.core.verdict_records import Decision, Verdicts
from dedup_assets.engine.neighbors.recall import evenly_spread
from dedup_assets.engine.neighbors.similarity import prepared, similarities
from dedup_assets.engine.pictures.edits import EDITS
from dedup_assets.engine.query import StoredIndex
from dedup_assets.engine.work_dir import WorkDir, match_files
from dedup_assets.engine.workers import WorkerPool

FEWEST_VERDICTS = 100
"""Verdicts of pairs from which a probability is fitted."""

_PERCENT = 100


@dataclass(frozen=True)
class Calibration:
    """What was measured.

    Attributes:
        table: ascending `threshold`; for each edit `recall_EDIT`, the share of its copies that are at least so similar
            to their image, and `recall` of all copies; `false_pairs`, the pairs of different images that are so
            similar, of `pairs` that were compared, `false_pairs_per_million` and, with a confidence of 95 %,
            `false_pairs_per_million_at_most`; and `probability_same`, null without enough verdicts: how likely people
            call a pair of this similarity one picture.
        images: whose copies were made.
        pairs: of different images that were compared.
        verdicts: of pairs that were used.
    """

    table: pl.DataFrame
    images: int
    pairs: int
    verdicts: int


def measure_calibration(
    work_dir: WorkDir, stored: StoredIndex, verdicts: Verdicts, images: int, decoders: WorkerPool
) -> Calibration:
    """Measure edited copies, pairs of different images, and verdicts, by the similarity of the results.

    The same results and files give the same figures.

    Args:
        work_dir: of the results.
        stored: the results.
        verdicts: what people have decided.
        images: how many images are edited, evenly spread over the results.
        decoders: decoding processes.

    Raises:
        InputError: no image can be read any more, or none shows something.
        ModelError, WorkerError: copies cannot be made or embedded.
        WorkDirError: a file of the results is damaged.
    """
    shows = np.arange(len(stored)) if stored.shows_nothing is None else np.flatnonzero(~stored.shows_nothing)
    chosen = shows[evenly_spread(len(shows), images)].tolist() if len(shows) else []
    copies = copy_similarities(stored, chosen, decoders)
    if not len(copies):
        raise InputError(f"none of {len(chosen)} images of {stored.url!r} can be read, so that no copy can be made")
    thresholds = np.arange(_PERCENT + 1) / _PERCENT
    evidence = pl.DataFrame(schema=match_files.EVIDENCE_SCHEMA)
    if work_dir.exists(match_files.EVIDENCE):
        evidence = match_files.read_evidence(work_dir).rows
    pairs, reached = count_strangers(stored, shows, evidence, thresholds)
    recall = (copies[None] >= thresholds[:, None, None]).mean(axis=1)
    decided, probability = _probabilities(stored, verdicts, thresholds)
    table = pl.DataFrame({"threshold": thresholds}).with_columns(
        recall=pl.Series(recall.mean(axis=1)),
        **{f"recall_{name}": pl.Series(recall[:, place]) for place, name in enumerate(EDITS)},
        false_pairs=pl.Series(reached, dtype=pl.Int64),
        pairs=pl.lit(pairs, pl.Int64),
        false_pairs_per_million=pl.Series(1e6 * reached / max(pairs, 1)),
        false_pairs_per_million_at_most=pl.Series([1e6 * highest_rate(seen, pairs) for seen in reached.tolist()]),
        probability_same=pl.Series(probability, dtype=pl.Float64),
    )
    return Calibration(table, len(copies), pairs, decided)


def _probabilities(
    stored: StoredIndex, verdicts: Verdicts, thresholds: NDArray[np.float64]
) -> tuple[int, list[float | None]]:
    """Number of verdicts of stored pairs; and for each threshold the share of `same`, by an ascending fit."""
    row = {content: number for number, content in enumerate(stored.content) if content}
    seen = [
        (row[each.a_content], row[each.b_content], each.relation == Decision.SAME)
        for each in verdicts.active()
        if Decision(each.relation).is_of_pair and each.a_content in row and each.b_content in row
    ]
    nothing: list[float | None] = [None] * len(thresholds)
    if len(seen) < FEWEST_VERDICTS:
        return len(seen), nothing
    distance, vectors = stored.search.distance, stored.features.vectors
    one, other = (prepared(vectors[[pair[side] for pair in seen]], distance) for side in (0, 1))
    alike = similarities(one, other[:, None], distance)[:, 0]
    fitted = fit_ascending(alike, np.array([float(same) for _, _, same in seen]))
    order = np.argsort(alike, kind="stable")
    return len(seen), np.interp(thresholds, alike[order], fitted[order]).tolist()
