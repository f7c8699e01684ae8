"""Stores of files that have a URL: S3 and whatever else fsspec opens. Listing, reading and the work_dir share it."""

from typing import Any

import fsspec


def is_url(name: bytes) -> bool:
    """Whether a name is a URL; otherwise it is the path of a local file."""
    return b"://" in name


def open_store(url: str) -> tuple[Any, str]:
    """The filesystem of a URL, and the path in it. Endpoint and credentials come from the usual environment variables.

    Raises:
        Exception: whatever the store's package raises where the protocol, a package or credentials are missing.
    """
    # Kept listings would hide from this process what others have written since.
    filesystem, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    return filesystem, str(path)
