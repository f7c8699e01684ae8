"""Which images may be enlargements: their detail is measured in full size, where it decides which one may go.

A look is too small to show the finest detail of a file. Only images that have more pixels than one of their copies are
measured, because that costs decoding them once more. Large files that were decoded in full size for their looks were
measured then.
"""

import math
from collections.abc import Mapping, Sequence

from dedup_assets.engine.core.spectrum import GROWN
from dedup_assets.engine.decoders.tasks import Looked
from dedup_assets.engine.matching.open_comparers import OpenComparer
from dedup_assets.engine.matching.proofs import Proofs
from dedup_assets.engine.matching.remembering import Memory
from dedup_assets.engine.workers import Lanes

_TOGETHER = 8

Spectra = Mapping[int, list[float] | None]
"""By the vertex of `Proofs`, what `pictures.fineness` measures of its images."""


def measure_detail(
    proofs: Proofs,
    looked: Mapping[int, Looked],
    memory: Memory,
    lanes: Lanes,
    open_comparer: OpenComparer,
) -> Spectra:
    """Measure the images that have more pixels than one of their copies.

    Args:
        proofs: which images are copies.
        looked: what is known of images.
        memory: what earlier runs measured.
        lanes: threads that work side by side.
        open_comparer: gives a decoding process to one thread, for a while.

    Raises:
        WorkerError: no process can be started in the place of one that ended.
    """
    images = sorted({larger for each in proofs.same if (larger := _larger(each.a, each.b, proofs, looked)) is not None})
    known = {image: found for image in images if (found := memory.spectrum(image) or looked[image].detail)}
    left = [image for image in images if image not in known]
    bundles = [left[start : start + _TOGETHER] for start in range(0, len(left), _TOGETHER)]

    def work(bundle: Sequence[int]) -> list[list[float] | None]:
        with open_comparer() as comparer:
            return comparer.measure_fineness(bundle)

    spectra = {image: found[0] for image, found in known.items()}
    for bundle, measured in zip(bundles, lanes.in_order(bundles, work), strict=True):
        for image, spectrum in zip(bundle, measured, strict=True):
            spectra[image] = spectrum
            memory.keep_spectrum(image, spectrum, looked[image])
    return {int(proofs.vertex[image]): spectrum for image, spectrum in spectra.items()}


def _larger(a: int, b: int, proofs: Proofs, looked: Mapping[int, Looked]) -> int | None:
    """Which of two copies has clearly more pixels for the same content; None if neither, or if it is unknown."""
    matrix = proofs.matrices.get((int(proofs.vertex[a]), int(proofs.vertex[b])))
    sides = [_side(looked.get(image)) for image in (a, b)]
    if matrix is None or not all(sides):
        return None
    growth = math.sqrt(abs(matrix[0] * matrix[4] - matrix[1] * matrix[3])) * sides[1] / sides[0]
    return b if growth > GROWN else a if growth < 1 / GROWN else None


def _side(facts: Looked | None) -> int:
    return max(facts.width or 0, facts.height or 0) if facts else 0
