"""What every handler of a decoding process needs: the files of a request, and answers that say why an image is bad."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from dedup_assets.engine import stores
from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode, Source
from dedup_assets.engine.decoders.messages import answer_of
from dedup_assets.engine.inputs.reading import read_sources
from dedup_assets.engine.workers.serving import Job


class Answer:
    """The answer for one image: `fields`, or code and reason if the block raises an error that makes the image bad."""

    def __init__(self) -> None:
        self.fields: list[Any] = []

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, MemoryError):
            error = ImageError(ErrorCode.IMAGE_TOO_LARGE, "needs more memory than a decoding process may have")
        if isinstance(error, ImageError):
            self.fields = answer_of(error)
        return isinstance(error, ImageError)


def checked(file: bytes | ImageError) -> bytes:
    """The bytes of a file. Raises ImageError if they could not be read."""
    if isinstance(file, ImageError):
        raise file
    return file


def files_of(job: Job, sources: Sequence[Source | None]) -> Iterator[bytes | ImageError]:
    """The files of a request in order: those that came with it, and those that are read here.

    Args:
        job: the request.
        sources: where each file is read; None for one that came with the request.
    """
    stores.open_urls_by(job.open_remote)
    given = iter(job.contents)
    for file_is_given, group in groupby(sources, key=lambda source: source is None):
        if file_is_given:
            yield from (next(given) for _ in group)
        else:
            yield from read_sources([source for source in group if isinstance(source, Source)])
