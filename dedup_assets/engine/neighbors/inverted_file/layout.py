"""The parts of an inverted file that the search reads: projection, centroids, and 8-bit codes in inverted lists.

Codes and queries are whole numbers so small that float32 adds their products without rounding. So candidates depend
neither on the number of threads nor on how the work is cut.
"""

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

MOST_LISTS = 1 << 16
MOST_DIMENSIONS = 256
_QUERY_STEPS = 511  # largest value of a quantized query: with 256 codes below 128 the sum stays below 2**24
_CODE_ZERO = 128
_EXACT = 1 << 24  # float32 adds whole numbers below without rounding


@dataclass(frozen=True)
class InvertedFile:
    """The parts of a faiss index that projects vectors and keeps them as 8-bit codes in inverted lists.

    Attributes:
        projection: (m, d) float32.
        centroids: (lists, m) float32, one for each inverted list.
        scale: (m,) float32, the step of a code in each dimension; 0 where all vectors have the same value.
        shift: (m,) float32, the value of code 128 in each dimension.
        is_inner_product: whether similarity is the inner product; else the L2 distance.
        nprobe: number of lists that are searched for a query.
        row_bits: bits that number a row.
        inverted_lists: faiss' inverted lists; may be memory-mapped.
    """

    projection: NDArray[np.float32]
    centroids: NDArray[np.float32]
    scale: NDArray[np.float32]
    shift: NDArray[np.float32]
    is_inner_product: bool
    nprobe: int
    row_bits: int
    inverted_lists: Any

    @property
    def list_count(self) -> int:
        """Number of inverted lists."""
        return len(self.centroids)

    def rows(self, number: int) -> NDArray[np.int64]:
        """The rows of the features that an inverted list holds, ascending: a view."""
        size = self.inverted_lists.list_size(number)
        return faiss.rev_swig_ptr(self.inverted_lists.get_ids(number), size) if size else np.empty(0, np.int64)

    def codes(self, number: int) -> NDArray[np.uint8]:
        """(size, m) codes of an inverted list: a view."""
        size, width = self.inverted_lists.list_size(number), self.inverted_lists.code_size
        if not size:
            return np.empty((0, width), np.uint8)
        return faiss.rev_swig_ptr(self.inverted_lists.get_codes(number), size * width).reshape(size, width)

    def values(self, codes: NDArray[np.float64]) -> NDArray[np.float32]:
        """(..., m) float32 values of codes or of means of codes."""
        return ((codes - _CODE_ZERO) * self.scale + self.shift).astype(np.float32)

    @property
    def unit(self) -> float:
        """The unit of scores: one step of a quantized query times one step of a code."""
        largest = float(((np.abs(self.shift) + _CODE_ZERO * self.scale) * self.scale).max())
        return max(largest / _QUERY_STEPS, float(np.finfo(np.float32).tiny))

    def project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, m) quantized queries; their products with codes order rows as the vectors' products do."""
        return self.quantize(vectors @ self.projection.T)

    def quantize(self, projected: NDArray[np.float32]) -> NDArray[np.float32]:
        """Quantized queries from projected vectors: whole numbers as float32."""
        steps: NDArray[np.float32] = np.rint(projected * (self.scale / np.float32(self.unit)))
        return np.clip(steps, np.float32(-_QUERY_STEPS), np.float32(_QUERY_STEPS))

    def list_codes(self, number: int, padding: int) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Codes of an inverted list with zero in their middle, and the bias of each (see `_bias`).

        Args:
            number: of the list.
            padding: rows of zeros that are appended.
        """
        codes = self.codes(number)
        vectors = np.zeros((len(codes) + padding, codes.shape[1]), np.float32)
        np.subtract(codes, np.float32(_CODE_ZERO), out=vectors[: len(codes)])
        return vectors, self._bias(vectors)

    def centroid_codes(self) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """The centroids in the form of `list_codes`, in finer steps.

        A step of a code is too coarse for them: the centroids within a crowd of near copies would be equal, and one
        list would get all the copies.
        """
        away = self.centroids - self.shift
        codes = np.divide(away, self.scale, out=np.zeros_like(away), where=self.scale > 0)
        longest = max(float(np.linalg.norm(codes, axis=1).max()), 1.0)
        steps = np.float32(2 ** max(0, int(np.log2(_EXACT / (_QUERY_STEPS * np.sqrt(codes.shape[1]) * longest)))))
        fine: NDArray[np.float32] = np.rint(codes * steps)
        bias = self._bias(fine / steps)
        return fine, bias if bias is None else bias * steps

    def _bias(self, codes: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """What is added to products for L2, which orders rows y as q.y - |y|^2 / 2 does; None for inner products."""
        if self.is_inner_product:
            return None
        lengths = np.einsum("nd,nd->n", vectors := codes * self.scale + self.shift, vectors)
        bias: NDArray[np.float32] = np.rint(lengths / np.float32(-2 * self.unit))
        return bias


def as_inverted_file(index: Any) -> InvertedFile | None:  # noqa: ANN401 - faiss is untyped
    """The parts of an index that `building.build_inverted_file` could have made; None for any other index."""
    if not isinstance(index, faiss.IndexPreTransform):
        return None
    chain: Any = index.chain
    inner, transform = faiss.downcast_index(index.index), faiss.downcast_VectorTransform(chain.at(0))
    if (
        chain.size() != 1
        or not isinstance(inner, faiss.IndexIVFScalarQuantizer)
        or type(transform) is not faiss.LinearTransform
    ):
        return None
    quantizer = faiss.downcast_index(inner.quantizer)
    if (
        inner.by_residual
        or inner.sq.qtype != faiss.ScalarQuantizer.QT_8bit
        or not isinstance(quantizer, faiss.IndexFlat)
    ):
        return None
    if inner.nlist > MOST_LISTS or inner.d > MOST_DIMENSIONS:
        return None
    trained = faiss.vector_to_array(inner.sq.trained).reshape(2, inner.d)
    scale = trained[1] / np.float32(255)
    return InvertedFile(
        projection=faiss.vector_to_array(transform.A).reshape(inner.d, index.d),
        centroids=quantizer.reconstruct_n(0, inner.nlist),
        scale=scale,
        shift=trained[0] + (_CODE_ZERO + np.float32(0.5)) * scale,
        is_inner_product=inner.metric_type == faiss.METRIC_INNER_PRODUCT,
        nprobe=min(inner.nprobe, inner.nlist),
        row_bits=int(index.ntotal).bit_length(),
        inverted_lists=inner.invlists,
    )


def inverted_file_of(index: Any) -> InvertedFile:  # noqa: ANN401
    """As `as_inverted_file`, for an index that must be of that kind.

    Raises:
        TypeError: it is of another kind.
    """
    if (found := as_inverted_file(index)) is None:
        raise TypeError(f"{type(index).__name__} is no inverted file of projected 8-bit codes")
    return found


def set_nprobe(index: Any, nprobe: int) -> None:  # noqa: ANN401
    """Set how many inverted lists are searched for a query; the index' file keeps it."""
    inner: Any = faiss.downcast_index(index.index)
    inner.nprobe = nprobe
