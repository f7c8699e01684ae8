"""The first images of a run, decoded while this process still imports what the run needs: a second, with Dagster in it.

One decoding process gets them in one request, at once, and works on its own from then on; what became of an image is
read when extraction comes to it. Everything is found by name, size and version: an image that changed meanwhile, or
that the listing does not have, is not found, and no result depends on what was decoded here.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Lock

from dedup_assets.engine.core.errors import ImageError, WorkerError
from dedup_assets.engine.core.records import Source
from dedup_assets.engine.decoders.asking import open_decoders
from dedup_assets.engine.decoders.messages import decoding_request, low_information_of, pictures_in, problem_of
from dedup_assets.engine.decoders.tasks import Decoded, DecodingTask, Undecoded
from dedup_assets.engine.extraction.read_ahead import CHUNK_IMAGES
from dedup_assets.engine.workers import Ended


class DecodingAhead:
    """Images that a decoding process decodes while this one does something else.

    Where it ends before its last answer, the images without one are not known: whoever decodes them then finds out
    which of them is to blame. May be called from several threads.

    Args:
        sources: local files, few: their pictures stay in memory until they are taken.
        task: what to make of them.

    Raises:
        WorkerError: no process can be started.
    """

    def __init__(self, sources: Sequence[Source], task: DecodingTask) -> None:
        self._task = task
        self._lock = Lock()
        self._asked, self._unanswered = set(sources), deque(sources)
        self._known: dict[Source, int | ImageError] = {}  # the place of its picture, or why it has none
        self._low_information: dict[Source, str | None] = {}
        self._pictures_made = 0
        self._holds = True
        with ExitStack() as held:
            self._lent = held.enter_context(held.enter_context(open_decoders(1)).lend_besides())
            self._pictures = pictures_in(self._lent.worker, len(sources), task)
            self._answers = self._lent.worker.answers(task.seconds)
            try:
                self._lent.worker.send(decoding_request(sources, task) | {"together": CHUNK_IMAGES})
            except Ended:  # before it read anything
                self._forget()
            self._held = held.pop_all()

    def take(self, contents: Sequence[Undecoded], task: DecodingTask) -> Decoded | None:
        """What became of some images, waited for, once; None where it is not known of all of them."""
        if task != self._task:
            return None
        with self._lock:
            sources = [content for content in contents if isinstance(content, Source) and self._answer_for(content)]
            if len(sources) < len(contents):
                return None
            found = [self._known.pop(source) for source in sources]
            self._asked.difference_update(sources)
            decoded = Decoded(
                self._pictures[[place for place in found if isinstance(place, int)]],  # a copy
                [None if isinstance(place, int) else place for place in found],
                [self._low_information.pop(source, None) for source in sources],
            )
            if not self._asked:
                self._give_back()
        return decoded

    def close(self) -> None:
        """Let go of the process; one that still decodes is ended."""
        with self._lock:
            if self._unanswered:
                self._forget()
            self._asked.clear()
            self._give_back()

    def _answer_for(self, source: Source) -> bool:
        """Whether it is known, after reading all answers up to its own."""
        if source not in self._asked:
            return False
        try:
            while source not in self._known and self._unanswered:
                answer = next(self._answers)
                first = self._unanswered.popleft()
                if problem := problem_of(answer):
                    self._known[first] = problem
                else:
                    self._known[first] = self._pictures_made
                    self._low_information[first] = low_information_of(answer)
                    self._pictures_made += 1
                if not self._unanswered:
                    next(self._answers, None)  # the end of the request
        except (Ended, WorkerError):
            self._forget()
        return source in self._known

    def _give_back(self) -> None:
        """The process, once and without the pictures: others need little of its memory."""
        if self._holds:
            self._holds = False
            self._lent.worker.memory.empty()
            self._held.close()

    def _forget(self) -> None:
        self._unanswered.clear()
        self._lent.end()


_begun: DecodingAhead | None = None


@contextmanager
def decode_ahead(sources: Sequence[Source], task: DecodingTask) -> Iterator[None]:
    """Within the block `take_ahead` gives what becomes of these images; what nobody took is dropped after it."""
    global _begun  # noqa: PLW0603 - one for the process, as its workers are
    begun = _begun = DecodingAhead(sources, task)
    try:
        yield
    finally:
        _begun = None
        begun.close()


def take_ahead(contents: Sequence[Undecoded], task: DecodingTask) -> Decoded | None:
    """What became of some images that were decoded ahead; None where that is not known of all of them."""
    begun = _begun
    return begun.take(contents, task) if begun and contents else None


def drop_ahead() -> None:
    """Whatever was decoded ahead is not needed any more."""
    if begun := _begun:
        begun.close()
