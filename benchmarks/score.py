"""Scores the stored vectors and the listed pairs of a tool by the groups in the file names.

True pairs are those of all images that the tool was given, so an image that it could not read costs recall.
"""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.copies import ORIGINAL, group_of, kind_of

NEIGHBORS = 10
SURE_PRECISION = 0.999


@dataclass(frozen=True)
class PairQuality:
    """Quality of the listed pairs.

    Attributes:
        threshold: smallest similarity of the pairs that count.
        listed: number of pairs, whatever their direction.
        precision: share of the listed pairs that are true; 1 if none is listed.
        recall: share of the true pairs that are listed.
    """

    threshold: float
    listed: int
    precision: float
    recall: float


@dataclass(frozen=True)
class VectorQuality:
    """How well stored vectors rank pairs, at any threshold.

    Attributes:
        images: number of vectors.
        dimension: values per vector.
        average_precision: of all pairs among 10 nearest neighbours, ranked by cosine together (uAP, "micro AP").
        sure_recall: the largest recall at which precision is still at least 0.999 (recall@P99.9).
        sure_cosine: the cosine there.
    """

    images: int
    dimension: int
    average_precision: float
    sure_recall: float
    sure_cosine: float


@dataclass(frozen=True)
class GroupQuality:
    """Quality of reported groups of one picture.

    Attributes:
        reported: number of groups of two or more images.
        found: share of the copies that stand beside the others of their picture: of each true group of m images, those
            in the reported group that holds most of it, without one, of m - 1.
        mixed: number of reported groups with images of several pictures.
        originals_kept: share of the groups with an original whose kept image it is; None for a tool that names none.
    """

    reported: int
    found: float
    mixed: int
    originals_kept: float | None = None


def count_true_pairs(images: list[Path]) -> int:
    """The number of pairs of images of one group."""
    return sum(size * (size - 1) // 2 for size in Counter(map(group_of, images)).values())


def score_vectors(features: Path, true_pairs: int) -> VectorQuality:
    """Score a file of float32 rows, whose names are in the .csv beside it, by an exact search with the cosine.

    Args:
        features: features.dat, or fastdup's atrain_features.dat.
        true_pairs: number of true pairs among all images that the tool was given.
    """
    with Path(f"{features}.csv").open(newline="", encoding="utf-8") as file:
        names = [row["filename"] for row in csv.DictReader(file)]
    vectors = np.fromfile(features, "<f4").reshape(len(names), -1)
    groups = np.unique([group_of(name) for name in names], return_inverse=True)[1]
    low, high, cosine = _candidates(vectors)
    right = groups[low] == groups[high]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    sure = np.flatnonzero(precision >= SURE_PRECISION)
    last = int(sure[-1]) if len(sure) else None
    return VectorQuality(
        images=len(names),
        dimension=vectors.shape[1],
        average_precision=float((precision * right).sum() / true_pairs),
        sure_recall=0.0 if last is None else float(right[: last + 1].sum() / true_pairs),
        sure_cosine=float("nan") if last is None else float(cosine[last]),
    )


def _candidates(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """All pairs among nearest neighbours, each once, highest cosine first: (m,) lower rows, higher rows, cosines."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    index = faiss.IndexFlatIP(unit.shape[1])
    index.add(unit)
    cosine, found = index.search(unit, min(NEIGHBORS + 1, len(unit)))
    row = np.repeat(np.arange(len(unit), dtype=np.int64), found.shape[1])
    other, score = found.ravel(), cosine.ravel()
    keep = row != other
    low, high, score = np.minimum(row, other)[keep], np.maximum(row, other)[keep], score[keep]
    once = np.unique(low * len(unit) + high, return_index=True)[1]
    order = once[np.argsort(-score[once], kind="stable")]
    return low[order], high[order], score[order]


def score_pairs(similarity: Path, true_pairs: int, threshold: float) -> PairQuality:
    """Score a similarity.csv (`from,to,distance`, a similarity) as a user gets it.

    Args:
        similarity: the file.
        true_pairs: number of true pairs among all images that the tool was given.
        threshold: pairs below it are left out.
    """
    with similarity.open(newline="", encoding="utf-8") as file:
        listed = {
            frozenset((row["from"], row["to"])) for row in csv.DictReader(file) if float(row["distance"]) >= threshold
        }
    right = sum(len(set(map(group_of, pair))) == 1 for pair in listed if len(pair) == 2)
    precision = right / len(listed) if listed else 1.0
    return PairQuality(threshold, len(listed), precision, right / true_pairs)


def score_groups(groups: Path, images: list[Path], threshold: float) -> GroupQuality:
    """Score groups as a user gets them.

    Args:
        groups: groups.csv (`filename,group_id`, and `keep` if a tool names the kept image), or a similarity.csv, whose
            connected components then count.
        images: all images that the tool was given.
        threshold: pairs of a similarity.csv below it are left out.
    """
    with groups.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if "group_id" in (rows.fieldnames or ()):
            members = list(rows)
            group = {row["filename"]: row["group_id"] for row in members}
            kept = {
                row["filename"]: row["keep"]
                for row in members
                if kind_of(row["filename"]) == ORIGINAL and "keep" in row
            }
        else:
            kept = {}
            group = _components((row["from"], row["to"]) for row in rows if float(row["distance"]) >= threshold)
    sizes = Counter(map(group_of, images))
    together = Counter((truth, reported) for truth, reported in ((group_of(name), group[name]) for name in group))
    largest: dict[str, int] = {}
    pictures: Counter[str] = Counter()
    for (truth, reported), count in together.items():
        largest[truth] = max(largest.get(truth, 0), count)
        pictures[reported] += 1
    copies = sum(size - 1 for size in sizes.values())
    found = sum(count - 1 for count in largest.values())
    mixed = sum(count > 1 for count in pictures.values())
    originals = sum(name == keep for name, keep in kept.items()) / len(kept) if kept else None
    return GroupQuality(len(pictures), found / copies if copies else 1.0, mixed, originals)


def _components(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The connected component of each image: the name of one of its images."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        parents.setdefault(name, name)
        while parents[name] != name:
            parents[name] = name = parents[parents[name]]
        return name

    for left, right in pairs:
        parents[root(left)] = root(right)
    return {name: root(name) for name in parents}
