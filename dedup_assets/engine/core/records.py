"""Records that modules exchange: small, frozen, with no behaviour beyond their own facts.

Tables (polars) and arrays (numpy) travel inside these records, so that a signature says what it carries.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # decoding processes import this module, and start faster without these
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
        name: bytes of the path or URL; `ARCHIVE/MEMBER` inside an archive; `VIDEO#t=HH:MM:SS.mmm` for a frame of a
            video.
        size_bytes: -1 if unknown (a frame of a video) or not found.
        version: text that changes with the content; empty if unknown.
        container: the archive or video that holds the image; None for a file of its own.
        place: position in the container: a byte offset in an archive, milliseconds in a video. Only `containers` reads
            it.
    """

    name: bytes
    size_bytes: int
    version: str
    container: bytes | None = None
    place: int | None = None


@dataclass(frozen=True)
class Manifest:
    """The listed images, in order.

    Attributes:
        images: one row per image: `index` (int64, position in the full listing) and the fields of `Source`: `filename`
            (binary, its name), `size_bytes` (int64), `version` (string: modification and change time in ns, or what the
            store gives, and what changes within a container; empty if unknown), `container` (binary) and `place`
            (int64), both null for plain files.
        listed: number of images in the full listing, before offsets and `num_images` cut it.
        digest: SHA-256 in hex over positions, names, sizes and versions of all rows; equal digests mean equal content.
        listing: SHA-256 in hex over the names of the full listing; if two are equal, a position means the same image in
            both. Empty if unknown.
        links: one row per additional name of an image or of its file, sorted by it: `filename` (binary, that name),
            `same_as` (binary, the listed name) and `kind` (string: symlink, hardlink, same_folder or same_object). None
            if unknown.
        left_out: number of files and of unentered folders that are not listed, by reason: an extension, or words.
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
    """A listing that is read range by range, so that extraction needs no more memory for more images.

    Attributes:
        read: gives the rows of `Manifest.images` in a range of positions.
        positions: from that of its first row to the one after its last row.
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


@dataclass(frozen=True)
class Shard:
    """The result of one offset range: one row per listed image, good or bad.

    Attributes:
        images: `index`, `filename`, `size_bytes`, `version` as in the manifest; `error_code`, `error` (both null for a
            good image); `low_information` (string): null, or a hash of the file if the picture shows nothing (flat,
            black, blank), empty for a frame of a video (such images match only exact copies); and `content` (string):
            SHA-256 in hex of the bytes of the file, or of the member of an archive. For a frame of a local video it is
            that of the video with `#t=MILLISECONDS`. Null if unknown: a frame of a video on a store, a file that could
            not be read or that ended its decoding process. Then the facts of `ImageFacts`, null for a bad image.
        vectors: (n_good, d) float32, of the good images in the order of their rows.
    """

    images: "pl.DataFrame"
    vectors: "NDArray[np.float32]"


@dataclass(frozen=True)
class FeatureStream:
    """The offset ranges that become features.dat: iterated once, in order, with one in memory at a time.

    Attributes:
        shards: the ranges of a whole manifest.
        model_sha256: SHA-256 of the ONNX file that made the vectors.
        dimension: values in one vector.
        is_part: the other ranges of the listing are elsewhere; then a range without a good image is a result too.
        digest: equal if all ranges are equal, so that files that hold them need not be written again; empty if unknown.
        versions: name to version of the rules and libraries that made the vectors; empty if unknown.
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
        names: (n,) binary: the name of the image of each row.
        vectors: (n, d) float32, as the model gave them; memory-mapped where they come from a local file.
    """

    names: "pl.Series"
    vectors: "NDArray[np.float32]"

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class ImageLedger:
    """What became of each listed image: it is good and has a vector, or bad and has an error.

    Attributes:
        rows: as `Shard.images`.
    """

    rows: "pl.DataFrame"

    def __len__(self) -> int:
        return self.rows.height


@dataclass(frozen=True)
class FeatureFiles:
    """What the extraction wrote to the work_dir, read back together."""

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
        by_fastdup: it was read from fastdup's nnf.index, whose rows may differ from those of the features.
        made_of: identifies the features and settings that it was built from; empty if unknown.
        is_stored: it was read from the file that it would be written to.
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
        images: number of rows that were searched for: all rows of the features, or of a scored set.
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
    """The result of a search: the neighbours of each image, and the pairs that are similar enough to list."""

    neighbors: Neighbors
    pairs: Pairs


@dataclass(frozen=True)
class Components:
    """The similarity graph as tables.

    Attributes:
        images: one row per image, in the order of the features: `__id` (row of features.dat.csv), `component_id`,
            `pagerank`, `degree`, `count`, `mean_distance`, `min_distance`, `max_distance`. A column whose computation
            was switched off is absent.
        info: one row per component, largest first: `component_id`, `count` (images), `mean`, `min`, `max` (similarity
            of its edges; null for a single image). Empty if components were switched off.
    """

    images: "pl.DataFrame"
    info: "pl.DataFrame"


@dataclass(frozen=True)
class Gallery:
    """The HTML report.

    Attributes:
        pages: HTML documents by file name; the first is the one to open.
        folder: name of the folder beside the pages with the files that they load; it changes with the content. Empty if
            there is none.
        files: path within `folder` and content of each file; they can be iterated more than once.
        file_bytes: total size of these files.
        made_of: identifies the results and settings that it shows; empty if unknown.
        is_stored: it is already where it would be written to, and neither pages nor files were made again.
    """

    pages: dict[str, str]
    folder: str = ""
    files: Iterable[tuple[str, bytes]] = ()
    file_bytes: int = 0
    made_of: str = ""
    is_stored: bool = False
