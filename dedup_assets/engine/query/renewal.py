"""The newest generation of a work_dir: opened once, and again when a run has published another one.

Answers that are under way keep the generation that they began with.
"""

import threading
from collections.abc import Callable

from dedup_assets.engine.query.stored import StoredIndex
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.file_names import RECORD
from dedup_assets.engine.work_dir.holding import published_generation
from dedup_assets.engine.work_dir.journal import JOURNAL


class NewestResults:
    """Opens results again where they have changed.

    Args:
        work_dir: where runs publish.
        open_results: opens what readers see now; raises what `open_stored` raises.
    """

    def __init__(self, work_dir: WorkDir, open_results: Callable[[WorkDir], StoredIndex]) -> None:
        self._work_dir, self._open = work_dir, open_results
        self._lock = threading.Lock()
        self._mark = self._look()
        self._results = open_results(work_dir)

    @property
    def results(self) -> StoredIndex:
        """The results that were opened last."""
        return self._results

    def renew(self) -> StoredIndex:
        """Open the results again if a run has published others since; other threads go on with the former ones.

        A look costs the facts of two files. On a store it is a few requests.

        Raises:
            WorkDirError: the new results cannot be opened. `results` are still the former ones, and the next call
                tries again.
            ModelError: likewise.
        """
        mark = self._look()
        if mark == self._mark:
            return self._results
        with self._lock:
            mark = self._look()
            if mark != self._mark:
                if published_generation(self._work_dir) != self._results.generation or not self._results.generation:
                    self._results = self._open(self._work_dir)
                self._mark = mark
            return self._results

    def _look(self) -> object:
        return self._work_dir.stamp(RECORD, JOURNAL)
