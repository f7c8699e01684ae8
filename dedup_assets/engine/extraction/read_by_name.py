"""Find a listed image again by its name, for a decoding process."""

import os

from dedup_assets.engine.core.records import Source
from dedup_assets.engine.decoders.tasks import Undecoded
from dedup_assets.engine.extraction.read_ahead import is_read_by_decoder
from dedup_assets.engine.inputs.containers import find_inside, split_frame
from dedup_assets.engine.inputs.reading import read_names, read_sources
from dedup_assets.engine.stores import is_url


def find_content(name: bytes, seconds: float, size_bytes: int = -1) -> Undecoded:
    """Where a decoding process reads an image; its bytes, or why there are none, if only this process can read it.

    Args:
        name: of the image.
        seconds: CPU time for unpacking it, where it lies in an archive.
        size_bytes: of a file of its own; -1 if unknown.
    """
    if is_url(name) and not split_frame(name):
        return next(read_names([name], seconds))
    exists = not is_url(name) and os.path.lexists(name)
    source = Source(name, size_bytes, "") if exists else find_inside(name, seconds) or Source(name, -1, "")
    return source if is_read_by_decoder(source) else next(read_sources([source], seconds))
