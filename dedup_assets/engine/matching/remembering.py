"""What earlier runs found of pairs: a comparison of the same two contents is not made again.

A comparison depends on the bytes of two files, on the map that is tried first, on the settings and on the code, and on
nothing else. So a run whose questions are answered from memory finds what it would find by comparing, and a run after
some images were added or removed compares only the pairs that are new.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field
from threading import Lock

import numpy as np
import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.match_tables import FINDINGS_SCHEMA
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.core.spectrum import SPECTRUM_VERSION
from dedup_assets.engine.decoders.messages import compared_of, looked_of
from dedup_assets.engine.decoders.tasks import Compared, Looked
from dedup_assets.engine.matching.clustering import Attempts, PairResult, Question
from dedup_assets.engine.matching.examining import PixelExaminer, answer
from dedup_assets.engine.matching.library import Library
from dedup_assets.engine.matching.reuse import code_digest
from dedup_assets.engine.work_dir import WorkDir, match_files
from dedup_assets.engine.work_dir.identity import digest_of

_KEY_BYTES = 16
_IDLE_RUNS = 30  # that a finding stays for which no run asks
_LEAST_IDLE, _PART_IDLE = 50_000, 5  # such findings beside those that are used: a fifth of these, and at least as many
_LOG = logging.getLogger(__name__)


@dataclass
class Memory:
    """Looks and findings by content. Safe for several threads.

    Args:
        library: the images of the run.
        content: for each image as `Shard.images`; nothing is known or kept of an image of unknown content.
        made_with: what findings depend on besides contents.
        known: findings of earlier runs that were made with the same.
        shared: findings of other workers in this run.
        unused: of these, how many runs have not asked for each; 0 where it is not named.

    Attributes:
        answered: number of questions that were answered from memory.
        made: number of answers that were not known before.
    """

    library: Library
    content: Sequence[str | None]
    made_with: str = ""
    known: dict[bytes, str] = field(default_factory=dict)
    shared: dict[bytes, str] = field(default_factory=dict)
    unused: dict[bytes, int] = field(default_factory=dict)
    answered: int = 0
    made: int = 0

    def __post_init__(self) -> None:
        self._kept: dict[bytes, str] = {}
        self._lock = Lock()

    @classmethod
    def of(
        cls, library: Library, content: pl.Series, settings: Settings, work_dir: WorkDir, shared: pl.DataFrame
    ) -> "Memory":
        """The findings in the work_dir, as far as they were made as these settings say, and those of other workers."""
        made_with = made_with_of(settings)
        try:
            rows = match_files.read_findings(work_dir, made_with)
        except WorkDirError as error:
            _LOG.warning("%s: the pictures are compared again", error)
            rows = pl.DataFrame(schema=FINDINGS_SCHEMA)
        known, idle = rows.select("key", "found").iter_rows(), rows.filter(pl.col("unused") > 0)
        unused = dict(idle.select("key", "unused").iter_rows())
        of_others = dict(shared.select("key", "found").iter_rows())
        return cls(library, content.to_list(), made_with, dict(known), of_others, unused)

    def look(self, image: int) -> Looked | None:
        """What is known of the file of an image; None if nothing is."""
        content = self.content[image]
        found = self._find(content.encode()) if content else None
        return None if found is None else looked_of(json.loads(found))

    def find(self, question: Question) -> tuple[PairResult] | None:
        """The answer to a question, alone in a tuple; None if it is not known."""
        key = self._key(question)
        found = self._find(key) if key else None
        if found is None:
            return None
        with self._lock:
            self.answered += 1
        fields = json.loads(found)
        return (PairResult(question.a, question.b, None if fields is None else compared_of(fields)),)

    def keep_look(self, image: int, looked: Looked) -> None:
        """Keep what a look found, unless the image cannot be looked at."""
        content = self.content[image]
        if content and self._is_current(image, looked):
            with self._lock:
                self._kept[content.encode()] = json.dumps(astuple(looked)[:-1])

    def spectrum(self, image: int) -> tuple[list[float] | None] | None:
        """What is known of the detail of an image, alone in a tuple; None if nothing is."""
        content = self.content[image]
        found = self._find(_spectrum_key(content)) if content else None
        return None if found is None else (json.loads(found),)

    def keep_spectrum(self, image: int, spectrum: list[float] | None, looked: Looked) -> None:
        """Keep what was measured of the detail of an image."""
        content = self.content[image]
        if content and self._is_current(image, looked):
            with self._lock:
                self._kept[_spectrum_key(content)] = json.dumps(spectrum)

    def keep(self, question: Question, compared: Compared | None, looks: tuple[Looked, Looked]) -> None:
        """Keep an answer, unless it is none because an image cannot be read or a process has ended."""
        with self._lock:
            self.made += 1
        key = self._key(question)
        images = zip((question.a, question.b), looks, strict=True)
        is_lasting = compared is not None or any(look.frames != 1 for look in looks)
        if key and is_lasting and all(self._is_current(image, look) for image, look in images):
            with self._lock:
                self._kept[key] = json.dumps(None if compared is None else astuple(compared))

    def table(self) -> pl.DataFrame:
        """What this run has found or used, for the next run; the columns of `FINDINGS_SCHEMA`, sorted.

        What it has not asked for stays for some runs, because images come back from a backup. A run that has found
        nothing new is not counted, so that its table is the former one.
        """
        is_new = not self._kept.keys() <= self.known.keys()
        idle = sorted((max(self.unused.get(key, 0) + is_new, 1), key) for key in self.known.keys() - self._kept.keys())
        most = max(_LEAST_IDLE, len(self._kept) // _PART_IDLE)
        rows = [(key, found, 0) for key, found in self._kept.items()]
        rows += [(key, self.known[key], runs) for runs, key in idle[:most] if runs <= _IDLE_RUNS]
        return pl.DataFrame(sorted(rows), schema=FINDINGS_SCHEMA, orient="row")

    def asked(self) -> pl.DataFrame:
        """What this run has found or used, and nothing else; as `table`."""
        rows = sorted((key, found, 0) for key, found in self._kept.items())
        return pl.DataFrame(rows, schema=FINDINGS_SCHEMA, orient="row")

    def _is_current(self, image: int, looked: Looked) -> bool:
        """Whether an image could be looked at, and its file is still the one whose content is stored."""
        is_same = not self.library.is_file(image) or looked.content == self.content[image]
        return looked.problem is None and is_same

    def _find(self, key: bytes) -> str | None:
        with self._lock:
            found = self._kept.get(key) or self.known.get(key) or self.shared.get(key)
            if found is not None:
                self._kept[key] = found
        return found

    def _key(self, question: Question) -> bytes | None:
        a, b = self.content[question.a], self.content[question.b]
        if not (a and b):
            return None
        hint = b"" if question.hint is None else np.array(question.hint, "<f8").tobytes()
        text = f"{a} {b} {int(question.may_be_equal)} ".encode() + hint
        return hashlib.blake2b(text, digest_size=_KEY_BYTES).digest()


def made_with_of(settings: Settings) -> str:
    """Digest of what findings depend on besides contents."""
    return digest_of([str(settings.box), settings.max_pixels, code_digest()])


def _spectrum_key(content: str) -> bytes:
    return f"{content} spectrum {SPECTRUM_VERSION}".encode()


class RememberingExaminer:
    """Answers from memory where it can, and asks another examiner otherwise.

    Args:
        inner: who compares.
        memory: of the run.
    """

    def __init__(self, inner: PixelExaminer, memory: Memory) -> None:
        self._inner, self._memory = inner, memory
        self._looked: dict[int, Looked] = {}

    @property
    def looked(self) -> dict[int, Looked]:
        """As of `Examiner`: the same images as without a memory."""
        return {**self._looked, **self._inner.looked}

    def examine(self, attempts: Attempts) -> list[list[PairResult]]:
        """As of `Examiner`."""
        unknown = self._recall_looks(pair for attempt in attempts for pair in attempt)
        known = [
            {place: found[0] for place, pair in enumerate(attempt) if (found := self._answer(pair, unknown))}
            for attempt in attempts
        ]
        answers = answer(attempts, known, self._ask)
        self._inner.look(unknown)
        for image in unknown:
            self._memory.keep_look(image, self._inner.looked[image])
        return answers

    def _recall_looks(self, pairs: Iterable[Question]) -> list[int]:
        """Remember what is known of the images of some pairs; returns those of which nothing is."""
        images = dict.fromkeys(image for pair in pairs for image in (pair.a, pair.b))
        for image in images:
            if image not in self._looked and (look := self._memory.look(image)):
                self._looked[image] = look
        return [image for image in images if image not in self._looked]

    def _answer(self, pair: Question, unknown: Sequence[int]) -> tuple[PairResult] | None:
        return None if pair.a in unknown or pair.b in unknown else self._memory.find(pair)

    def _ask(self, attempts: Attempts) -> list[list[PairResult]]:
        """What the other examiner finds, which is kept."""
        found = self._inner.examine(attempts)
        for attempt, results in zip(attempts, found, strict=True):
            for pair, result in zip(attempt, results, strict=False):
                looks = (self._inner.looked[pair.a], self._inner.looked[pair.b])
                self._memory.keep(pair, result.compared, looks)
        return found
