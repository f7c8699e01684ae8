"""What bytes and pixels say of two images: equal bytes, equal pixels, a copy with its edits, another picture.

The same comparison as in a run, with the same meaning. Images are read and decoded in one decoding process.
"""

import itertools
import uuid
from collections.abc import Sequence
from functools import partial

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.decoders.comparing import Comparer
from dedup_assets.engine.decoders.tasks import Compared, LookTask, Undecoded
from dedup_assets.engine.extraction.read_by_name import find_content
from dedup_assets.engine.inputs.containers import split_frame
from dedup_assets.engine.matching.clustering import Question
from dedup_assets.engine.matching.examining import PixelExaminer
from dedup_assets.engine.query.answers import Witness
from dedup_assets.engine.query.given import GivenImage, is_frame
from dedup_assets.engine.query.stored import StoredIndex
from dedup_assets.engine.workers.pool import Lent

_ALIKE = 0.99  # similarity from which all pixels of two files of different formats may be equal
_EDITED = {"a": "given", "b": "stored", "both": "both", "": ""}


class Witnesses:
    """Compares given images with stored ones, and with one another.

    Args:
        stored: the results; their rows number the stored images.
    """

    def __init__(self, stored: StoredIndex) -> None:
        self._stored = stored
        extraction = stored.extraction
        # Looks outlive a question in their process: numbers mean the same image as long as these results are open.
        self._task = LookTask(extraction.box, extraction.limits, extraction.seconds, uuid.uuid4().hex)
        self._numbers = itertools.count(len(stored))

    def compare_stored(
        self, image: GivenImage, content: str | None, rows: Sequence[int], alike: Sequence[float], lent: Lent
    ) -> list[Witness]:
        """Compare a good image with stored ones.

        Args:
            image: that is asked about.
            content: SHA-256 in hex of its bytes; None if unknown.
            rows: stored images.
            alike: the similarity of each.
            lent: the process.

        Returns:
            A witness for each row. An image that cannot be read any more is unverified.

        Raises:
            WorkerError: no process can be started in the place of one that ended.
        """
        known = self._stored.content
        same_bytes = [content is not None and known[row] == content for row in rows]
        number = next(self._numbers)
        asked = [Question(number, row, None, near >= _ALIKE) for row, near in zip(rows, alike, strict=True)]
        left = [question for question, is_same in zip(asked, same_bytes, strict=True) if not is_same]
        found = iter(self._examine(left, {number: image}, lent))
        return [Witness(Relation.EXACT) if is_same else _witness(next(found)) for is_same in same_bytes]

    def compare_given(self, one: GivenImage, other: GivenImage, similarity: float, lent: Lent) -> Witness:
        """Compare two good images. Raises WorkerError as `compare_stored`."""
        a, b = next(self._numbers), next(self._numbers)
        (found,) = self._examine([Question(a, b, None, similarity >= _ALIKE)], {a: one, b: other}, lent)
        return _witness(found)

    def _examine(
        self, questions: Sequence[Question], given: dict[int, GivenImage], lent: Lent
    ) -> list[Compared | None]:
        comparer = Comparer(self._task, lent, partial(self._read, given))
        examiner = PixelExaminer(comparer, partial(self._is_file, given))
        return [results[0].compared for results in examiner.examine([[question] for question in questions])]

    def _read(self, given: dict[int, GivenImage], numbers: Sequence[int]) -> list[Undecoded]:
        seconds = self._stored.extraction.seconds
        return [
            given[number].file if number in given else find_content(self._stored.features.names[number], seconds)
            for number in numbers
        ]

    def _is_file(self, given: dict[int, GivenImage], number: int) -> bool:
        if number in given:
            return not is_frame(given[number])
        return split_frame(self._stored.features.names[number]) is None


def _witness(found: Compared | None) -> Witness:
    if found is None:
        return Witness(Relation.UNVERIFIED)
    return Witness(found.relation, found.kind, _EDITED[found.edited], found.overlap_a, found.overlap_b, found.matrix)
