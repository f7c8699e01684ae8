"""What the pixels of a decoded picture depend on besides the file: our own rules, and the libraries.

Importing this module loads no library. The versions are those of the installed distributions: a wheel bundles its
native libraries (libjpeg-turbo, libtiff, libwebp, openjpeg, libavif, libheif, FFmpeg), so its version determines
theirs.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

DECODER_VERSION = 10
"""Raised when our own code changes what the model sees of any file, or which files are good."""

RESIZE_METHOD = "fast_image_resize" if find_spec("cykooz_resizer") else "Pillow"
"""The library that resizes pictures here."""

# rawpy and imagecodecs are optional: once one is installed, files that were bad without it are decoded.
_DISTRIBUTIONS = (
    "pillow", "pi-heif", "av", "simplejpeg", "tifffile", "cykooz-resizer", "rawpy", "imagecodecs",
)  # fmt: skip


@cache
def decoding_versions() -> dict[str, str]:
    """Versions of all that turns a file into the pixels of a model's input; equal ones give equal pixels.

    Returns:
        Name to version, in a fixed order: `decoder` (our own rules), `resize` (the library that resizes), and each
        distribution that decodes or resizes; "absent" for one that is not installed.
    """
    installed = {name: _installed(name) for name in _DISTRIBUTIONS}
    return {"decoder": str(DECODER_VERSION), "resize": RESIZE_METHOD, **installed}


def decoding_fingerprint() -> str:
    """`decoding_versions` as one line of text, for records that compare it."""
    return " ".join(f"{name}={found}" for name, found in decoding_versions().items())


def _installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"
