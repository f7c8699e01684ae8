"""The embedding network: a dense stem, the deep part of MobileNetV2, GeM pooling and one linear layer.

MobileNetV2's first layers, thin convolutions over large maps, take half of its time in int8 and cause most of its
rounding error. A stem of a few dense convolutions, which processors compute in int8 at full speed, replaces them
(`graft.py`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DIMENSIONS = 576
PIXELS = 160
# Expansion, channels, repeats, first stride of each stage (MobileNetV2, width 1.0).
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
# Channels, kernel and stride of the stem's convolutions; the last is linear, like the MobileNetV2 layer it replaces.
STEM = ((64, 7, 4), (96, 3, 2), (96, 3, 1), (96, 3, 1), (32, 1, 1))
REPLACED = 5  # layers of MobileNetV2; their receptive field is 27 pixels, that of the stem 47
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)


class Depthwise(nn.Conv2d):
    """A filter for each channel, always in fp32, because its gradients take three times as long in bfloat16."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float())


def conv_bn(inputs: int, outputs: int, size: int, stride: int, groups: int = 1) -> list[nn.Module]:
    """A convolution without bias and its batch normalisation."""
    kind = nn.Conv2d if groups == 1 else Depthwise
    return [kind(inputs, outputs, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs)]


class Block(nn.Module):
    """MobileNetV2's inverted residual; parameter names follow the published weights."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [*conv_bn(inputs, hidden, 1, 1), nn.ReLU6(inplace=True)]
        layers += [*conv_bn(hidden, hidden, 3, stride, hidden), nn.ReLU6(inplace=True)]
        layers += conv_bn(hidden, outputs, 1, 1)
        self.conv = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        y: Tensor = self.conv(x)
        return x + y if self.residual else y


def trunk() -> nn.Sequential:
    """MobileNetV2's 19 feature layers, stride 32, 1280 channels; names follow the published weights."""
    layers: list[nn.Module] = [nn.Sequential(*conv_bn(3, 32, 3, 2), nn.ReLU6(inplace=True))]
    channels = 32
    for expansion, outputs, repeats, stride in STAGES:
        for repeat in range(repeats):
            layers.append(Block(channels, outputs, stride if repeat == 0 else 1, expansion))
            channels = outputs
    layers.append(nn.Sequential(*conv_bn(channels, 1280, 1, 1), nn.ReLU6(inplace=True)))
    return nn.Sequential(*layers)


def stem() -> nn.Sequential:
    """The replacement of MobileNetV2's first layers: (n, 3, h, w) to (n, 32, h / 8, w / 8)."""
    layers: list[nn.Module] = []
    channels = 3
    for outputs, size, stride in STEM:
        layers += [*conv_bn(channels, outputs, size, stride), nn.ReLU6(inplace=True)]
        channels = outputs
    return nn.Sequential(*layers[:-1])


class Embedder(nn.Module):
    """Normalised pixels (NCHW) to unit vectors of 576 values."""

    def __init__(self) -> None:
        super().__init__()
        self.f = nn.Sequential(stem(), *trunk()[REPLACED:])
        self.p = nn.Linear(1280, DIMENSIONS)

    def head(self, x: Tensor) -> Tensor:
        """Pool the trunk's map (GeM, p = 3, written without pow for speed) and project it."""
        x = x.float().clamp(min=1e-3)
        x = (x * x * x).mean((2, 3))
        return F.normalize(self.p(x.pow(1 / 3)))

    def forward(self, x: Tensor) -> Tensor:
        """Embed a batch."""
        return self.head(self.f(x))


class Deployed(nn.Module):
    """The network that ships: uint8 NHWC in, unit vectors out.

    A component that all pictures share, orthogonal to the others, turns each cosine c into (c + r) / (1 + r). That
    keeps every ranking and puts true pairs above the documented thresholds.
    """

    def __init__(self, embedder: Embedder, raise_by: float = 0.0) -> None:
        super().__init__()
        scale = 1 / torch.tensor(STD)
        self.register_buffer("scale", scale.view(1, 3, 1, 1))
        self.register_buffer("offset", (-torch.tensor(MEAN) * scale).view(1, 3, 1, 1))
        # The shared component takes the direction in which the head's outputs differ least.
        shared = torch.linalg.svd(embedder.p.weight.detach()).U[:, -1]
        with torch.no_grad():
            embedder.p.weight -= torch.outer(shared, shared @ embedder.p.weight)
            embedder.p.bias -= shared * (shared @ embedder.p.bias)
        self.register_buffer("shared", shared * raise_by**0.5)
        self.embedder = embedder
        self.raised = raise_by > 0

    def forward(self, image: Tensor) -> Tensor:
        """Embed (n, h, w, 3) uint8 pictures."""
        x = image.permute(0, 3, 1, 2).float() * self.scale + self.offset
        z: Tensor = self.embedder(x)
        return F.normalize(z + self.shared) if self.raised else z
