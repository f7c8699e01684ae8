"""The version of this package, also where it runs from a checkout and is not installed."""

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "dedup-assets"


def package_version() -> str:
    """The installed version; "unknown" where the package is not installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"
