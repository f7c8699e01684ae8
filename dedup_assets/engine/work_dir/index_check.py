"""Whether a faiss file can be read and searched without harm, tried in a separate process that may crash.

faiss trusts the sizes and links in a file. A damaged or malicious file can therefore crash the process that reads it,
or take all its memory. `check` runs this module as a script, with the file on standard input and limits on memory and
time. The script imports only faiss and what faiss needs. A flat index has no links and three sizes: where these fit the
file, it needs no script, which takes 0.2 s of processor time.
"""

import importlib.util
import json
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

_READ_BYTES = 1 << 20
_HEADER = struct.Struct("<4siqqq?i")  # of every float index: fourcc, d, ntotal, two unused, is_trained, metric
_FLAT_HEADER = struct.Struct("<4siqqqBiQ")  # the same, and the number of values
_FLAT_KINDS = {(b"IxFI", 0), (b"IxF2", 1)}  # with their metrics: inner product and L2, which have no argument
_MOST_VALUES = 1 << 20  # in one vector
_BASE_BYTES = 4 << 30  # address space that Python, numpy and faiss take before they read a file
_GROWTH = 4  # limit of the memory that a file may take, as a multiple of its size
_BASE_SECONDS = 60
_BYTES_A_SECOND = 20 << 20
_LOOPS = 1 << 26
_QUERIES = 8
_IMPORTED = ("faiss", "numpy", "packaging")


def check(file: FileIO, size_bytes: int) -> str:
    """What is wrong with a faiss file; empty if nothing is.

    Args:
        file: open for reading, at its start; its position is moved.
        size_bytes: size of the file.
    """
    header = file.read(_FLAT_HEADER.size)
    if problem := check_header(header[: _HEADER.size], size_bytes):
        return problem
    if is_whole_and_flat(header, size_bytes):
        return ""
    file.seek(0)
    command = [sys.executable, "-I", __file__, str(size_bytes), *_import_folders()]
    seconds = _BASE_SECONDS + size_bytes / _BYTES_A_SECOND
    try:
        done = subprocess.run(command, stdin=file, capture_output=True, timeout=seconds, check=False)  # noqa: S603 - ourselves
    except subprocess.TimeoutExpired:
        return f"reading it took longer than {seconds:.0f} s"
    if done.returncode < 0:
        return f"reading or searching it ends the process ({signal.Signals(-done.returncode).name})"
    try:
        return str(json.loads(done.stdout)["problem"])
    except (ValueError, KeyError, TypeError):
        return f"reading it fails: {done.stderr.decode(errors='replace').strip()[-200:]}"


def _import_folders() -> list[str]:
    """Folders from which this process imports faiss and what faiss needs, because `-I` may leave them out.

    The script needs `-I`: without it, a file in the working folder or beside this module could replace a library.
    """
    found = (importlib.util.find_spec(name) for name in _IMPORTED)
    origins = (spec.origin for spec in found if spec is not None and spec.origin is not None)
    return list(dict.fromkeys(str(Path(origin).resolve().parent.parent) for origin in origins))


def check_header(header: bytes, size_bytes: int) -> str:
    """What is wrong with the first bytes of a faiss file; empty if nothing is."""
    if len(header) < _HEADER.size:
        return f"it has {size_bytes} bytes"
    kind, dimension, count, _, _, _, _ = _HEADER.unpack(header)
    if not (kind.isascii() and kind.decode("ascii", "replace").isprintable()):
        return f"it begins with {kind!r}"
    if not 0 < dimension <= _MOST_VALUES or not 0 <= count <= 8 * size_bytes:
        return f"it says that it holds {count} vectors of {dimension} values in {size_bytes} bytes"
    return ""


def is_whole_and_flat(header: bytes, size_bytes: int) -> bool:
    """Whether a file is an index of vectors alone, row after row, and holds as many bytes as its first ones say."""
    if len(header) < _FLAT_HEADER.size:
        return False
    kind, dimension, count, _, _, trained, metric, values = _FLAT_HEADER.unpack(header[: _FLAT_HEADER.size])
    fits = values == dimension * count and size_bytes == _FLAT_HEADER.size + 4 * values
    return fits and dimension > 0 and trained == 1 and (kind, metric) in _FLAT_KINDS


def read(file: BinaryIO, size_bytes: int) -> Any:  # noqa: ANN401 - faiss is untyped
    """Read an index, with limits on the sizes that the file may claim."""
    import faiss

    with _bounds(faiss, size_bytes):
        # A callback, because faiss cannot open a path that is not UTF-8.
        reader = faiss.PyCallbackIOReader(file.read, _READ_BYTES)  # type: ignore[attr-defined]  # not in its stubs
        return faiss.read_index(reader)


@contextmanager
def _bounds(faiss: Any, size_bytes: int) -> Iterator[None]:  # noqa: ANN401
    """Set limits for this one file, because faiss would keep them for the whole process."""
    if not hasattr(faiss, "set_deserialization_vector_byte_limit"):  # before faiss 1.14
        yield
        return
    bytes_before, loops_before = faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()
    faiss.set_deserialization_vector_byte_limit(4 * size_bytes + _READ_BYTES)
    faiss.set_deserialization_loop_limit(_LOOPS)
    try:
        yield
    finally:
        faiss.set_deserialization_vector_byte_limit(bytes_before)
        faiss.set_deserialization_loop_limit(loops_before)


def find_problem(index: Any) -> str:  # noqa: ANN401
    """What would go wrong when an index is searched; empty if no problem is found."""
    import faiss
    import numpy as np

    innermost: Any = faiss.downcast_index(faiss.extract_index_ivf(index)) if _has_lists(index) else None
    if innermost is not None:
        lists = faiss.downcast_InvertedLists(innermost.invlists)
        if isinstance(lists, faiss.OnDiskInvertedLists):
            return "its vectors are in another file, which is not opened; merge them into the index"
    graph = getattr(faiss.downcast_index(index), "hnsw", None)
    if graph is not None:
        neighbors, offsets = faiss.vector_to_array(graph.neighbors), faiss.vector_to_array(graph.offsets)
        levels = faiss.vector_to_array(graph.levels)
        consistent = (
            len(offsets) == index.ntotal + 1
            and len(levels) == index.ntotal
            and (np.diff(offsets.astype(np.int64)) >= 0).all()
            and int(offsets[-1]) == len(neighbors)
            and neighbors.max(initial=-1) < index.ntotal
            and -1 <= graph.entry_point < max(index.ntotal, 1)
        )
        if not consistent:
            return "its graph leads to vectors that it does not hold"
    queries = np.random.default_rng(0).normal(size=(_QUERIES, index.d)).astype(np.float32)
    if index.ntotal:
        _, found = index.search(queries, 2)
        if found.max() >= index.ntotal:
            return f"it finds row {found.max()} of {index.ntotal}"
    return ""


def _has_lists(index: Any) -> bool:  # noqa: ANN401
    import faiss

    try:
        return faiss.extract_index_ivf(index) is not None
    except RuntimeError:
        return False


def _limit(size_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    memory = _BASE_BYTES + _GROWTH * size_bytes
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _main(size_bytes: int, import_folders: list[str]) -> None:
    _limit(size_bytes)
    sys.path += import_folders
    try:
        import faiss

        faiss.omp_set_num_threads(1)
        problem = find_problem(read(sys.stdin.buffer, size_bytes))
    except (RuntimeError, MemoryError, ValueError) as error:
        problem = " ".join(str(error).split())[-200:] or type(error).__name__
    sys.stdout.write(json.dumps({"problem": problem}))


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2:])
