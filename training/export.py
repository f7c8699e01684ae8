"""Write the ONNX that ships: fp16 weights with fp32 arithmetic, and an int8 one to compare.

    python -m training.export --weights RUN/weights_STEP.pt --out embedding.onnx [--raise-by 0.3]
    python -m training.export --weights RUN/weights_STEP.pt --out embedding_int8.onnx --int8 --data DATA

--checkpoint FILE also writes the weights in fp16, small enough to keep, for train --start.
Input `image` uint8 RGB [batch, 160, 160, 3], output `embedding` float32 [batch, 576], unit length.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.model import PIXELS, Deployed, Embedder
from training.photos import Photos
from training.views import pair

OPSET = 17


def fused(layers: nn.Sequential) -> nn.Sequential:
    """A frozen copy with each batch normalisation folded into its convolution."""
    layers = copy.deepcopy(layers).eval()
    for module in layers.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                conv, norm = module[i], module[i + 1]
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    module[i], module[i + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    return layers.requires_grad_(requires_grad=False)


def deployed(weights: Path, raise_by: float) -> Deployed:
    """The network with its normalisations folded and its calibration set."""
    state = torch.load(weights, map_location="cpu", weights_only=False)
    model = Embedder()
    model.load_state_dict({k: v.float() for k, v in state.get("model", state).items()})
    model.f = fused(model.f)
    return Deployed(model, raise_by).eval()


def keep(weights: Path, out: Path) -> None:
    """Write a checkpoint of half the size; statistics stay fp32, whose range they need."""
    state = torch.load(weights, map_location="cpu", weights_only=False)
    state = state.get("model", state)
    torch.save({name: value.half() if value.dim() > 1 else value for name, value in state.items()}, out)


def write(model: Deployed, path: Path) -> None:
    """Trace to ONNX with a free batch size."""
    image = torch.zeros(2, PIXELS, PIXELS, 3, dtype=torch.uint8)
    names = {"input_names": ["image"], "output_names": ["embedding"]}
    axes = {"image": {0: "batch"}, "embedding": {0: "batch"}}
    torch.onnx.export(model, (image,), str(path), opset_version=OPSET, dynamic_axes=axes, dynamo=False, **names)


def halve(path: Path) -> None:
    """Store large weights as fp16, cast back when the session is made."""
    model = onnx.load(path)
    kept, casts = [], []
    for tensor in model.graph.initializer:
        values, small = numpy_helper.to_array(tensor), f"{tensor.name}_16"
        if tensor.data_type == TensorProto.FLOAT and values.size > 64:
            casts.append(helper.make_node("Cast", [small], [tensor.name], to=TensorProto.FLOAT))
            kept.append(numpy_helper.from_array(values.astype(np.float16), small))
        else:
            kept.append(tensor)
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)


class Views(CalibrationDataReader):
    """Edited views of training photographs, to find the range of each activation."""

    def __init__(self, data: Path, count: int) -> None:
        self.left = self.make(Photos(data), count)

    @staticmethod
    def make(photos: Photos, count: int) -> Iterator[dict[str, NDArray[np.uint8]]]:
        """One picture at a time."""
        r = np.random.default_rng(0)
        for i in r.choice(len(photos), count, replace=False):
            yield {"image": np.stack(pair(photos[i], r)[1:])}

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next input, or None at the end."""
        return next(self.left, None)


def quantize(path: Path, out: Path, data: Path) -> None:
    """Static int8, per channel, convolutions only: pooling and the head stay fp32."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.onnx"
        quant_pre_process(str(path), str(ready))
        quantize_static(
            str(ready),
            str(out),
            Views(data, 256),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Add"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )


def main() -> None:
    """Write the file and print its size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--raise-by", type=float, default=0.0, help="cosine c becomes (c + r) / (1 + r)")
    parser.add_argument("--int8", action="store_true")
    parser.add_argument("--data", type=Path, help="photographs to calibrate int8 with")
    parser.add_argument("--checkpoint", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    model = deployed(options.weights, options.raise_by)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        write(model, plain)
        if options.int8:
            quantize(plain, options.out, options.data)
        else:
            halve(plain)
            options.out.write_bytes(plain.read_bytes())
    if options.checkpoint:
        keep(options.weights, options.checkpoint)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
