"""The vocabulary that crosses module borders: small, frozen, without behaviour beyond their own facts.

Tables (polars) and arrays (numpy) travel inside these records, never loose: a signature then says what it carries.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # decoding processes need the vocabulary, and start quicker without these
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray


class ErrorCode(StrEnum):
    """Why a listed input gave no vector: the `error_code` column of features.bad.csv."""

    CORRUPT_IMAGE = "ERROR_CORRUPT_IMAGE"
    TRUNCATED_IMAGE = "ERROR_TRUNCATED_IMAGE"
    ZERO_SIZE_FILE = "ERROR_ZERO_SIZE_FILE"
    IMAGE_TOO_SMALL = "ERROR_IMAGE_TOO_SMALL"
    IMAGE_TOO_LARGE = "ERROR_IMAGE_TOO_LARGE"
    MISSING_FILE = "ERROR_MISSING_FILE"
    UNSUPPORTED_FORMAT = "ERROR_UNSUPPORTED_FORMAT"
    BAD_BOUNDING_BOX = "ERROR_BAD_BOUNDING_BOX"
    UNREADABLE = "ERROR_UNREADABLE"


@dataclass(frozen=True)
class BoundingBox:
    """A crop in pixels of the picture as a person sees it: rows [row, row + height), columns [col, col + width)."""

    row: int
    col: int
    width: int
    height: int


@dataclass(frozen=True, order=True)
class OffsetRange:
    """A half-open range `[min_offset, max_offset)` of positions in the full, sorted listing."""

    min_offset: int
    max_offset: int

    @property
    def key(self) -> str:
        """Zero-padded, so that text order is offset order; also the Dagster partition key."""
        return f"{self.min_offset:012d}-{self.max_offset:012d}"

    @classmethod
    def parse(cls, key: str) -> "OffsetRange":
        """Read a key back. Raises ValueError if it is not one."""
        low, high = key.split("-")
        return cls(int(low), int(high))


@dataclass(frozen=True, order=True)
class RowRange:
    """A half-open range `[start, stop)` of rows of features.dat: the queries that are searched together."""

    start: int
    stop: int

    @property
    def key(self) -> str:
        """Zero-padded, so that text order is row order; also the Dagster partition key."""
        return f"{self.start:012d}-{self.stop:012d}"

    @classmethod
    def parse(cls, key: str) -> "RowRange":
        """Read a key back. Raises ValueError if it is not one."""
        start, stop = key.split("-")
        return cls(int(start), int(stop))

    def __len__(self) -> int:
        return self.stop - self.start


class Source(NamedTuple):
    """Where the bytes of one image are.

    Attributes:
        name: as a person finds it: the path's bytes or a URL; `ARCHIVE/MEMBER`; `VIDEO#t=HH:MM:SS.mmm`.
        size_bytes: -1 if unknown (a frame of a video) or not found.
        version: changes with the content.
        container: the archive or video that holds it; None for a file of its own.
        place: where in the container: a byte offset; for videos milliseconds. Only `containers` reads it.
    """

    name: bytes
    size_bytes: int
    version: str
    container: bytes | None = None
    place: int | None = None


@dataclass(frozen=True)
class Manifest:
    """What was listed, in order.

    Attributes:
        images: one row an image: `index` (int64, position in the full listing) and the fields of `Source`, its name as
            `filename` (binary), `size_bytes` (int64), `version` (string: modification and change time in ns, or
            what a store says, and what changes within a container; empty: unknown), `container` (binary) and `place`
            (int64), both null for plain files.
        listed: how many images the full listing has, before offsets and `num_images` cut it.
        digest: hex digest over names, sizes and versions of all rows: equal digests, equal content.
        listing: hex digest over the names of the full listing: positions mean the same in listings of equal digests.
            Empty if unknown.
        links: one row per further name of an image or its file: `filename` and `same_as` (binary, both names) and
            `kind` (string: symlink, hardlink, same_folder or same_object), by name; None where they are not known.
        left_out: how many files, or folders that were not entered, are no images of the listing, by reason: an
            extension, or words.
    """

    images: "pl.DataFrame"
    listed: int
    digest: str
    listing: str = ""
    links: "pl.DataFrame | None" = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.images.height


@dataclass(frozen=True)
class StoredManifest:
    """A listing of which only a range is held in memory: what extraction needs, whatever the number of images.

    Attributes:
        read: the rows of `Manifest.images` in a range of positions.
        positions: of its first row, and after its last one.
        listed: as of `Manifest`.
        digest: as of `Manifest`.
        listing: as of `Manifest`.
    """

    read: Callable[[OffsetRange], "pl.DataFrame"]
    positions: OffsetRange
    listed: int
    digest: str
    listing: str = ""

    def __len__(self) -> int:
        return self.positions.max_offset - self.positions.min_offset


LEDGER_COLUMNS = ("index", "filename", "size_bytes", "version", "error_code", "error", "low_information")
"""Of `Shard.images` and `ImageLedger.rows`, in this order."""


@dataclass(frozen=True)
class Shard:
    """What one offset range gave: a row for each listed image, good or bad.

    Attributes:
        images: `index`, `filename`, `size_bytes`, `version` of the manifest; `error_code`, `error` (both null where
            the image is good); and `low_information` (string): null, or where the picture shows nothing (flat, black,
            blank) a hash of the file, empty for a frame of a video. Such images match exact copies alone.
        vectors: (n_good, d) float32, the good rows in order.
    """

    images: "pl.DataFrame"
    vectors: "NDArray[np.float32]"


@dataclass(frozen=True)
class FeatureStream:
    """Ranges on their way into features.dat: iterated once, in order, one in memory at a time.

    Attributes:
        shards: the ranges of a whole manifest.
        model_sha256: of the ONNX file that made the vectors.
        dimension: values in one vector.
        is_part: of a listing whose other ranges are elsewhere: then a range without a good image is a result too.
        digest: equal where all ranges are, so that files which hold them need not be written again; empty if unknown.
        versions: of the rules and libraries that made the vectors, by name; empty if unknown.
        listing: as of `Manifest`.
    """

    shards: Iterable[Shard]
    model_sha256: str
    dimension: int
    is_part: bool = False
    digest: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    listing: str = ""


@dataclass(frozen=True)
class Features:
    """The vectors of all good images and the names of their rows.

    Attributes:
        names: (n,) binary: the path's bytes of each row.
        vectors: (n, d) float32, as the model gave them; memory-mapped where they come from a local file.
    """

    names: "pl.Series"
    vectors: "NDArray[np.float32]"

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class ImageLedger:
    """What became of every listed image: each in exactly one class.

    Attributes:
        rows: as the images of a `Shard`.
    """

    rows: "pl.DataFrame"

    def __len__(self) -> int:
        return self.rows.height


@dataclass(frozen=True)
class FeatureFiles:
    """All that the extraction left in the work_dir, read back together."""

    features: Features
    ledger: ImageLedger


@dataclass(frozen=True)
class BadImages:
    """Each listed image that gave no vector.

    Attributes:
        rows: `index`, `filename` (binary), `error_code`, `filesize` (bytes, -1 if unknown), `error` (reason).
    """

    rows: "pl.DataFrame"

    def __len__(self) -> int:
        return self.rows.height


@dataclass(frozen=True)
class SearchIndex:
    """A faiss index over all rows of the features, in their order.

    Attributes:
        index: a `faiss.Index`.
        distance: the metric it was built for; for cosine it holds normalised vectors.
        by_fastdup: it was read from fastdup's nnf.index, whose rows may be others than those of the features.
        made_of: which features and settings it was built from; empty if unknown.
        is_stored: it was read from where it would be written to.
    """

    index: Any
    distance: str
    by_fastdup: bool = False
    made_of: str = ""
    is_stored: bool = False

    def __len__(self) -> int:
        return int(self.index.ntotal)


@dataclass(frozen=True)
class Neighbors:
    """The directed k-nearest-neighbour graph.

    Attributes:
        edges: `from`, `to` (uint32 rows of the features), `similarity` (float32, 1 = identical, 6 decimals),
            ordered by (from, similarity descending, to); no row points to itself.
        images: how many rows the features have.
        recall_at_k: share of true neighbours found, measured against exact search on a sample; None if not measured.
    """

    edges: "pl.DataFrame"
    images: int
    recall_at_k: float | None = None


@dataclass(frozen=True)
class Pairs:
    """Pairs of images by name: what similarity.csv and outliers.csv hold.

    Attributes:
        rows: `from`, `to` (binary), `distance` (float64: a similarity, 1 = identical; fastdup's name for the column).
    """

    rows: "pl.DataFrame"

    def __len__(self) -> int:
        return self.rows.height

    def __iter__(self) -> Iterator[tuple[bytes, bytes, float]]:
        return self.rows.iter_rows()


@dataclass(frozen=True)
class Similarity:
    """What a search gives: the neighbours of every image, and the pairs among them that are similar enough to list."""

    neighbors: Neighbors
    pairs: Pairs


@dataclass(frozen=True)
class Components:
    """The similarity graph, summed up.

    Attributes:
        images: one row an image, in the order of the features: `__id` (row of features.dat.csv), `component_id`,
            `pagerank`, `degree`, `count`, `mean_distance`, `min_distance`, `max_distance`. A column whose computation
            was switched off is absent.
        info: one row a component, largest first: `component_id`, `count` (images), `mean`, `min`, `max` (similarity of
            its edges; null for a single image). Empty when components were switched off.
    """

    images: "pl.DataFrame"
    info: "pl.DataFrame"


@dataclass(frozen=True)
class Gallery:
    """The report.

    Attributes:
        pages: HTML documents by file name, first the one to open.
        folder: beside the pages, holds what they refer to; another content has another name. Empty: there is none.
        files: path within that folder and content of each of its files.
        file_bytes: their size together.
        made_of: which results and settings it shows; empty if unknown.
        is_stored: it stands where it would be written to, and neither pages nor files were made again.
    """

    pages: dict[str, str]
    folder: str = ""
    files: Iterable[tuple[str, bytes]] = ()
    file_bytes: int = 0
    made_of: str = ""
    is_stored: bool = False
