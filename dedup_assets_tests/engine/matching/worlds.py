"""Worlds of images whose relations are known, in place of pictures: a comparison is a pure function of the pair."""

import random
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from dedup_assets.engine.core.keep_rules import DEFAULT_POLICY, keep_rules
from dedup_assets.engine.core.match_records import Evidence, Groups, Relation
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.core.records import Pairs
from dedup_assets.engine.decoders.tasks import Compared, Looked
from dedup_assets.engine.groups import form_groups
from dedup_assets.engine.matching.clustering import Attempts, PairResult
from dedup_assets.engine.matching.exact import ExactCopies
from dedup_assets.engine.matching.examining import EQUAL_PIXELS, Examiner
from dedup_assets.engine.matching.gathering import Matching
from dedup_assets.engine.matching.library import Library
from dedup_assets.engine.matching.rounds import CandidatePairs
from dedup_assets.engine.matching.tabulating import Matches, Similarities
from dedup_assets.engine.workers import Lanes

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass
class World:
    """Images by number, and what each two of them are.

    Attributes:
        count: number of images.
        relations: of pairs (a < b); others are variants.
        alike: cosines of the candidates.
        size_bytes: of each image.
        files: for each image the first one with the same bytes.
        listed: pairs of similarity.csv.
        asked: pairs that were compared, in the order of the comparisons within a thread.
    """

    count: int
    relations: dict[tuple[int, int], Relation]
    alike: dict[tuple[int, int], float]
    size_bytes: list[int]
    files: list[int] = field(default_factory=list)
    listed: list[tuple[int, int]] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)

    def relation(self, a: int, b: int) -> Relation:
        """What two images are; exact copies of an image are what it is."""
        a, b = (self.files[a], self.files[b]) if self.files else (a, b)
        return Relation.EXACT if a == b else self.relations.get((min(a, b), max(a, b)), Relation.VARIANT)

    def name(self, image: int) -> bytes:
        return b"%05d.jpg" % image

    def number(self, name: bytes) -> int:
        return int(name[:5])


class Oracle:
    """Answers from a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.looked: dict[int, Looked] = {}

    def examine(self, attempts: Attempts) -> list[list[PairResult]]:
        answers = []
        for attempt in attempts:
            results: list[PairResult] = []
            for pair in attempt:
                self._world.asked.append((min(pair.a, pair.b), max(pair.a, pair.b)))
                for image in (pair.a, pair.b):
                    self.looked[image] = Looked(100, 50, self._world.size_bytes[image], f"{image:064x}", 1)
                results.append(PairResult(pair.a, pair.b, self._compared(pair.a, pair.b)))
                if results[-1].is_copy:
                    break
            answers.append(results)
        return answers

    def _compared(self, a: int, b: int) -> Compared:
        relation = self._world.relation(a, b)
        if relation is Relation.PIXELS:
            return EQUAL_PIXELS
        side = "b" if (a, b) < (b, a) else "a"  # the later one is the edited one
        return Compared(relation, 0.9, IDENTITY, 1.0, 1.0, 0.1, 5, "gray", side)


def random_world(rng: random.Random, most: int = 14) -> World:
    """A few images, some of them exact copies, with random relations, candidates and sizes."""
    count = rng.randint(2, most)
    files: list[int] = []
    for place in range(count):
        files.append(rng.choice([place, rng.choice([*files, place])]))
    sizes = [rng.randint(1, 3) for _ in range(count)]
    pairs = [(a, b) for b in range(count) for a in range(b)]
    kinds = [Relation.COPY, Relation.COPY, Relation.VARIANT, Relation.UNVERIFIED]
    return World(
        count,
        {pair: rng.choice(kinds) for pair in pairs},
        {pair: round(rng.uniform(0.45, 1), 6) for pair in pairs if rng.random() < rng.choice([0.2, 0.7])},
        [sizes[file] for file in files],
        files,
        rng.sample(pairs, min(len(pairs), rng.randint(0, 12))),
    )


def match(
    world: World, threads: int = 1, budget: int = 10_000, across: Collection[tuple[int, int]] = ()
) -> tuple[Evidence, Groups, Matching]:
    """Do what `gather_evidence` does, with an oracle for decoding processes; `across` are pairs between sets."""
    names = pl.Series([world.name(image) for image in range(world.count)], dtype=pl.Binary)
    library = Library(names, np.array(world.size_bytes, np.int64), 1.0)
    first = np.array(world.files or range(world.count), np.int64)
    content = {image: f"{first[image]:064x}" for image in range(world.count) if (first == first[image]).sum() > 1}
    best: dict[tuple[int, int], float] = {}
    for pair, alike in world.alike.items():
        low, high = sorted(int(first[image]) for image in pair)
        if low != high:
            best[low, high] = max(alike, best.get((low, high), 0.0))
    ordered = sorted(best, key=lambda pair: (-best[pair], pair))
    a, b = (np.array([pair[side] for pair in ordered], np.int64) for side in (0, 1))
    candidates = CandidatePairs(a, b, np.array([best[pair] for pair in ordered]))

    @contextmanager
    def oracle() -> Iterator[Examiner]:
        yield Oracle(world)

    lanes = Lanes(threads, abandon=lambda: None)
    rules = keep_rules(DEFAULT_POLICY)
    chosen = np.flatnonzero([pair in across for pair in ordered])
    matching = Matching(candidates, library.rank_as_center, names, rules, budget, lanes, ProgressReporter(), chosen)
    matching.run(oracle)
    listed = pl.DataFrame(
        [(world.name(one), world.name(other), 0.9) for one, other in world.listed],
        schema={"from": pl.Binary, "to": pl.Binary, "distance": pl.Float64},
        orient="row",
    )
    vectors = np.random.default_rng(0).normal(size=(world.count, 4)).astype(np.float32)
    found = Matches(library, ExactCopies(first, content), matching.proofs, matching.looked)
    evidence = found.tabulate(Similarities(vectors, "cosine"), Pairs(listed))
    return evidence, form_groups(evidence), matching
