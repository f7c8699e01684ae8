"""Hashes of the pixels of images in full size, by content."""

from collections.abc import Mapping, Sequence

import polars as pl

from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.matching.library import Library
from dedup_assets.engine.matching.open_comparers import open_comparers
from dedup_assets.engine.work_dir import WorkDir, ledger_file

_TOGETHER = 8


def hash_pixels(images: Mapping[str, bytes], settings: Settings, work_dir: WorkDir) -> dict[str, str | None]:
    """Hashes of the pixels of contents; None for several frames. Without files that cannot be read or have changed.

    Args:
        images: the name of a file of each content.
        settings: limits and threads.
        work_dir: knows the sizes of the files.

    Raises:
        WorkerError: no decoding process can be started.
    """
    if not images:
        return {}
    contents, names = list(images), pl.Series("filename", list(images.values()), pl.Binary)
    library = Library.of(names, ledger_file.read_listed_sizes(work_dir), settings.image_seconds)
    bundles = [range(start, min(start + _TOGETHER, len(names))) for start in range(0, len(names), _TOGETHER)]
    found: dict[str, str | None] = {}
    with open_comparers(settings, library, None) as (lanes, open_comparer):

        def work(bundle: Sequence[int]) -> list[tuple[str, str | None]]:
            with open_comparer() as comparer:
                comparer.look(bundle)
                digests = comparer.hash_pixels(bundle)
            looked = [comparer.looked[image] for image in bundle]
            return [
                (contents[image], digest if look.frames == 1 else None)
                for image, look, digest in zip(bundle, looked, digests, strict=True)
                if look.content == contents[image] and digest
            ]

        for some in lanes.in_order(bundles, work):
            found.update(some)
    return found
