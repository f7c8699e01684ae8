"""Comparisons that verdicts ask for: the image that a person keeps, with the others of its group.

Evidence compares the image that the policy keeps, and each image of a group is itself a copy of the kept one. So
without these comparisons a verdict would leave out all that was compared with the other one alone.
"""

import logging
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.match_records import Evidence, KeptFindings
from dedup_assets.engine.core.records import Features
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.core.verdict_records import Decision, GivenVerdict
from dedup_assets.engine.decoders.tasks import Looked
from dedup_assets.engine.groups import find_kept
from dedup_assets.engine.matching.clustering import PairResult, Question
from dedup_assets.engine.matching.exact import ExactCopies
from dedup_assets.engine.matching.examining import PixelExaminer
from dedup_assets.engine.matching.library import Library
from dedup_assets.engine.matching.open_comparers import open_comparers
from dedup_assets.engine.matching.proofs import Proofs
from dedup_assets.engine.matching.remembering import Memory, RememberingExaminer, made_with_of
from dedup_assets.engine.matching.tabulating import Matches, Similarities
from dedup_assets.engine.work_dir import WorkDir, ledger_file, match_files

_LOG = logging.getLogger(__name__)
_TOGETHER = 8  # pairs


def compare_chosen(
    evidence: Evidence, verdicts: Iterable[GivenVerdict], features: Features, settings: Settings, work_dir: WorkDir
) -> tuple[pl.DataFrame | None, KeptFindings | None]:
    """Compare each image that a verdict keeps with the others of its group, as far as the evidence does not.

    A pair of which a file has changed or cannot be read stays as it is. What the former run found of the same contents
    is not compared again.

    Args:
        evidence: of the work_dir.
        verdicts: those that count.
        features: of the work_dir.
        settings: limits, crop and threads.
        work_dir: knows the sizes of the files, and what the former run found.

    Returns:
        Rows as of `Evidence`, and what was found, for the next run; None if nothing is asked.

    Raises:
        WorkerError: no decoding process can be started.
    """
    chosen = {each.a_content for each in verdicts if each.relation == Decision.KEEP}
    pairs = _pairs_to_compare(evidence, chosen, settings.keep_policy) if chosen else []
    if not pairs:
        return None, None
    names = pl.Series("filename", sorted({name for pair in pairs for name in pair}), pl.Binary)
    library = Library.of(names, ledger_file.read_listed_sizes(work_dir), settings.image_seconds)
    number = dict(zip(names, range(len(names)), strict=True))
    questions = [Question(number[a], number[b]) for a, b in pairs]
    content = dict(
        evidence.images.filter(pl.col("filename").is_in(names.implode())).select("filename", "content").rows()
    )
    memory = Memory(library, [content.get(name) for name in names], made_with_of(settings), _known(settings, work_dir))
    results, looked = _compare(questions, memory, settings)
    current = {image for image, look in looked.items() if look.content == content[names[image]]}
    found = [each for each in results if each.compared and {each.a, each.b} <= current]
    matches = Matches(library, ExactCopies(np.arange(len(names)), {}), Proofs(len(names), found), looked)
    at = np.flatnonzero(features.names.is_in(names.implode()).to_numpy())
    row = dict(zip(features.names.gather(at), at.tolist(), strict=True))
    vectors = features.vectors[[row[name] for name in names]]
    rows = matches.compared_rows(Similarities(vectors, settings.distance))
    rows = rows.sort("similarity", "a", "b", descending=[True, False, False])
    return rows, KeptFindings(memory.asked(), memory.made_with, memory.answered)


def _known(settings: Settings, work_dir: WorkDir) -> dict[bytes, str]:
    """What the former run found, by the keys of `KeptFindings`."""
    try:
        rows = match_files.read_findings(work_dir, made_with_of(settings), match_files.CHOSEN_FINDINGS)
    except WorkDirError as error:
        _LOG.warning("%s: the kept images are compared again", error)
        return {}
    return dict(rows.select("key", "found").iter_rows())


def _pairs_to_compare(evidence: Evidence, chosen: set[str], keep_policy: str) -> list[tuple[bytes, bytes]]:
    """Names of a chosen image and of another one of its group, once for each two contents that were not compared."""
    images = evidence.images.select("filename", "content").drop_nulls()
    grouped = find_kept(evidence, keep_policy).join(images, on="filename").sort("filename")
    is_chosen = pl.col("content").is_in(list(chosen))
    centers = grouped.filter(is_chosen).unique("content", keep="first", maintain_order=True)
    pairs = grouped.join(centers.select("keep", a="filename", a_content="content"), on="keep", maintain_order="left")
    pairs = pairs.filter(pl.col("content") != pl.col("a_content"))
    pairs = pairs.unique(["a_content", "content"], keep="first", maintain_order=True)
    proven = evidence.rows.filter(pl.col("residual").is_not_null()).select("a", "b")
    for side in ("a", "b"):
        proven = proven.join(images.rename({"filename": side, "content": f"{side}_content"}), on=side)
    both_ways = [("a_content", "b_content"), ("b_content", "a_content")]
    known = pl.concat([proven.select(a_content=one, content=other) for one, other in both_ways])
    return (
        pairs.join(known, on=["a_content", "content"], how="anti", maintain_order="left").select("a", "filename").rows()
    )


def _compare(
    questions: Sequence[Question], memory: Memory, settings: Settings
) -> tuple[list[PairResult], dict[int, Looked]]:
    bundles = [questions[start : start + _TOGETHER] for start in range(0, len(questions), _TOGETHER)]
    results: list[PairResult] = []
    looked: dict[int, Looked] = {}
    with open_comparers(settings, memory.library, settings.box) as (lanes, open_comparer):

        def work(bundle: Sequence[Question]) -> tuple[list[PairResult], dict[int, Looked]]:
            with open_comparer() as comparer:
                examiner = RememberingExaminer(PixelExaminer(comparer, memory.library.is_file), memory)
                answers = examiner.examine([[question] for question in bundle])
            return [result for answer in answers for result in answer], examiner.looked

        for found, seen in lanes.in_order(bundles, work):
            results += found
            looked |= seen
    return results, looked
