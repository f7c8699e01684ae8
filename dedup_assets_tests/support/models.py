"""Tiny ONNX models for `model_path`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str]


def save_mean_model(path: Path, shape: Shape, kind: int = TensorProto.FLOAT, dimension: int = 0) -> str:
    """Save a model whose vector is the mean of each channel, or `dimension` mixtures of these; returns its path."""
    axes = [1, 2] if shape[3] == 3 else [2, 3]
    nodes = [
        helper.make_node("Cast", ["pictures"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["means"], axes=axes, keepdims=0),
    ]
    weights = []
    if dimension:
        mixture = np.random.default_rng(0).normal(size=(3, dimension)).astype(np.float32)
        weights.append(numpy_helper.from_array(mixture, "mixture"))
        nodes.append(helper.make_node("MatMul", ["means", "mixture"], ["vectors"]))
    return save_model(path, nodes, shape, kind, "vectors" if dimension else "means", weights)


def save_model(
    path: Path,
    nodes: list[onnx.NodeProto],
    shape: Shape,
    kind: int = TensorProto.FLOAT,
    output: str = "vectors",
    weights: Sequence[onnx.TensorProto] = (),
    output_kind: int = TensorProto.FLOAT,
) -> str:
    """Save a model of these nodes, from `pictures` to `output`; returns its path."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("pictures", kind, shape)],
        [helper.make_tensor_value_info(output, output_kind, None)],
        initializer=list(weights),
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return str(path)
