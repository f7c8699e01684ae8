"""Decoders that are installed on request: optional dependencies of this package."""

from importlib.util import find_spec

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode


def require(module: str, extra: str, format_name: str) -> None:
    """Refuse a format whose decoder is not installed.

    Args:
        module: what decodes it.
        extra: the name under which this package lists it.
        format_name: in words.

    Raises:
        ImageError: ERROR_UNSUPPORTED_FORMAT, with the command that installs the decoder.
    """
    if find_spec(module) is None:
        reason = f"{format_name} needs a decoder that is not installed: pip install 'dedup-assets[{extra}]'"
        raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, reason)
