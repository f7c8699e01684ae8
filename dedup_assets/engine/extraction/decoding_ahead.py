"""Decode the first images of a run while this process still imports its libraries, which takes a second.

One decoding process gets all these images in one request and works on its own. Extraction takes each picture when it
comes to the image. Pictures are found by name, size and version of the file: an image that has changed since, or that
the listing does not have, is decoded as usual. So no result depends on what was decoded ahead.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Lock

from dedup_assets.engine.core.errors import ImageError, WorkerError
from dedup_assets.engine.core.image_facts import ImageFacts
from dedup_assets.engine.core.records import Source
from dedup_assets.engine.decoders.asking import open_decoders
from dedup_assets.engine.decoders.kept_thumbnails import kept_by
from dedup_assets.engine.decoders.messages import (
    content_of,
    decoding_request,
    facts_of,
    low_information_of,
    pictures_in,
    problem_of,
)
from dedup_assets.engine.decoders.tasks import Decoded, DecodingTask, Undecoded
from dedup_assets.engine.extraction.read_ahead import CHUNK_IMAGES
from dedup_assets.engine.workers import Ended


class DecodingAhead:
    """Images that a decoding process decodes while this one does something else. Safe for several threads.

    If that process ends before its last answer, the images without an answer are decoded as usual, which finds the one
    that ended it.

    Args:
        sources: local files, few, because their pictures stay in memory until they are taken.
        task: what to make of them.

    Raises:
        WorkerError: no process can be started.
    """

    def __init__(self, sources: Sequence[Source], task: DecodingTask) -> None:
        self._task = task
        self._lock = Lock()
        self._asked, self._unanswered = set(sources), deque(sources)
        self._results: dict[Source, int | ImageError] = {}  # place of the picture in memory, or the problem
        self._low_information: dict[Source, str | None] = {}
        self._facts: dict[Source, ImageFacts] = {}
        self._content: dict[Source, str | None] = {}
        self._pictures_made = 0
        self._is_lent = True
        with ExitStack() as held:
            self._lent = held.enter_context(held.enter_context(open_decoders(1)).lend_besides())
            self._pictures = pictures_in(self._lent.worker, len(sources), task)
            self._answers = self._lent.worker.answers(task.seconds)
            try:
                self._lent.worker.send(decoding_request(sources, task) | {"together": CHUNK_IMAGES})
            except Ended:  # before it read anything
                self._give_up()
            self._held = held.pop_all()

    def take(self, contents: Sequence[Undecoded], task: DecodingTask) -> Decoded | None:
        """Wait for the result for some images and take it, once; None unless all of them were decoded ahead."""
        if task != self._task:
            return None
        with self._lock:
            sources = [content for content in contents if isinstance(content, Source) and self._has_result(content)]
            if len(sources) < len(contents):
                return None
            found = [self._results.pop(source) for source in sources]
            self._asked.difference_update(sources)
            decoded = Decoded(
                self._pictures[[place for place in found if isinstance(place, int)]],  # a copy
                [None if isinstance(place, int) else place for place in found],
                [self._low_information.pop(source, None) for source in sources],
                [self._facts.pop(source, None) for source in sources],
                [self._content.pop(source, None) for source in sources],
            )
            if not self._asked:
                self._give_back()
        return decoded

    def is_asked(self, source: Source) -> bool:
        """Whether an image was asked for and not taken."""
        return source in self._asked  # without the lock, which others hold while they wait for an answer

    def close(self) -> None:
        """Return the process to its pool; end it if it still decodes."""
        with self._lock:
            if self._unanswered:
                self._give_up()
            self._asked.clear()
            self._give_back()

    def _has_result(self, source: Source) -> bool:
        """Whether there is a result for an image, after reading all answers up to its own."""
        if source not in self._asked:
            return False
        try:
            while source not in self._results and self._unanswered:
                answer = next(self._answers)
                first = self._unanswered.popleft()
                self._content[first] = content_of(answer)
                if problem := problem_of(answer):
                    self._results[first] = problem
                else:
                    self._results[first] = self._pictures_made
                    self._low_information[first] = low_information_of(answer)
                    self._facts[first] = facts_of(answer)
                    kept_by(self._lent.pool).add(first, self._task, answer)
                    self._pictures_made += 1
                if not self._unanswered:
                    next(self._answers, None)  # the end of the request
        except (Ended, WorkerError):
            self._give_up()
        return source in self._results

    def _give_back(self) -> None:
        """Return the process to its pool, once, and free the memory of the pictures."""
        if self._is_lent:
            self._is_lent = False
            self._lent.worker.memory.empty()
            self._held.close()

    def _give_up(self) -> None:
        self._unanswered.clear()
        self._lent.end()


_current: DecodingAhead | None = None


@contextmanager
def decode_ahead(sources: Sequence[Source], task: DecodingTask) -> Iterator[None]:
    """Within the block, `take_ahead` gives the results for these images; results not taken are dropped after it."""
    global _current  # noqa: PLW0603 - one for the process, as its workers are
    current = _current = DecodingAhead(sources, task)
    try:
        yield
    finally:
        _current = None
        current.close()


def is_asked_ahead(image: Undecoded) -> bool:
    """Whether an image was asked for ahead and not taken; it may still have no result."""
    current = _current
    return current is not None and isinstance(image, Source) and current.is_asked(image)


def take_ahead(contents: Sequence[Undecoded], task: DecodingTask) -> Decoded | None:
    """The result for some images; None unless all of them were decoded ahead."""
    current = _current
    return current.take(contents, task) if current and contents else None


def drop_ahead() -> None:
    """Drop results that were not taken."""
    if current := _current:
        current.close()
