"""What is listed of a container, and what reading gives of it."""

import os
from pathlib import Path

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode, Source
from dedup_assets.engine.inputs.listing import list_images
from dedup_assets.engine.inputs.reading import read_source


def sources(path: Path | str) -> dict[str, Source]:
    """Listed images, by the part of their name after the container's name."""
    rows = list_images(str(path)).images.drop("index").iter_rows()
    return {os.fsdecode(row[0]).removeprefix(f"{path}/"): Source(*row) for row in rows}


def outcomes(path: Path) -> dict[str, bytes | ErrorCode]:
    """Content or error code of each listed image."""
    return {name: outcome(source) for name, source in sources(path).items()}


def outcome(source: Source) -> bytes | ErrorCode:
    """Content or error code of an image."""
    try:
        return read_source(source)
    except ImageError as problem:
        return problem.code
