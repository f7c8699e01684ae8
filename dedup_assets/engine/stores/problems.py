"""What an error of a store means: the file does not exist, cannot be read, or cannot be read at the moment.

Every store has exceptions of its own. fsspec reports any failure of an HTTP server as a missing file, with the failure
as the cause. Exceptions are recognised by class names and attributes, because the packages of stores are imported only
when a store is used.
"""

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.stores.advice import advise

_GONE = {404, 410}
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # RFC 9110 and RFC 6585: the same request may succeed later


def find_problem(error: Exception) -> ImageError:
    """Why an image cannot be read.

    Args:
        error: what was raised while its bytes were read.
    """
    if isinstance(error, ImageError):
        return error
    cause = _cause(error)
    status = status_of(cause)
    if status in _GONE or (status is None and isinstance(cause, FileNotFoundError)):
        return ImageError(ErrorCode.MISSING_FILE, "no such file")
    if isinstance(cause, NotADirectoryError):  # a file is on the way, which may be an archive
        return ImageError(ErrorCode.MISSING_FILE, "no such file, and no image of this name in an archive")
    return ImageError(ErrorCode.UNREADABLE, f"cannot be read: {reason_of(error)}")


def reason_of(error: Exception) -> str:
    """What went wrong, in words, as text that can be encoded."""
    return (advise(error) or _words(_cause(error))).encode("utf-8", "backslashreplace").decode()


def is_passing(error: Exception) -> bool:
    """Whether the same request may succeed a little later: the server is busy, or cannot be reached just now."""
    cause = _cause(error)
    status = status_of(cause)
    if status is not None:
        return status in _PASSING
    if _is_of(cause, "ClientSSLError"):  # also a connection error, but the next attempt meets the same certificate
        return False
    return isinstance(cause, ConnectionError | TimeoutError) or _is_of(
        cause, "ClientConnectionError", "ClientPayloadError"
    )


def status_of(error: BaseException) -> int | None:
    """The HTTP status that a server answered with; None where it gave no answer."""
    if _is_of(error, "ClientResponseError"):  # aiohttp's
        return int(getattr(error, "status", 0)) or None
    response = getattr(error, "response", None)  # botocore's
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None
    return status if isinstance(status, int) else None


def seconds_to_wait(error: Exception) -> float:
    """How long a server asks to wait (RFC 9110, Retry-After in seconds); 0 where it does not say."""
    headers = getattr(_cause(error), "headers", None)
    asked = headers.get("Retry-After", "") if headers is not None else ""
    return float(asked) if str(asked).isdigit() else 0.0


def _cause(error: Exception) -> BaseException:
    """The failure that fsspec reports as a missing file; otherwise the error itself."""
    cause = error.__cause__
    if not isinstance(error, FileNotFoundError) or cause is None:
        return error
    return cause if status_of(cause) is not None or _is_of(cause, "ClientError", "TimeoutError") else error


def _words(error: BaseException) -> str:
    status = status_of(error)
    if status is not None:
        return f"the server answered {status} {getattr(error, 'message', '') or ''}".rstrip()
    if _is_of(error, "ClientConnectorDNSError"):
        return "the name of the server is not known"
    if _is_of(error, "ClientSSLError"):
        return f"no secure connection (TLS): {error}"
    if isinstance(error, FileNotFoundError):  # fsspec's say the path alone
        return "no such file or folder"
    reason = getattr(error, "strerror", None)
    return str(reason) if reason else f"{type(error).__name__}: {error}"


def _is_of(error: BaseException, *names: str) -> bool:
    """Whether an error is of a class of one of these names, or of one derived from it."""
    return any(kind.__name__ in names for kind in type(error).__mro__)
