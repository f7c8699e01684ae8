"""How high a rate may be of which few cases were seen."""

import math

import numpy as np

CONFIDENCE = 0.95
_HALVINGS = 60
_NEGLIGIBLE = 1e-12


def highest_rate(seen: int, tries: int) -> float:
    """The rate that is not exceeded with a confidence of 95 % (Clopper and Pearson 1934, one-sided).

    For none seen it is about 3 / tries, the rule of three. It takes the tries as independent of each other.

    Args:
        seen: cases, from 0 to `tries`.
        tries: at least 1; without any the rate may be anything.
    """
    if seen >= tries:
        return 1.0
    low, high = seen / tries, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _chance_of_at_most(seen, tries, middle) > 1 - CONFIDENCE:
            low = middle
        else:
            high = middle
        if high - low < _NEGLIGIBLE:
            break
    return high


def _chance_of_at_most(seen: int, tries: int, rate: float) -> float:
    """The chance of at most that many cases, of a binomial whose mean is higher: terms fall away below `seen`."""
    log_of_last = (
        math.lgamma(tries + 1)
        - math.lgamma(seen + 1)
        - math.lgamma(tries - seen + 1)
        + seen * math.log(rate)
        + (tries - seen) * math.log1p(-rate)
    )
    below = np.arange(seen, max(0, seen - 40 * math.isqrt(seen + 1) - 40), -1, dtype=np.float64)
    ratios = below * (1 - rate) / ((tries - below + 1) * rate)
    return math.exp(log_of_last) * (1 + float(np.cumprod(ratios).sum()))
