"""Versions of the libraries that results depend on, by their distribution."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version

_RECORDED = (
    *("dedup-assets", "dagster", "onnxruntime", "onnxruntime-gpu", "faiss-cpu", "numpy", "polars", "igraph", "fsspec"),
    *("pillow", "simplejpeg", "pi-heif", "av", "cykooz-resizer"),
)
_SEARCH = ("faiss-cpu", "numpy")
_COMPARED = ("dedup-assets", "numpy", "pillow", "simplejpeg")
_READ_BY = {
    "faiss_index": _SEARCH,
    "neighbor_shards": _SEARCH,
    "similarity": _SEARCH,
    "outliers": _SEARCH,
    "components": ("igraph", "numpy"),
    "evidence_shards": (*_SEARCH, *_COMPARED),
    "evidence": _COMPARED,
    "groups": ("dedup-assets",),
    "leaks": ("dedup-assets",),
    "gallery": ("dedup-assets", "pillow"),
}  # not for vectors: their fingerprint names the decoders, the model and onnxruntime


@cache
def installed_versions() -> dict[str, str]:
    """Versions of this package and of the libraries that it uses; those that are not installed are left out."""
    return _versions(_RECORDED)


def library_versions(result: str) -> dict[str, str]:
    """Versions of the libraries that decide the content of a result, by the name of its asset."""
    return _versions(_READ_BY.get(result, ()))


def _versions(distributions: tuple[str, ...]) -> dict[str, str]:
    found = {name: _version(name) for name in distributions}
    return {name: known for name, known in found.items() if known}


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
