"""What a decoder's exception says about a file, and keeping decoders quiet.

The decoders raise whatever their authors chose (OSError, SyntaxError, ValueError, struct.error, zlib.error, ...), so
only the message tells a cut file from a damaged one. The patterns hold messages that real decoders gave for real files.
A KeyError is a decoder's look-up of a kind that it does not know, such as a PSD of 16 bits.
"""

import logging
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from PIL import Image

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode

_TRUNCATED = re.compile(
    r"truncat(?!ed \w{4} chunk)|premature end of (jpeg|input)|unexpected end|end[ -]of[ -]file|not enough (image )?data"
    r"|buffer is not large|requires a buffer|unpack_from|only got \d|need_more_input",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(r"security limit exceeded", re.IGNORECASE)  # libheif
_UNSUPPORTED = re.compile(
    r"unsupported (?!marker)|not supported|unknown pixel mode|cannot handle|unimplemented|not implemented|"
    r"support not installed|unknown data organization|unknown pixel format|unrecognized image mode|"
    r"invalid value for samples|unknown raw mode|invalid palette size",
    re.IGNORECASE,
)


def to_image_error(error: Exception, format_name: str) -> ImageError:
    """Say what an exception of a decoder means.

    Args:
        error: whatever the decoder raised; an ImageError is returned as it is.
        format_name: the format being read, named in the reason.

    Returns:
        ERROR_TRUNCATED_IMAGE where the decoder ran out of bytes, ERROR_IMAGE_TOO_LARGE where memory did not suffice,
        ERROR_UNSUPPORTED_FORMAT where the file is of a kind that the decoder does not know, else ERROR_CORRUPT_IMAGE.
    """
    if isinstance(error, ImageError):
        return error
    said = " ".join(str(error).split())[:200] or type(error).__name__
    reason = f"{format_name}: {said}"
    if isinstance(error, (MemoryError, Image.DecompressionBombError)) or _TOO_LARGE.search(said):
        return ImageError(ErrorCode.IMAGE_TOO_LARGE, reason)
    if isinstance(error, (EOFError, IndexError)) or _TRUNCATED.search(said):
        return ImageError(ErrorCode.TRUNCATED_IMAGE, reason)
    if isinstance(error, (NotImplementedError, KeyError)) or _UNSUPPORTED.search(said):
        return ImageError(ErrorCode.UNSUPPORTED_FORMAT, reason)
    return ImageError(ErrorCode.CORRUPT_IMAGE, reason)


@contextmanager
def translated(format_name: str) -> Iterator[None]:
    """Let nothing but ImageError out of the block.

    Raises:
        ImageError: in place of every exception of the block, see `to_image_error`.
    """
    try:
        yield
    except Exception as error:
        raise to_image_error(error, format_name) from error


class _Silence:
    """The decoders' warnings and log lines, switched off while at least one thread decodes.

    Python keeps one list of warning filters for all threads. So the first thread that enters saves and changes it, and
    the last one that leaves restores it: entering and leaving per thread would restore the wrong list. Outside of
    decoding the process keeps its own filters. Native code is not reached. Of the libraries only libtiff writes to file
    descriptor 2, up to three lines for some damaged files, and closing the descriptor would silence the whole process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._restore = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._restore.enter_context(warnings.catch_warnings())
                warnings.filterwarnings("ignore", module=r"PIL\.|pi_heif|tifffile|dedup_assets\.engine\.pictures")
                # Python prints errors of a logger without a handler on stderr. Where the application configured
                # logging, the root's handlers still get them.
                for name in ("PIL", "tifffile"):
                    handler, logger = logging.NullHandler(), logging.getLogger(name)
                    logger.addHandler(handler)
                    self._restore.callback(logger.removeHandler, handler)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._restore.close()


silence = _Silence()
