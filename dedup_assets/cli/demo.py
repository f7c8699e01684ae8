"""`dedup-assets demo`: a run on photographs whose copies are known, and a comparison of its result with the truth.

It prints the command before the run, and afterwards what was found and what was missed. `samples.py` makes the
photographs and knows the truth about them.
"""

import os
import shlex
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click

from dedup_assets import api
from dedup_assets.api.outcomes import ERROR, SUCCESS, answer
from dedup_assets.cli.samples import PHOTOS, CopyKind, Sample, make_samples
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.core.settings import Settings

SURE = (CopyKind.EXACT, CopyKind.RECOMPRESSED, CopyKind.RESIZED)  # missing a copy of these kinds is a failure
RESULTS = "results"


@dataclass(frozen=True)
class Comparison:
    """The result of a run, compared with the truth.

    Attributes:
        copies: per kind of copy, how many were listed with their original, and how many there are.
        wrong: listed pairs of different photographs, as (name, name, similarity).
        outliers: how many photographs without a copy were listed as outliers, and how many there are.
        false_outliers: listed outliers that have a copy.
        bad: broken files, with the reason that the run gave.
        unnamed: broken files that the run did not report.
        false_bad: good files that the run reported as bad.
    """

    copies: dict[CopyKind, tuple[int, int]]
    wrong: list[tuple[str, str, float]]
    outliers: tuple[int, int]
    false_outliers: list[str]
    bad: dict[str, str]
    unnamed: list[str]
    false_bad: list[str]

    @property
    def holds(self) -> bool:
        """No copy of a sure kind was missed, and nothing wrong was listed."""
        sure = all(found == expected for found, expected in (self.copies[kind] for kind in SURE))
        return sure and not (self.wrong or self.false_outliers or self.unnamed or self.false_bad)


@click.command()
@click.argument("folder", default="dedup-demo")
def demo(folder: str) -> None:
    """Run on built-in sample photographs with made copies and a broken file in FOLDER, and compare with the truth."""
    sys.exit(run_demo(folder))


def run_demo(folder: str) -> int:
    """Make sample photographs with copies, run the pipeline on them and compare the result with the truth.

    Args:
        folder: new, empty, or made by an earlier demo. Gets `photos` and `results`; nothing else in it is touched.

    Returns:
        0 if every exact, recompressed and resized copy and every broken file was found, and no wrong pair was listed.
        1 if not, or if the run failed.

    Raises:
        InputError: the samples cannot be made in this folder.
        WorkDirError: a file of the results is missing or damaged.
    """
    samples = make_samples(folder)
    photos, results = Path(folder) / PHOTOS, Path(folder) / RESULTS
    most = max(Counter(sample.subject for sample in samples).values())
    answer(f"{len(samples)} files in {photos}: real photographs, copies of them, and two broken files.")
    command = ["dedup-assets", "run", str(photos), str(results), "--nearest-neighbors-k", str(most - 1)]
    answer(f"$ {shlex.join(command)}\n")
    if api.run(str(photos), str(results), nearest_neighbors_k=most - 1) != SUCCESS:
        return ERROR
    found = compare(samples, str(photos), str(results))
    print_comparison(found)
    answer(f"\nLook at the pairs: {results / 'gallery' / 'index.html'}")
    return SUCCESS if found.holds else ERROR


def compare(samples: list[Sample], photos: str, results: str) -> Comparison:
    """Compare the files in `results` with the truth.

    Args:
        samples: the truth.
        photos: the folder that the run read.
        results: the work_dir of the run.

    Raises:
        WorkDirError: a file of the results is missing or damaged.
    """
    from dedup_assets.engine.work_dir import WorkDir, files

    root = os.path.abspath(photos)  # noqa: PTH100 - like the listing: no "..", links not followed
    truth = {f"{root}/{sample.path}": sample for sample in samples}
    work_dir = WorkDir(results)
    pairs: dict[tuple[str, str], float] = {}
    for left, right, score in files.read_pairs(work_dir, files.SIMILARITY):
        low, high = sorted((os.fsdecode(left), os.fsdecode(right)))
        pairs[low, high] = score
    isolated = [os.fsdecode(left) for left, _, _ in files.read_pairs(work_dir, files.OUTLIERS)]
    bad_rows = files.read_bad_images(work_dir).rows["filename", "error_code"].rows()
    bad = {os.fsdecode(name): code for name, code in bad_rows}

    wrong = [
        (truth[left].path, truth[right].path, score)
        for (left, right), score in pairs.items()
        if truth[left].subject != truth[right].subject
    ]
    alone = [name for name, sample in truth.items() if not (sample.copied or sample.broken)]
    return Comparison(
        copies=_count_copies(truth, set(pairs)),
        wrong=wrong,
        outliers=(len(set(alone) & set(isolated)), len(alone)),
        false_outliers=[truth[name].path for name in isolated if name not in alone],
        bad={truth[name].path: code for name, code in bad.items() if truth[name].broken},
        unnamed=[sample.path for name, sample in truth.items() if sample.broken and name not in bad],
        false_bad=[truth[name].path for name in bad if not truth[name].broken],
    )


def _count_copies(truth: dict[str, Sample], pairs: set[tuple[str, str]]) -> dict[CopyKind, tuple[int, int]]:
    originals = {sample.subject: name for name, sample in truth.items() if sample.copied and sample.kind is None}
    found: Counter[CopyKind] = Counter()
    expected: Counter[CopyKind] = Counter()
    for name, sample in truth.items():
        if sample.kind is not None:
            low, high = sorted((name, originals[sample.subject]))
            expected[sample.kind] += 1
            found[sample.kind] += (low, high) in pairs
    return {kind: (found[kind], expected[kind]) for kind in CopyKind}


def print_comparison(found: Comparison) -> None:
    """Print the comparison, with what was missed or wrong."""
    threshold = Settings.model_fields["threshold"].default
    answer(f"\nThe result beside the truth (threshold {threshold}):")
    for kind, (listed, expected) in found.copies.items():
        _line(kind, f"{listed} of {expected} found", failed=kind in SURE and listed < expected)
    _line("pairs of different photographs", f"{len(found.wrong)} listed", failed=bool(found.wrong))
    for left, right, score in found.wrong:
        answer(f"    {left} and {right}: {score:.3f}")
    isolated, alone = found.outliers
    _line("photographs without a copy", f"{isolated} of {alone} named as outliers")
    _line("outliers that have a copy", f"{len(found.false_outliers)} named", failed=bool(found.false_outliers))
    broken = len(found.bad) + len(found.unnamed)
    _line("broken files", f"{len(found.bad)} of {broken} named", failed=bool(found.unnamed))
    for path, code in found.bad.items():
        answer(f"    {path}: {ErrorCode(code).value}")
    _line("good files called broken", f"{len(found.false_bad)}", failed=bool(found.false_bad))


def _line(what: str, said: str, *, failed: bool = False) -> None:
    answer(f"  {what:<32} {said}{'   <- should not be' if failed else ''}")
