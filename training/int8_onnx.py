"""Write a quantized network as ONNX, in operators that onnxruntime computes in integers.

Convolutions are written as QLinearConv, so that rounding is decided here and not by an optimizer that looks for
patterns.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from training.model import DIMENSIONS, PIXELS
from training.quantized import PIXEL_ZERO, QuantizedEmbedder, Stage, Unit

OPSET = 17


class Place:
    """A tensor of the graph: its name, the value of one integer step, and its zero point."""

    def __init__(self, name: str, step: float, zero: int) -> None:
        self.name, self.step, self.zero = name, step, zero


class Graph:
    """Nodes and constants in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: NDArray[np.generic]) -> str:
        """Add a constant; returns its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def scale(self, place: Place) -> list[str]:
        """Step and zero point of a tensor as inputs of a node."""
        return [self.constant(np.float32(place.step)), self.constant(np.uint8(place.zero))]

    def node(self, operator: str, inputs: list[str], **attributes: object) -> str:
        """Add a node; returns the name of its output."""
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def conv(self, given: Place, unit: Unit) -> Place:
        """Add a convolution with rounding and rectifier: values below zero saturate at zero."""
        whole, bias, steps = (part.detach().double().numpy() for part in unit.quantized(torch.tensor(given.step)))
        step = float(unit.step.detach())
        out = Place("", step, -unit.span.low)
        size, stride = unit.conv.kernel_size[0], unit.conv.stride[0]
        out.name = self.node(
            "QLinearConv",
            [
                given.name,
                *self.scale(given),
                self.constant(whole.astype(np.int8)),
                self.constant(steps.astype(np.float32)),
                self.constant(np.zeros(len(steps), np.int8)),
                *self.scale(out),
                self.constant(bias.astype(np.int32)),
            ],
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[size // 2] * 4,
            group=unit.conv.groups,
        )
        return out

    def stage(self, given: Place, stage: Stage) -> Place:
        """Add the convolutions of a stage and the sum of a residual block."""
        y = given
        for unit in stage.units:
            y = self.conv(y, unit)
        if not stage.residual:
            return y
        out = Place("", float(stage.step.detach()), 128)
        terms = [self.node("DequantizeLinear", [term.name, *self.scale(term)]) for term in (given, y)]
        out.name = self.node("QuantizeLinear", [self.node("Add", terms), *self.scale(out)])
        return out

    def unit_length(self, z: str) -> str:
        """Add the division of rows by their lengths."""
        length = self.node("ReduceL2", [z], axes=[1], keepdims=1)
        return self.node("Div", [z, self.node("Max", [length, self.constant(np.float32(1e-12))])])

    def head(self, given: Place, weight: Tensor, bias: Tensor) -> str:
        """Add GeM pooling (p = 3), the linear layer (fp16 on disk, fp32 in memory) and the division by the length."""
        x = self.node("DequantizeLinear", [given.name, *self.scale(given)])
        # One Pow node, because onnxruntime would dequantize x once per use; it computes exponent 3 by multiplication.
        cube = self.node("Pow", [x, self.constant(np.float32(3))])
        mean = self.node("ReduceMean", [cube], axes=[2, 3], keepdims=0)
        pooled = self.node("Pow", [mean, self.constant(np.float32(1 / 3))])
        half = self.constant(weight.detach().numpy().astype(np.float16))
        full = self.node("Cast", [half], to=TensorProto.FLOAT)
        z = self.node("Gemm", [pooled, full, self.constant(bias.detach().numpy().astype(np.float32))], transB=1)
        return self.unit_length(z)

    def picture(self) -> Place:
        """The input with channels first; its zero point is the padding of the first convolution."""
        return Place(self.node("Transpose", ["image"], perm=[0, 3, 1, 2]), 1.0, PIXEL_ZERO)

    def save(self, path: Path, last: str) -> None:
        """Check the graph and write it."""
        output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIMENSIONS])
        self.nodes.append(helper.make_node("Identity", [last], [output.name]))
        image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", PIXELS, PIXELS, 3])
        graph = helper.make_graph(self.nodes, "copydetect576", [image], [output], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)


def write_embedder(network: QuantizedEmbedder, path: Path, shared: Tensor | None = None) -> None:
    """uint8 pictures [batch, 160, 160, 3] to float32 vectors [batch, 576] of unit length.

    `shared`, (576), is added to each vector before its length is made 1 again (`model.Deployed`).
    """
    graph = Graph()
    place = graph.picture()
    for stage in network.stages:
        place = graph.stage(place, stage)
    vectors = graph.head(place, network.head.p.weight, network.head.p.bias)
    if shared is not None:
        vectors = graph.unit_length(graph.node("Add", [vectors, graph.constant(shared.numpy().astype(np.float32))]))
    graph.save(path, vectors)
