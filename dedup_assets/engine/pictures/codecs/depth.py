"""Convert samples of more than 8 bits, or of any number type, to 8 bits without losing the picture.

A picture rarely uses the whole range of its type: sensors give 10 to 14 bits in 16, thermal cameras a few hundred
levels, elevation models metres with -9999 where nothing was measured. Scaling by the range of the type makes such
pictures black or flat, and all alike. So they are scaled by what they use:

1. Values at either end that lie farther from all others than these span (nodata, dead pixels) do not count.
2. Unsigned samples of up to 16 bits are shifted by the width of what is used, 8 to 14 bits. What uses more than a
   quarter of 16 bits, or has 8 bits in the upper byte, is scaled as other programs do, by 256.
3. What then spans less than an eighth of the 256 levels is stretched between its percentiles.
4. Other types have no nominal range: they are stretched between their ends, or between the percentiles where these span
   less than an eighth of that.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_BLOCK_SAMPLES = 1 << 20  # temporary arrays of a whole picture would take ten times what the decoder takes
_LEVELS = 256
_WIDTHS = range(8, 15)  # bits; what uses more uses all
_WIDENED, _FEWEST_WIDENED = (256, 257), 8  # factors that make 16 bits of 8; distinct values that tell
_SMALL_PART = 1 / 8
_FEWEST_LEVELS = 32  # what is left without its ends must still be a picture; noise of a few levels is not stretched
_SAMPLED = 1 << 20  # values that percentiles are taken of
_TAIL = 0.001  # share of values on either side of the percentiles
_MOST_ENDS = 4


class _Range(NamedTuple):
    low: float
    high: float


def to_8_bits(samples: NDArray[Any], nodata: float | None = None, bits: int = 16) -> NDArray[np.uint8]:
    """Scale samples by the range that they use.

    Args:
        samples: of any shape; integers or floats.
        nodata: value that means "nothing was measured" (GDAL's tag 42113); it is black, as NaN is.
        bits: of unsigned samples, where the file says that they have fewer than their type.

    Returns:
        uint8 of the same shape; samples beyond the range that is used are 0 or 255.
    """
    if samples.dtype == np.uint8:
        return samples
    if samples.dtype == np.uint16:
        return _narrow(samples, nodata, bits)
    return _stretch(samples, _own_range(samples, nodata), nodata)


def uses_few_levels(counts: NDArray[np.int64]) -> bool:
    """Whether the upper bytes of 16-bit samples are not enough to show a picture.

    Args:
        counts: (256,) how many samples have each upper byte.
    """
    levels = np.flatnonzero(counts)
    if levels.size == 0:
        return False
    central = _percentiles(levels, counts[levels])
    return bool(levels[-1] < _LEVELS >> 2) or central.high - central.low < _SMALL_PART * _LEVELS


def _narrow(samples: NDArray[np.uint16], nodata: float | None, bits: int) -> NDArray[np.uint8]:
    """16-bit samples by points 1 to 3 of the module."""
    counts = np.zeros(1 << 16, np.int64)
    for block in _blocks(samples):
        counts += np.bincount(block, minlength=1 << 16)
    if nodata is not None and nodata == int(nodata) and 0 <= nodata < counts.size:
        counts[int(nodata)] = 0
    levels = np.flatnonzero(counts)
    if levels.size >= _FEWEST_WIDENED and any(not np.any(levels % factor) for factor in _WIDENED):
        return _shifted(samples, 8)
    levels = levels[_without_ends(levels)]
    most = int(levels[-1]) if levels.size > 1 else (1 << bits) - 1  # a flat picture keeps its brightness
    shift = next((width for width in _WIDTHS if width < bits and most >> width == 0), bits) - 8
    central = _percentiles(levels, counts[levels]) if levels.size else _Range(0, 0)
    span = central.high - central.low
    if span > _FEWEST_LEVELS and span / (1 << shift) < _SMALL_PART * _LEVELS:
        return _stretch(samples, central, nodata)
    return _shifted(samples, shift)


def _shifted(samples: NDArray[np.uint16], shift: int) -> NDArray[np.uint8]:
    shown: NDArray[np.uint8] = np.minimum(samples >> np.uint16(shift), np.uint16(_LEVELS - 1)).astype(np.uint8)
    return shown


def _own_range(samples: NDArray[Any], nodata: float | None) -> _Range:
    """The range of samples that have no nominal one, by point 4 of the module."""
    low, high = np.inf, -np.inf
    for block in _blocks(samples):
        good = _measured(block, nodata)
        if good.size:
            low, high = min(low, float(good.min())), max(high, float(good.max()))
    if not low < high:
        return _Range(0.0, 0.0) if low > high else _Range(low, low)
    flat = samples.reshape(-1)
    some = _measured(flat[:: max(1, flat.size // _SAMPLED)], nodata).astype(np.float64)
    levels, counts = np.unique(np.concatenate([some, [low, high]]), return_counts=True)
    kept = _without_ends(levels)
    levels, counts = levels[kept], counts[kept]
    ends, central = _Range(float(levels[0]), float(levels[-1])), _percentiles(levels, counts)
    is_small = 0 < central.high - central.low < _SMALL_PART * (ends.high - ends.low)
    return central if is_small else ends


def _measured(values: NDArray[Any], nodata: float | None) -> NDArray[Any]:
    good = np.isfinite(values)
    if nodata is not None:
        good &= values != nodata
    measured: NDArray[Any] = values[good]
    return measured


def _without_ends(levels: NDArray[Any]) -> slice:
    """The distinct values, ascending, without those at the ends that lie apart; all where too few would be left."""
    first, last = 0, len(levels) - 1
    for _ in range(_MOST_ENDS):
        if last - first <= _FEWEST_LEVELS:
            break
        below = float(levels[first + 1]) - float(levels[first])
        above = float(levels[last]) - float(levels[last - 1])
        if above > float(levels[last - 1]) - float(levels[first]):
            last -= 1
        elif below > float(levels[last]) - float(levels[first + 1]):
            first += 1
        else:
            break
    return slice(first, last + 1)


def _percentiles(levels: NDArray[Any], counts: NDArray[np.int64]) -> _Range:
    """The values that all but `_TAIL` of the samples on either side lie between."""
    reached = np.cumsum(counts)
    tail = _TAIL * reached[-1]
    low, high = np.searchsorted(reached, [tail, reached[-1] - tail], side="left")
    return _Range(float(levels[low]), float(levels[min(high, len(levels) - 1)]))


def _stretch(samples: NDArray[Any], used: _Range, nodata: float | None) -> NDArray[np.uint8]:
    """Scale linearly; NaN, nodata and flat pictures are black."""
    scale = (_LEVELS - 1) / (used.high - used.low) if used.high > used.low else 0.0
    flat, scaled, start = samples.reshape(-1), np.empty(samples.size, np.uint8), 0
    for block in _blocks(flat):
        values = block.astype(np.float64)
        if nodata is not None:
            values[block == nodata] = np.nan
        values = np.nan_to_num(values, nan=used.low, posinf=used.high, neginf=used.low)
        np.clip(values, used.low, used.high, out=values)
        scaled[start : start + len(block)] = np.rint((values - used.low) * scale)
        start += len(block)
    return scaled.reshape(samples.shape)


def _blocks(samples: NDArray[Any]) -> Iterator[NDArray[Any]]:
    flat = samples.reshape(-1)
    return (flat[start : start + _BLOCK_SAMPLES] for start in range(0, flat.size, _BLOCK_SAMPLES))
