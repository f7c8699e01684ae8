"""Write the two ONNX files that ship: int8 for processors, fp32 (weights in fp16) for GPUs.

    python -m training.export --weights RUN/weights_STEP.pt --data DATA --out FOLDER [--filter 1.0] [--raise-by 0.3]

FOLDER gets copydetect576.onnx (int8) and copydetect576_fp32.onnx. --filter N turns down directions of the vector that
tell photographs apart badly (`wiener.py`), N times as strongly as measured. --checkpoint FILE also writes the trained
weights in fp16, for train --start. Input `image` uint8 RGB [batch, 160, 160, 3], output `embedding` float32 [batch,
576], unit length.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.int8_onnx import write_embedder
from training.model import PIXELS, Deployed, Embedder
from training.photos import Photos
from training.quantized import QuantizedEmbedder, calibrate
from training.views import pair
from training.wiener import wiener

OPSET = 17
CALIBRATION_VIEWS = 192
FILTER_PHOTOGRAPHS = 5000


def loaded(weights: Path) -> Embedder:
    """The trained network, from a file of weights or a checkpoint."""
    state = torch.load(weights, map_location="cpu", weights_only=False)
    model = Embedder()
    model.load_state_dict({k: v.float() for k, v in state.get("model", state).items()})
    return model.eval()


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


def keep(weights: Path, out: Path) -> None:
    """Write the weights in fp16; statistics stay fp32, because they need its range."""
    state = torch.load(weights, map_location="cpu", weights_only=False)
    state = state.get("model", state)
    torch.save({name: value.half() if value.dim() > 1 else value for name, value in state.items()}, out)


def views(data: Path, photographs: int, seed: int) -> Tensor:
    """Two edited views of each of some training photographs: (photographs, 2, 3, h, w) uint8."""
    photos, r = Photos(data), np.random.default_rng(seed)
    chosen = r.choice(len(photos), photographs, replace=False)
    return torch.from_numpy(np.stack([np.stack(pair(photos[int(i)], r)) for i in chosen])).permute(0, 1, 4, 2, 3)


def write_fp32(model: Deployed, path: Path) -> None:
    """Trace to ONNX with a free batch size; large weights are stored as fp16 and cast when the session is made."""
    image = torch.zeros(2, PIXELS, PIXELS, 3, dtype=torch.uint8)
    names = {"input_names": ["image"], "output_names": ["embedding"]}
    axes = {"image": {0: "batch"}, "embedding": {0: "batch"}}
    torch.onnx.export(model, (image,), str(path), opset_version=OPSET, dynamic_axes=axes, dynamo=False, **names)
    halve(path)


def halve(path: Path) -> None:
    """Store large weights as fp16."""
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


def write_int8(model: Deployed, path: Path, data: Path) -> None:
    """Write the same network in int8."""
    network = QuantizedEmbedder(model.embedder).eval()
    calibrate(network, views(data, CALIBRATION_VIEWS // 2, seed=0).flatten(0, 1))
    write_embedder(network, path, model.shared if model.raised else None)


def main() -> None:
    """Write the files and print their sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--filter", type=float, default=0.0)
    parser.add_argument("--raise-by", type=float, default=0.0, help="r: each cosine c becomes (c + r) / (1 + r)")
    parser.add_argument("--checkpoint", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.manual_seed(0)
    options.out.mkdir(parents=True, exist_ok=True)
    embedder = loaded(options.weights)
    if options.filter:
        wiener(embedder, views(options.data, FILTER_PHOTOGRAPHS, seed=7), options.filter)
    model = Deployed(embedder, options.raise_by).eval()
    fast, plain = options.out / "copydetect576.onnx", options.out / "copydetect576_fp32.onnx"
    write_int8(copy.deepcopy(model), fast, options.data)
    model.embedder.f = fused(model.embedder.f)
    write_fp32(model, plain)
    if options.checkpoint:
        keep(options.weights, options.checkpoint)
    print("\n".join(f"{path}: {path.stat().st_size / 1e6:.1f} MB" for path in (fast, plain)))


if __name__ == "__main__":
    main()
