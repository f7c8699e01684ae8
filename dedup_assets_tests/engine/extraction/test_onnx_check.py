"""Of an ONNX model only the file itself is read, and no file that it names."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from dedup_assets.engine.core.errors import ModelError
from dedup_assets.engine.extraction.embedding import Embedder
from dedup_assets.engine.extraction.onnx_check import NoModelError, external_tensors
from dedup_assets_tests.support.models import save_mean_model, save_model

SHAPE = ["n", 8, 8, 3]


def outside(location: str) -> TensorProto:
    """Weights in another file."""
    tensor = numpy_helper.from_array(np.ones((3, 4), np.float32), "weights")
    set_external_data(tensor, location=location, offset=0, length=48)
    tensor.ClearField("raw_data")
    return tensor


def model_of(path: Path, location: str, *, in_attribute: bool) -> str:
    nodes = [helper.make_node("ReduceMean", ["pictures"], ["means"], axes=[1, 2], keepdims=0)]
    if in_attribute:
        nodes.append(helper.make_node("Constant", [], ["weights"], value=outside(location)))
    nodes.append(helper.make_node("MatMul", ["means", "weights"], ["vectors"]))
    return save_model(path, nodes, SHAPE, weights=[] if in_attribute else [outside(location)])


@pytest.mark.parametrize("in_attribute", [False, True])
@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "{tmp}/weights.bin", "/etc/passwd"])
def test_weights_in_another_file_are_not_followed(
    tmp_path: Path, location: str, in_attribute: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    for folder in (tmp_path, tmp_path / "sub"):
        np.ones((3, 4), np.float32).tofile(folder / "weights.bin")
    path = model_of(tmp_path / "sub" / "m.onnx", location.replace("{tmp}", str(tmp_path)), in_attribute=in_attribute)
    with pytest.raises(ModelError, match=r"m\.onnx': 1 of its tensors are in other files, which are not read"):
        Embedder(path)


def test_operators_of_others_are_refused(tmp_path: Path) -> None:
    node = helper.make_node("Foo", ["pictures"], ["vectors"], domain="com.example")
    path = save_model(tmp_path / "m.onnx", [node], SHAPE)
    with pytest.raises(ModelError, match="not a usable ONNX model"):
        Embedder(path)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x80\x04\x95pickle", b"\xff" * 100, b"\0" * 100])
def test_what_is_no_model_is_an_error_of_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="not a usable ONNX model"):
        Embedder(str(tmp_path / "m.onnx"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_model_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(ModelError, match="is no regular file"):
            Embedder(str(path))


def test_a_model_in_one_file_has_no_tensor_elsewhere(tmp_path: Path) -> None:
    content = Path(save_mean_model(tmp_path / "m.onnx", SHAPE, dimension=4)).read_bytes()
    assert external_tensors(content) == 0
    assert Embedder().dimension == 576


@settings(max_examples=60)
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255), length=st.integers(0, 10_000))
def test_any_damage_gives_an_answer_or_that_it_is_no_model(place: int, byte: int, length: int) -> None:
    graph = helper.make_graph(
        [helper.make_node("If", ["x"], ["y"], then_branch=helper.make_graph([], "g", [], []))],
        "test",
        [],
        [],
        initializer=[outside("a"), numpy_helper.from_array(np.ones(50, np.float32), "b")],
    )
    content = bytearray(helper.make_model(graph).SerializeToString())
    assert external_tensors(bytes(content)) == 1
    content[place % len(content)] = byte
    try:
        assert external_tensors(bytes(content[: max(length % len(content), 1)])) >= 0
    except NoModelError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either answer will do
