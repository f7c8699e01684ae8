"""The images by their number: names, sizes, and where each is read."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.decoders.tasks import Undecoded
from dedup_assets.engine.extraction.read_by_name import find_content
from dedup_assets.engine.inputs.containers import split_frame
from dedup_assets.engine.stores import is_url


@dataclass(frozen=True)
class Library:
    """The images of a run, by the rows of their features.

    Attributes:
        names: (n,) binary.
        size_bytes: (n,) int64, -1 where unknown.
        seconds: CPU time for unpacking an image of an archive.
    """

    names: pl.Series
    size_bytes: NDArray[np.int64]
    seconds: float

    @classmethod
    def of(cls, names: pl.Series, sizes: pl.DataFrame, seconds: float) -> "Library":
        """The images with these names; `sizes` has `filename` and `size_bytes` of those whose size is known."""
        known = sizes.unique("filename", keep="last")
        joined = pl.DataFrame({"filename": names}).join(known, on="filename", how="left", maintain_order="left")
        return cls(names, joined["size_bytes"].fill_null(-1).to_numpy(), seconds)

    @cached_property
    def rank_by_name(self) -> NDArray[np.int64]:
        """(n,) the place of each image in the byte order of names."""
        rank = np.empty(len(self.names), np.int64)
        rank[self.names.arg_sort().to_numpy()] = np.arange(len(self.names))
        return rank

    @cached_property
    def rank_as_center(self) -> NDArray[np.int64]:
        """(n,) the place of each image where the largest file is first, ties by name."""
        rank = np.empty(len(self.names), np.int64)
        rank[np.lexsort((self.rank_by_name, -self.size_bytes))] = np.arange(len(self.names))
        return rank

    def read(self, image: int) -> Undecoded:
        """Where a decoding process reads an image, or its bytes."""
        return find_content(self.names[image], self.seconds, int(self.size_bytes[image]))

    def read_all(self, images: Sequence[int], reads: Executor) -> list[Undecoded]:
        """As `read`, for several; objects of a store are read side by side, because their latency limits the rate."""
        begun = [reads.submit(self.read, image) if is_url(self.names[image]) else None for image in images]
        return [future.result() if future else self.read(image) for image, future in zip(images, begun, strict=True)]

    def is_file(self, image: int) -> bool:
        """Whether an image is a file of its own or in an archive, and no frame of a video."""
        return split_frame(self.names[image]) is None
