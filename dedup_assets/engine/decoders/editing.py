"""Edited copies of images, made, saved as JPEG and decoded again in a decoding process."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from dedup_assets.engine.decoders.messages import box_of, limits_of, sources_of
from dedup_assets.engine.decoders.received import Answer, checked, files_of
from dedup_assets.engine.pictures.codecs import jpeg
from dedup_assets.engine.pictures.decoding import decode, decode_resized
from dedup_assets.engine.pictures.edits import EDITS, QUALITIES, QUALITY
from dedup_assets.engine.workers.serving import Job

_ENOUGH = (448, 448)  # px of a side: twice the input of common models


def edit(job: Job) -> Iterator[list[Any]]:
    """See `messages.editing_request`."""
    request = job.request
    box, limits, (height, width) = box_of(request), limits_of(request), request["size"]
    memory, place = job.memory.view(request["memory_size"]), 0
    for file in files_of(job, sources_of(request)):
        with Answer() as answer:
            data = checked(file)
            picture = decode(data, at_least=_ENOUGH, box=box, limits=limits)
            random = np.random.default_rng(int.from_bytes(hashlib.sha256(data).digest()[:8], "big"))
            for name, make in EDITS.items():
                copy = jpeg.encode(np.ascontiguousarray(make(picture, random)), QUALITIES.get(name, QUALITY))
                shown = decode_resized(copy, (height, width))
                memory[place : place + shown.nbytes] = shown.data.cast("B")
                place += shown.nbytes
            answer.fields = [None]
        yield answer.fields
