"""Which indexes are built. Others are refused with an error that names them, and never end the process."""

import subprocess
import sys

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import SearchError
from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors import build_index, check_search

DIMENSION = 32


def asked(**values: object) -> SearchSettings:
    return Settings.parse(**values).search


def some_vectors(rows: int = 300, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(rows, DIMENSION)).astype(np.float32)


@pytest.mark.parametrize(
    "mode", ["HNSW32", "HSNW32", "Flat", "IVF4,Flat", "SQ8", "PCA8,Flat", "HNSW16_SQ8", "IVF4,SQ8"]
)
def test_any_factory_string_builds_an_index_over_all_vectors(mode: str) -> None:
    search = asked(faiss_mode=mode)
    check_search(search, DIMENSION)
    index = build_index(some_vectors(), search, threads=2)
    assert len(index) == 300
    assert index.index.d == DIMENSION


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("mode", ["HNSW32", "IVF4,Flat", "IVF4_HNSW8,SQ8"])
def test_the_bytes_of_an_index_do_not_depend_on_run_or_threads(mode: str, threads: int) -> None:
    search = asked(faiss_mode=mode)
    first, again = (build_index(some_vectors(), search, count).index for count in (1, threads))
    assert np.array_equal(faiss.serialize_index(first), faiss.serialize_index(again))


def test_vectors_are_normalised_for_cosine_alone() -> None:
    vectors = some_vectors() * 7
    cosine = build_index(vectors, asked(faiss_mode="Flat"), 1).index.reconstruct_n(0, 300)
    euclidean = build_index(vectors, asked(faiss_mode="Flat", distance="euclidean"), 1).index.reconstruct_n(0, 300)
    assert np.allclose(np.linalg.norm(cosine, axis=1), 1, atol=1e-6)
    assert np.array_equal(euclidean, vectors)


DEADLY = ["HNSW0", "HNSW1", "NSG0", "IVF0,Flat", "PQ8x0", "RR0,Flat", "PCAR0,Flat", "IVF4_HNSW0,Flat", "HNSW1_SQ8"]
DEADLY += ["IVF4(HNSW1),Flat", "OPQ16_0,PQ8", "LSQ8x0"]  # faiss 1.15 ends the process or never returns


@pytest.mark.parametrize(
    "mode", ["Nope", " ", "HNSW-1", "HNSW99999999999", "PQ7", "IVF4(,Flat", "Flat,Flat", "SQ3", *DEADLY]
)
def test_a_factory_string_that_is_none_is_refused_by_name_before_any_work(mode: str) -> None:
    with pytest.raises(SearchError) as refused:
        check_search(asked(faiss_mode=mode), DIMENSION)
    assert f"faiss_mode={mode!r}" in str(refused.value)
    assert "/" not in str(refused.value).replace("1 / ", "")  # no paths of faiss' source
    assert "\n" not in str(refused.value)


def test_factory_strings_at_which_faiss_ends_the_process_do_not_end_ours() -> None:
    code = (
        "import sys, numpy as np\n"
        "from dedup_assets.engine.core.errors import SearchError\n"
        "from dedup_assets.engine.neighbors import build_index\n"
        "from dedup_assets.engine.core.settings import Settings\n"
        "for mode in sys.argv[1:]:\n"
        "    try:\n"
        "        build_index(np.eye(40, dtype=np.float32), Settings.parse(faiss_mode=mode).search, 1)\n"
        "    except SearchError:\n"
        "        print(mode)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, *DEADLY], capture_output=True, text=True, timeout=100, check=True
    )
    assert said.stdout.splitlines() == DEADLY


@pytest.mark.parametrize(("mode", "rows"), [("IVF500,Flat", 300), ("PQ8", 100), ("PCA31,Flat", 2), ("IDMap,Flat", 3)])
def test_an_index_that_these_vectors_cannot_fill_is_refused_with_their_number(mode: str, rows: int) -> None:
    with pytest.raises(SearchError, match=rf"faiss_mode='{mode}' cannot be built on {rows} vectors: "):
        build_index(some_vectors(rows), asked(faiss_mode=mode), 1)


@pytest.mark.parametrize("mode", ["SQ8", "PQ8", "IVF4,SQ8", "HNSW32_SQ8", "PCA8,Flat", "Flat,RFlat", "IVF4,PQ8x4fs"])
def test_indexes_that_know_no_manhattan_distance_are_refused_for_it(mode: str) -> None:
    with pytest.raises(SearchError, match=f"'{mode}'.*distance='manhattan'"):
        check_search(asked(faiss_mode=mode, distance="manhattan"), DIMENSION)


@pytest.mark.parametrize(
    ("mode", "parameter", "known"),
    [
        ("HNSW32", "nprobe=3", "efSearch, efConstruction"),
        ("IVF4,Flat", "efSearch=3", "nprobe, max_codes"),
        ("Flat", "efSearch=3", "none"),
        ("HNSW32", "efSearch=100,bogus=1", "efSearch, efConstruction"),
    ],
)
def test_an_unknown_parameter_is_refused_with_those_the_index_has(mode: str, parameter: str, known: str) -> None:
    with pytest.raises(SearchError, match=f"faiss_param: '.*' is no parameter of faiss_mode='{mode}'; it has {known}"):
        check_search(asked(faiss_mode=mode, faiss_param=parameter), DIMENSION)


@pytest.mark.parametrize(
    ("mode", "parameter"),
    [("HNSW32", "efSearch=0"), ("IVF4,Flat", "nprobe=0"), ("HNSW32", "efConstruction=0"), ("IVF4,Flat", "nprobes=0.5")],
)
def test_a_parameter_that_would_find_nothing_is_refused(mode: str, parameter: str) -> None:
    name = parameter.partition("=")[0]
    with pytest.raises(SearchError, match=f"faiss_param: {name}=.* must be at least 1"):
        check_search(asked(faiss_mode=mode, faiss_param=parameter), DIMENSION)


@pytest.mark.parametrize(
    ("mode", "parameter", "most"),
    [
        ("HNSW32", "efSearch=1e9", "100000"),
        ("auto", "efSearch=100001", "100000"),
        ("HNSW32", "efConstruction=2e6", "100000"),
    ],
)
def test_a_parameter_that_would_fill_the_memory_is_refused(mode: str, parameter: str, most: str) -> None:
    with pytest.raises(SearchError, match=rf"faiss_param: ef\w+=.* must be at most {most}: memory grows with it"):
        check_search(asked(faiss_mode=mode, faiss_param=parameter), DIMENSION)


def test_the_spelling_nprobes_sets_nprobe() -> None:
    search = asked(faiss_mode="IVF4,Flat", faiss_param="nprobes=3")
    assert build_index(some_vectors(), search, 1).index.nprobe == 3


def test_parameters_of_faiss_have_no_effect_on_turi() -> None:
    check_search(asked(nn_provider="turi", faiss_param="bogus=1", faiss_mode="Nope"), DIMENSION)
