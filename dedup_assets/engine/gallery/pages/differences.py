"""What two files share and how they differ, in short phrases."""

from datetime import timedelta

from dedup_assets.engine.gallery.pages.names import split_name
from dedup_assets.engine.gallery.pages.quantities import format_duration, format_excess
from dedup_assets.engine.gallery.pages.shown_files import ShownFile

_ASPECT_TOLERANCE = 0.02  # scaled copies round their sides to whole pixels
_CLOCK_STEP = timedelta(seconds=2)  # FAT, the file system of most memory cards, stores even seconds


def describe_differences(a: ShownFile, b: ShownFile) -> tuple[str, ...]:
    """Return short phrases on what two files share and how they differ; facts that are unknown are left out."""
    phrases = (_compare_names(a, b), _compare_dimensions(a, b), _compare_sizes(a, b), _compare_dates(a, b))
    return tuple(phrase for phrase in phrases if phrase)


def _compare_names(a: ShownFile, b: ShownFile) -> str | None:
    return "same base name" if split_name(a.name)[1] == split_name(b.name)[1] else None


def _compare_dimensions(a: ShownFile, b: ShownFile) -> str | None:
    if not (a.width and a.height and b.width and b.height):
        return None
    if (a.width, a.height) == (b.width, b.height):
        return "same dimensions"
    if (a.width, a.height) == (b.height, b.width):
        return "width and height swapped"
    stretch = (a.width * b.height) / (a.height * b.width)
    shape = "" if abs(stretch - 1) <= _ASPECT_TOLERANCE else ", other aspect ratio"
    pixels = _compare_amounts(a.width * a.height, b.width * b.height, "pixels") or "same number of pixels"
    return f"{pixels}{shape}"


def _compare_sizes(a: ShownFile, b: ShownFile) -> str | None:
    if not a.size_bytes or not b.size_bytes:
        return None
    return _compare_amounts(a.size_bytes, b.size_bytes, "bytes") or "same file size"


def _compare_dates(a: ShownFile, b: ShownFile) -> str | None:
    if a.container or b.container:  # the date is that of the container, not of the image
        return None
    if not (a.modified and b.modified) or (a.modified.utcoffset() is None) != (b.modified.utcoffset() is None):
        return None
    if abs(a.modified - b.modified) <= _CLOCK_STEP:
        return "same date"
    newer, gap = ("A", a.modified - b.modified) if a.modified > b.modified else ("B", b.modified - a.modified)
    return f"{newer} is {format_duration(gap)} newer"


def _compare_amounts(a: int, b: int, noun: str) -> str | None:
    if a == b:
        return None
    return f"{'A' if a > b else 'B'} has {format_excess(max(a, b), min(a, b), noun)}"
