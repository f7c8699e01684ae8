"""Connected components: which things are joined, directly or through others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def join(count: int, left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]]) -> NDArray[np.uint32]:
    """The first thing of the component that each thing is in.

    Each component takes the smallest number among its neighbours until none is smaller. Each round at least halves the
    number of components that are not complete (minimum hooking with full compression; Awerbuch and Shiloach 1987).

    Args:
        count: number of things.
        left: (m,) one end of each edge.
        right: (m,) its other end.

    Returns:
        (count,) uint32: the smallest number of each component.
    """
    first = np.arange(count, dtype=np.uint32)
    while len(left):
        left, right = first[left], first[right]  # an edge now joins the components of its ends
        apart = left != right
        left, right = left[apart], right[apart]
        np.minimum.at(first, np.maximum(left, right), np.minimum(left, right))
        while not np.array_equal(shorter := first[first], first):
            first = shorter
    return first
