"""Objects of a store, through fsspec: opened, described and read in bounded time.

A request that fails is sent again: by the store's package for S3, by `patience` for the others.
"""

import time
from collections.abc import Coroutine
from typing import Any

from dedup_assets.engine.stores.patience import ask

# Time limits for an object of a store that stalls; they cover all attempts of the store's package together.
_RETRIES = {"mode": "standard", "max_attempts": 3}
_DEADLINE_SECONDS = 90.0
_INFO_SECONDS = 30.0
_SLOWEST_BYTES_A_SECOND = 100_000
_SETTLED_SECONDS = 60.0  # RFC 9110, 8.8.2.2: an older date identifies a version, although it has no fractions


def open_store(url: str) -> tuple[Any, str]:
    """The filesystem of a URL, and the path in it. Endpoint and credentials come from the usual environment variables.

    All text after the protocol is the path: `::` in it is part of a key and begins no second URL.

    Raises:
        Exception: whatever the store's package raises where the protocol, a package or credentials are missing.
    """
    import fsspec

    protocol = url.partition("://")[0]
    if "::" in protocol:
        raise ValueError(f"protocol {protocol!r}: a chain of protocols is not opened")
    store = fsspec.get_filesystem_class(protocol)
    # A cached listing would hide from this process what others have written since.
    options: dict[str, Any] = {**store._get_kwargs_from_urls(url), "use_listings_cache": False}
    if protocol in {"s3", "s3a"}:
        options["config_kwargs"] = {"retries": _RETRIES} | fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
    return fsspec.filesystem(protocol, **options), str(store._strip_protocol(url))


def object_info(filesystem: Any, path: str) -> dict[str, Any]:  # noqa: ANN401 - fsspec is untyped
    """What a store says of an object or a folder, as fsspec's `info`.

    Raises:
        TimeoutError: the store took too long.
        Exception: stores have errors of their own.
    """
    if not getattr(filesystem, "async_impl", False):
        facts: dict[str, Any] = filesystem.info(path)
        return facts
    return ask(_server_of(filesystem, path), lambda: _within(filesystem, filesystem._info(path), _INFO_SECONDS))


def read_object(
    filesystem: Any,  # noqa: ANN401 - fsspec is untyped
    path: str,
    start: int | None = None,
    end: int | None = None,
    *,
    size: int = 0,
) -> bytes:
    """Read an object of a store, or a part of it, in bounded time.

    Args:
        filesystem: of fsspec.
        path: in it.
        start: first byte; None for the whole object.
        end: position after the last byte.
        size: expected number of bytes, which sets the time limit.

    Raises:
        TimeoutError: the store took too long.
        Exception: stores have errors of their own.
    """
    content: bytes
    if not getattr(filesystem, "async_impl", False):
        content = filesystem.cat_file(path, start=start, end=end)
        return content
    if start is None and size and "s3" in filesystem.protocol:
        start = 0  # s3fs asks for the size of an object that is read as a whole, but not of one read from byte 0 on
    seconds = _DEADLINE_SECONDS + size / _SLOWEST_BYTES_A_SECOND
    content = ask(
        _server_of(filesystem, path),
        lambda: _within(filesystem, filesystem._cat_file(path, start=start, end=end), seconds),
    )
    return content


def read_small_object(filesystem: Any, path: str) -> bytes:  # noqa: ANN401 - fsspec is untyped
    """Read a whole object that is not empty from a store, in one request.

    Raises:
        FileNotFoundError: there is none.
        TimeoutError: the store took too long.
        Exception: stores have errors of their own.
    """
    return read_object(filesystem, path, size=1)


def describe_object(facts: dict[str, Any]) -> tuple[int, str]:
    """Size in bytes (-1: unknown) and version, from what a store says of an object.

    The version changes with the content; it is empty if the store gives nothing that does.
    """
    tags = (
        facts.get(key)
        for key in ("ETag", "etag", "checksum", "Content-MD5", "Digest", "mtime", "LastModified", "last_modified",
                    "created")
    )  # fmt: skip
    size = facts.get("size")
    version = next((str(tag) for tag in tags if tag), "") or _settled_date(str(facts.get("Last-Modified", "")))
    return -1 if size is None else size, version


def _settled_date(text: str) -> str:
    """An HTTP date, unless it is so recent that the object may change once more within that second."""
    from email.utils import parsedate_to_datetime

    try:
        age = time.time() - parsedate_to_datetime(text).timestamp()
    except ValueError:
        return ""
    return text if age > _SETTLED_SECONDS else ""


def _server_of(filesystem: Any, path: str) -> str:  # noqa: ANN401 - fsspec is untyped
    """Who answers for an object: a host, or a bucket of one account at one endpoint.

    The hash of a filesystem covers its endpoint, account and credentials, so that no secret is part of the name.
    """
    server, _, rest = path.partition("://") if "://" in path else ("", "", path)
    return f"{hash(filesystem):x} {server} {rest.lstrip('/').partition('/')[0]}"


def _within(filesystem: Any, request: Coroutine[Any, Any, Any], seconds: float) -> Any:  # noqa: ANN401
    """The answer to a request of an asynchronous filesystem, in bounded time."""
    import asyncio

    from fsspec.asyn import sync

    try:
        return sync(filesystem.loop, asyncio.wait_for, request, seconds)
    except TimeoutError:
        raise TimeoutError(f"the store took longer than {seconds:.0f} s") from None
