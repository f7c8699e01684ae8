"""Numbers, sizes, dates and similarities in the words of the report."""

from datetime import timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from enum import StrEnum

_SIZE_STEP = 1000
_SIZE_UNITS = ("kB", "MB", "GB", "TB")
_TIMES = "\N{MULTIPLICATION SIGN}"
_DECIMALS_BELOW = 10
_DURATIONS = ((365 * 86400, "year"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_PERCENT_BELOW = 1.1
_ANY_FLOAT = Context(prec=330)  # digits; files of other programs may hold numbers that are not similarities


class Band(StrEnum):
    """The documented words for ranges of similarity (parameter `threshold`), and one for everything below them."""

    IDENTICAL = "identical"
    ALMOST_IDENTICAL = "almost identical"
    VERY_SIMILAR = "very similar"
    LESS_SIMILAR = "less similar"


BAND_FLOORS = ((1.0, Band.IDENTICAL), (0.98, Band.ALMOST_IDENTICAL), (0.85, Band.VERY_SIMILAR))
"""The lowest similarity of each band except the last, which has no lower limit."""


def name_band(similarity: float) -> Band:
    """Return the band of a similarity, rounded to six decimals as in similarity.csv."""
    rounded = round(similarity, 6)
    return next((band for floor, band in BAND_FLOORS if rounded >= floor), Band.LESS_SIMILAR)


def format_similarity(similarity: float) -> str:
    """Return four decimals, rounded down, so that only a similarity of 1 reads as 1."""
    return str(Decimal(f"{similarity:.6f}").quantize(Decimal("0.0001"), ROUND_FLOOR, _ANY_FLOAT))


def format_count(count: int) -> str:
    """Return a whole number with thousands separators."""
    return f"{count:,}"


def count_things(count: int, singular: str) -> str:
    """Return the number with its noun: `1 pair`, `2,400 pairs`."""
    return f"{count:,} {singular}" if count == 1 else f"{count:,} {singular}s"


def format_share(part: int, whole: int) -> str:
    """Return `part` of `whole` in percent; only a share of none or all reads as 0% or 100%."""
    if not whole:
        return "0%"
    percent = 100 * part / whole
    if 0 < part < whole:
        percent = min(max(percent, 0.1), 99.9)
    return f"{percent:.1f}".removesuffix(".0") + "%"


def format_size(size_bytes: int) -> str:
    """Return a file size with a decimal unit (1 kB = 1000 bytes) and two or three digits."""
    if size_bytes < _SIZE_STEP:
        return count_things(size_bytes, "byte")
    amounts = ((size_bytes / _SIZE_STEP**power, unit) for power, unit in enumerate(_SIZE_UNITS, start=1))
    amount, unit = next(
        (amount, unit) for amount, unit in amounts if amount < _SIZE_STEP - 0.5 or unit == _SIZE_UNITS[-1]
    )
    return f"{_round(amount, 1) if amount < _DECIMALS_BELOW else _round(amount)} {unit}"


def format_excess(larger: int, smaller: int, noun: str) -> str:
    """Return by how much the larger amount exceeds the smaller one: `2.3 times the bytes`, `4% more bytes`."""
    ratio = larger / smaller
    if ratio < _PERCENT_BELOW:
        percent = _round(100 * (ratio - 1))
        return f"under 1% more {noun}" if percent == "0" else f"{percent}% more {noun}"
    times = _round(ratio, 1).removesuffix(".0") if ratio < _DECIMALS_BELOW else _round(ratio)
    return f"{times}{_TIMES} the {noun}"


def format_duration(duration: timedelta) -> str:
    """Return a positive duration in its largest whole unit: `3 days`."""
    seconds = max(int(duration.total_seconds()), 1)
    length, unit = next((length, unit) for length, unit in _DURATIONS if seconds >= length)
    return count_things(seconds // length, unit)


def _round(amount: float, decimals: int = 0) -> str:
    """Round halves up, as the scripts of the pages do; Python's formatting rounds them to even digits."""
    return f"{Decimal(amount).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):,}"
