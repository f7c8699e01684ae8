"""Which models are accepted, in which layout each gets its pictures, and how other models are refused."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from dedup_assets.engine.core.errors import ModelError
from dedup_assets.engine.extraction.embedding import Embedder, open_embedder
from dedup_assets.engine.extraction.onnx_runtime import load_onnxruntime
from dedup_assets_tests.support.models import Shape, save_mean_model, save_model

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406]) * 255
IMAGENET_STD = np.array([0.229, 0.224, 0.225]) * 255


def pictures(count: int, height: int, width: int) -> list[NDArray[np.uint8]]:
    return list(np.random.default_rng(1).integers(0, 256, (count, height, width, 3), np.uint8))


@pytest.mark.parametrize(
    ("shape", "kind", "size"),
    [
        (["n", 8, 6, 3], TensorProto.UINT8, (8, 6)),
        (["n", 8, 6, 3], TensorProto.FLOAT, (8, 6)),
        ([1, 8, 6, 3], TensorProto.FLOAT, (8, 6)),
        ([3, 8, 6, 3], TensorProto.FLOAT, (8, 6)),
        (["n", 3, 8, 6], TensorProto.UINT8, (8, 6)),
        (["n", 3, 8, 6], TensorProto.FLOAT, (8, 6)),
        ([1, 3, 8, 6], TensorProto.FLOAT16, (8, 6)),
        (["n", 3, "h", "w"], TensorProto.FLOAT, (224, 224)),
        (["n", "h", "w", 3], TensorProto.UINT8, (224, 224)),
    ],
)
def test_layout_size_type_and_batch_are_read_from_the_graph(
    tmp_path: Path, shape: Shape, kind: int, size: tuple[int, int]
) -> None:
    embedder = Embedder(save_mean_model(tmp_path / "model.onnx", shape, kind))
    assert (embedder.input.height, embedder.input.width) == size
    assert embedder.input.layout == ("NHWC" if shape[3] == 3 else "NCHW")
    assert embedder.dimension == 3
    given = pictures(5, *size)
    vectors = embedder.embed(given)
    means = np.stack(given).mean(axis=(1, 2))
    if shape[1] == 3 and kind != TensorProto.UINT8:
        means = (means - IMAGENET_MEAN) / IMAGENET_STD
    assert vectors.dtype == np.dtype("<f4")
    assert vectors.flags.c_contiguous
    assert np.allclose(vectors, means, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("dimension", [1, 7, 1024])
def test_vectors_may_have_any_number_of_values(tmp_path: Path, dimension: int) -> None:
    embedder = Embedder(save_mean_model(tmp_path / "model.onnx", ["n", 8, 8, 3], dimension=dimension))
    assert embedder.dimension == dimension
    assert embedder.embed(pictures(2, 8, 8)).shape == (2, dimension)


def test_a_feature_map_is_laid_out_as_one_vector_a_picture(tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["pictures"], ["vectors"])
    embedder = Embedder(save_model(tmp_path / "model.onnx", [node], ["n", 2, 2, 3]))
    assert embedder.embed(pictures(3, 2, 2)).shape == (3, 12)


def test_the_built_in_model_gives_576_values_of_length_one() -> None:
    embedder = Embedder()
    assert embedder.dimension == 576
    size = (embedder.input.height, embedder.input.width)
    vectors = embedder.embed(pictures(3, *size))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert not np.allclose(vectors[0], vectors[1], atol=1e-3)


def test_neither_batch_nor_thread_changes_a_bit_of_a_vector() -> None:
    embedder = Embedder()
    given = pictures(8, embedder.input.height, embedder.input.width)
    together = embedder.embed(given)
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda picture: embedder.embed([picture])[0], given))
    assert np.array_equal(together, np.stack(alone))


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    path = save_mean_model(tmp_path / "model.onnx", ["n", 8, 8, 3])
    assert Embedder(path).sha256 == hashlib.sha256(Path(path).read_bytes()).hexdigest()


# Models that are refused, in one line that names the model


def refused(path: str) -> str:
    with pytest.raises(ModelError) as error:
        _ = Embedder(path).dimension
    message = str(error.value)
    assert repr(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x08\x08\x12\x04test" * 100])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    assert "is not a usable ONNX model" in refused(str(tmp_path / "model.onnx"))


def test_a_cut_model_is_refused(tmp_path: Path) -> None:
    path = Path(save_mean_model(tmp_path / "model.onnx", ["n", 8, 8, 3], dimension=50))
    path.write_bytes(path.read_bytes()[:-100])
    assert "is not a usable ONNX model" in refused(str(path))


def test_a_missing_file_a_folder_and_an_impossible_name_are_refused(tmp_path: Path) -> None:
    assert "No such file" in refused(str(tmp_path / "gone.onnx"))
    assert "Is a directory" in refused(str(tmp_path))
    refused("a\0b")


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (["n", 8, 8, 4], "must take RGB pictures"),
        (["n", 1, 8, 8], "must take RGB pictures"),
        (["n", "c", "h", "w"], "must take RGB pictures"),
        (["n", 192], "one input of rank 4"),
    ],
)
def test_a_model_of_something_else_than_pictures_is_refused(tmp_path: Path, shape: Shape, said: str) -> None:
    node = helper.make_node("Identity", ["pictures"], ["vectors"])
    assert said in refused(save_model(tmp_path / "model.onnx", [node], shape))


def test_a_model_of_an_unknown_type_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["pictures"], ["vectors"])
    path = save_model(tmp_path / "model.onnx", [node], ["n", 8, 8, 3], TensorProto.INT64, output_kind=TensorProto.INT64)
    assert "rank 4 in uint8 or float" in refused(path)


def test_a_model_whose_output_is_not_one_vector_a_picture_is_refused(tmp_path: Path) -> None:
    one_for_all = helper.make_node("ReduceMean", ["pictures"], ["vectors"], axes=[0], keepdims=0)
    path = save_model(tmp_path / "model.onnx", [one_for_all], ["n", 8, 8, 3])
    assert "must give one vector per picture" in refused(path)
    one_number = helper.make_node("ReduceMean", ["pictures"], ["vectors"], keepdims=0)
    refused(save_model(tmp_path / "model.onnx", [one_number], ["n", 8, 8, 3]))


def test_a_model_that_gives_text_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Cast", ["pictures"], ["vectors"], to=TensorProto.STRING)
    path = save_model(tmp_path / "model.onnx", [node], ["n", 2, 2, 3], output_kind=TensorProto.STRING)
    refused(path)


def test_a_gpu_that_is_not_there_is_refused_with_the_providers_that_are() -> None:
    if "CUDAExecutionProvider" in load_onnxruntime().get_available_providers():
        pytest.skip("this machine has one")
    with pytest.raises(ModelError, match=r"compute='gpu'.*CPUExecutionProvider.*install onnxruntime-gpu"):
        Embedder(compute="gpu")


def test_a_model_is_opened_once_while_its_file_stays_the_same(tmp_path: Path) -> None:
    path = save_mean_model(tmp_path / "model.onnx", ["n", 8, 8, 3], dimension=7)
    first = open_embedder(path)
    assert open_embedder(path) is first
    save_mean_model(tmp_path / "model.onnx", ["n", 8, 8, 3], dimension=9)
    assert open_embedder(path).dimension == 9
    assert open_embedder().dimension == 576
