"""Digests of listings."""

import hashlib

import polars as pl

_ROWS_AT_ONCE = 1 << 16


def names_digest(names: pl.Series) -> str:
    """SHA-256 over all names of a listing, in hex: equal ones mean that a position is the same name in both.

    Args:
        names: (n,) binary, in the order of the listing.
    """
    sha = hashlib.sha256()
    for start in range(0, len(names), _ROWS_AT_ONCE):
        sha.update(b"\0".join(names.slice(start, _ROWS_AT_ONCE)) + b"\0")
    return sha.hexdigest()
