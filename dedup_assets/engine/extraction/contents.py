"""Which images have the same bytes as others: of exact copies one is decoded, whatever their names.

An image whose size another image has, or a stored one, is read in this process and hashed before it is decoded. All
others are hashed where they are decoded. The content of a frame is that of its video, with the moment.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from enum import Enum
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import Manifest, Shard, Source
from dedup_assets.engine.decoders.tasks import Undecoded
from dedup_assets.engine.extraction.decoding_ahead import is_asked_ahead
from dedup_assets.engine.inputs.reading import video_of
from dedup_assets.engine.stores import is_url, open_file

_MOST_BYTES = 32 << 20  # of a file that is held here; a larger one is hashed in blocks and read again to be decoded
_BLOCK_BYTES = 1 << 20
_VIDEOS = 64  # whose content is kept


class KnownContents(Protocol):
    """Contents that have a result already."""

    def shares_size(self, size_bytes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which sizes a known content has."""

    def holds(self, content: str) -> bool:
        """Whether a content is probably known."""

    def take(self, contents: Sequence[str]) -> Shard:
        """The results of those contents that are known, in any order."""


class Claim(Enum):
    """What is to be done for an image.

    Attributes:
        OWN: its content is new, or unknown: it is decoded.
        COPY: another image of this part has the same content, and is decoded.
        KNOWN: its content has a result already.
        AGAIN: it was decoded before it was found to be one of the last two.
    """

    OWN = "own"
    COPY = "copy"
    KNOWN = "known"
    AGAIN = "again"


class Contents:
    """The contents of the images of a part. Safe for several threads.

    Args:
        manifest: the images.
        known: contents with a result; None for none.
    """

    def __init__(self, manifest: Manifest, known: KnownContents | None) -> None:
        sizes = manifest.images["size_bytes"].to_numpy()
        values, counts = np.unique(sizes, return_counts=True)
        shared = counts > 1
        if known is not None:
            shared |= known.shares_size(values)
        self._shared_sizes = set(values[shared & (values >= 0)].tolist())
        self._known = known
        self._claimed: set[str] = set()
        self._lock = Lock()

    def is_read_here(self, source: Source) -> bool:
        """Whether this process reads a file that a decoding process could read."""
        return self._is_suspect(source) and source.size_bytes <= _MOST_BYTES

    def before_decoding(self, image: Undecoded) -> str | None:
        """The content of an image if it must be known before the image is decoded; None otherwise."""
        if isinstance(image, bytes):
            return hashlib.sha256(image).hexdigest()
        if isinstance(image, ImageError):
            return None
        if video := video_of(image):
            content = None if is_url(video) else _video_content(video, image.version)
            return content and f"{content}#t={image.place}"
        return _hash_file(image.name) if self._is_suspect(image) else None

    def claim(self, content: str) -> Claim:
        """Say that an image has a content; the first image that does so is decoded."""
        if self._known is not None and self._known.holds(content):
            return Claim.KNOWN
        with self._lock:
            if content in self._claimed:
                return Claim.COPY
            self._claimed.add(content)
            return Claim.OWN

    def _is_suspect(self, source: Source) -> bool:
        return source.size_bytes in self._shared_sizes and video_of(source) is None and not is_asked_ahead(source)


_videos: OrderedDict[tuple[bytes, str], str | None] = OrderedDict()
_hashing = Lock()


def _video_content(name: bytes, version: str) -> str | None:
    """SHA-256 of a local video; it is read once for all its frames."""
    with _hashing:
        key = (name, version)
        if key not in _videos:
            _videos[key] = _hash_file(name)
        _videos.move_to_end(key)
        while len(_videos) > _VIDEOS:
            _videos.popitem(last=False)
        return _videos[key]


def _hash_file(name: bytes) -> str | None:
    """SHA-256 of a local file in hex; None where it cannot be read."""
    sha = hashlib.sha256()
    try:
        with open_file(name) as file:
            while block := file.read(_BLOCK_BYTES):
                sha.update(block)
    except (OSError, ImageError):  # decoding it says why
        return None
    return sha.hexdigest()
