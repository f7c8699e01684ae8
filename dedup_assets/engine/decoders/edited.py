"""The pipeline's end for edited copies: asks a decoding process for those of some images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.decoders.asking import AskingCall
from dedup_assets.engine.decoders.messages import editing_request
from dedup_assets.engine.decoders.tasks import DecodingTask, Undecoded
from dedup_assets.engine.pictures.edits import EDITS
from dedup_assets.engine.workers import Request
from dedup_assets.engine.workers.pool import Lent


def edit_all(images: Sequence[Undecoded], task: DecodingTask, lent: Lent) -> list[NDArray[np.uint8] | None]:
    """Make the edited copies of some images.

    Args:
        images: few, because their copies are held in memory together.
        task: size of the copies, and crop and limits of the images.
        lent: the process; replaced where it ends.

    Returns:
        For each image (edits, height, width, 3) uint8 RGB, in the order of `EDITS`; None where it cannot be used.

    Raises:
        WorkerError: no process can be started in the place of one that ended.
    """
    call = _Editing(images, task, lent)
    call.complete()
    return call.copies


class _Editing(AskingCall):
    def __init__(self, images: Sequence[Undecoded], task: DecodingTask, lent: Lent) -> None:
        super().__init__(images, task, lent)
        self._task = task
        self._good = 0
        self.copies: list[NDArray[np.uint8] | None] = [None] * len(images)

    def _request(self, images: Sequence[Undecoded]) -> Request:
        self._good = 0
        return editing_request(images, self._task, len(EDITS))

    def _take(self, place: int, answer: list[Any]) -> None:
        shape = (len(EDITS), *self._task.size, 3)
        size, start = int(np.prod(shape)), self._good * int(np.prod(shape))
        self._good += 1
        memory = self._lent.worker.memory.view(start + size)
        self.copies[place] = np.frombuffer(memory, np.uint8, size, start).reshape(shape).copy()
