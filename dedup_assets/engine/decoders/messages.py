"""Requests to a decoding process and its answers, as JSON: both ends of the pipe read and write them here.

Names are bytes; JSON carries them as Latin-1 text, in which every byte is one character.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.image_facts import ImageFacts
from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.core.records import BoundingBox, ErrorCode, Source
from dedup_assets.engine.decoders.tasks import Compared, DecodingTask, Looked, LookTask, PreviewTask, Undecoded
from dedup_assets.engine.inputs.reading import MAX_FILE_BYTES
from dedup_assets.engine.pictures.decoding import DecodingLimits, thumbnail_room
from dedup_assets.engine.pictures.provenance import Provenance
from dedup_assets.engine.workers import Request, Worker

LOOKS_KEPT = 48
"""Looks that a process keeps: those that it used last. Each takes up to 1.1 MB once it was compared."""

_RGB = 3
_BYTES_PER_PIXEL = 16  # the largest need of any decoder, as measured
_LIBRARIES_BYTES = 512 << 20
_LOOK_BYTES = 4 << 20  # of one look, with all that comparisons compute from it


def decoding_request(images: Sequence[Undecoded], task: DecodingTask) -> Request:
    """The request of a `DecodingTask`; the answer for each image is `answer_of_picture`, or `answer_of` a problem.

    The last field of either answer is `Decoded.content`. Good pictures lie one after the other in the shared memory,
    see `pictures_in`.
    """
    box, (height, width) = task.box, task.size
    return {
        "do": "decode",
        "size": task.size,
        "thumbnails": task.thumbnails,
        "box": box and [box.row, box.col, box.width, box.height],
        "memory_size": len(images) * height * width * _RGB,
        **_fields_of_every_request(images, task),
    }


def editing_request(images: Sequence[Undecoded], task: DecodingTask, edits: int) -> Request:
    """The request for edited copies of images; the answer for each is [null], or `answer_of` a problem.

    The copies of good images lie one after the other in the shared memory, each of `DecodingTask.size`.

    Args:
        images: whose copies are made.
        task: size of the copies, and crop and limits of the images.
        edits: number of copies of each.
    """
    wanted = decoding_request(images, task)
    return wanted | {"do": "edit", "memory_size": max(wanted["memory_size"] * edits, 1)}


def preview_request(images: Sequence[Undecoded], task: PreviewTask) -> Request:
    """The request of a `PreviewTask`; the answer for each image is [width, height, file bytes, thumbnail bytes].

    Instead it is [code, reason] where the image is bad. Thumbnails lie one after the other in the shared memory.
    """
    return {
        "do": "preview" if task.side else "describe",
        "side": task.side,
        "memory_size": max(len(images) * thumbnail_room(task.side), 1),
        **_fields_of_every_request(images, task),
    }


def look_request(images: Sequence[Undecoded], keys: Sequence[int], task: LookTask) -> Request:
    """The request to look at images, which are named by numbers from then on.

    The answer for each image is what `looked_of` reads, or [code, reason] where it is bad. A look that the process has
    kept is not made again.
    """
    return {"do": "look", "keys": list(keys), **_fields_of_looks(images, task)}


def pixels_request(images: Sequence[Undecoded], task: LookTask) -> Request:
    """The request for the pixels of images in full size.

    The answer for each image is [width, height, SHA-256 of its RGB pixels], or [code, reason] where it is bad.
    """
    return {"do": "pixels", **_fields_of_looks(images, task)}


def fineness_request(images: Sequence[Undecoded], task: LookTask) -> Request:
    """The request to measure images in full size.

    The answer for each image is a list with what `measure_fineness` gives, or [code, reason] where it is bad.
    """
    return {"do": "fineness", **_fields_of_looks(images, task)}


def comparing_request(attempts: "Sequence[Sequence[Attempt]]", task: LookTask) -> Request:
    """The request to compare images that the process has looked at.

    An attempt is a list of pairs, compared in order up to the first copy. The answer for each attempt is a list with
    what `compared_of` reads for each pair that was compared; its last entry is null where the process has no look of
    one of the two any more.
    """
    return {"do": "compare", "attempts": attempts, **_fields_of_looks([], task)}


Attempt = tuple[int, int, tuple[float, ...] | None]
"""The numbers of two images, and a map from the first to the other that is tried first, as of `Compared.matrix`."""


def looked_of(answer: list[Any]) -> Looked:
    """What a look at a good image found: the first fields of `Looked`, the last as a list."""
    fields = [*answer[:-1], Provenance(*answer[-1])]
    return Looked(*fields)


def compared_of(answer: list[Any]) -> Compared:
    """What the comparison of one pair found."""
    relation, score, matrix, *rest = answer
    return Compared(Relation(relation), score, None if matrix is None else tuple(matrix), *rest)


def problem_of(answer: list[Any]) -> ImageError | None:
    """Why the image of an answer is bad; None for a good one."""
    is_bad = bool(answer) and isinstance(answer[0], str)
    return ImageError(ErrorCode(answer[0]), answer[1]) if is_bad else None


def answer_of(problem: ImageError) -> list[Any]:
    """The answer for a bad image."""
    return [problem.code.value, str(problem)]


def answer_of_picture(low_information: str | None, facts: ImageFacts, thumbnails: Sequence[bytes] = ()) -> list[Any]:
    """The answer for a good picture; its fields are those of `Decoded`, and thumbnails in base 64."""
    return [None, low_information, facts, [b64encode(each).decode() for each in thumbnails]]


def low_information_of(answer: list[Any]) -> str | None:
    """`Decoded.low_information` of the good picture that an answer is about."""
    mark: str | None = answer[1]
    return mark


def facts_of(answer: list[Any]) -> ImageFacts:
    """`Decoded.facts` of the good picture that an answer is about."""
    return ImageFacts(*answer[2])


def thumbnails_of(answer: list[Any]) -> list[bytes]:
    """The thumbnails that came with the good picture that an answer is about."""
    return [b64decode(each) for each in answer[3]]


def content_of(answer: list[Any]) -> str | None:
    """`Decoded.content` of the image that the answer to a decoding request is about."""
    content: str | None = answer[-1]
    return content


def pictures_in(worker: Worker, images: int, task: DecodingTask) -> NDArray[np.uint8]:
    """The pictures in the memory that is shared with a process.

    Args:
        worker: the process.
        images: number of good images that it has decoded, or room for those that it will decode.
        task: what it was asked for.

    Returns:
        (images, height, width, 3) uint8 RGB, a view.
    """
    height, width = task.size
    size = images * height * width * _RGB
    return np.frombuffer(worker.memory.view(size), np.uint8, size).reshape(images, height, width, _RGB)


def sources_of(request: Request) -> list[Source | None]:
    """Where the process reads each image of a request; None where the bytes came with the request."""
    return [None if fields is None else _source(*fields) for fields in request["sources"]]


def limits_of(request: Request) -> DecodingLimits:
    """Which pictures a request refuses."""
    return DecodingLimits(*request["limits"])


def box_of(request: Request) -> BoundingBox | None:
    """The crop of a decoding request."""
    return BoundingBox(*request["box"]) if request["box"] else None


def _fields_of_looks(images: Sequence[Undecoded], task: LookTask) -> Request:
    fields = _fields_of_every_request(images, task)
    box = task.box
    return fields | {
        "box": box and [box.row, box.col, box.width, box.height],
        "session": task.session,
        "memory_size": 1,
        "memory_bytes": fields["memory_bytes"] + LOOKS_KEPT * _LOOK_BYTES,
    }


def _fields_of_every_request(images: Sequence[Undecoded], task: DecodingTask | PreviewTask | LookTask) -> Request:
    # A process holds the largest file that is read, and the largest picture that is decoded.
    memory_bytes = _LIBRARIES_BYTES + MAX_FILE_BYTES + task.limits.max_pixels * _BYTES_PER_PIXEL
    return {
        "limits": [task.limits.min_side, task.limits.max_pixels],
        "sources": [_fields(image) if isinstance(image, Source) else None for image in images],
        "memory_bytes": memory_bytes,
        "seconds": task.seconds,
    }


def _fields(source: Source) -> list[object]:
    container = None if source.container is None else source.container.decode("latin-1")
    return [source.name.decode("latin-1"), source.size_bytes, source.version, container, source.place]


def _source(name: str, size_bytes: int, version: str, container: str | None, place: int | None) -> Source:
    inside = None if container is None else container.encode("latin-1")
    return Source(name.encode("latin-1"), size_bytes, version, inside, place)
