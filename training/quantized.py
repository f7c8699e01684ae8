"""The embedding as int8 machines compute it: the same rounding in training as in the file that ships.

Activations are uint8 with a learned step (Esser et al. 2020, Learned Step Size Quantization), weights int8 with one
step per output channel. Weights use 7 bits, so that processors without VNNI, which add two products in 16 bits, give
the same sums. Activations between convolutions are integers, which bfloat16 holds exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.model import MEAN, STD, Block, Embedder

WEIGHT_LIMIT = 63
SUM_LIMIT = 2**23  # largest integer bias
# Padding of the picture: the mean colour, which normalisation turns into the zero that training pads with.
PIXEL_ZERO = round(sum(MEAN) / 3)
Quantized = tuple[Tensor, Tensor]
"""Integers, and the value of one step."""


class Range(NamedTuple):
    """The integers that an activation can take; the file shifts them to 0 to 255."""

    low: int
    high: int


RECTIFIED = Range(0, 255)
SIGNED = Range(-128, 127)


class _Round(torch.autograd.Function):
    """Round to integers; gradients pass unchanged (straight-through estimator)."""

    @staticmethod
    def forward(_: object, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(_: object, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient


def to_range(x: Tensor, span: Range) -> Tensor:
    """Saturate and round."""
    rounded: Tensor = _Round.apply(F.hardtanh(x, span.low, span.high))
    return rounded


class Unit(nn.Module):
    """A convolution with its normalisation folded in, and the activation after it."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d, span: Range) -> None:
        super().__init__()
        self.conv, self.norm, self.span = conv, norm, span
        self.log_step = nn.Parameter(torch.zeros(()))

    @property
    def step(self) -> Tensor:
        """The value of one integer step of the output."""
        return self.log_step.exp()

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weights and bias with the normalisation in them."""
        norm = self.norm
        assert norm.running_var is not None
        assert norm.running_mean is not None
        gain = norm.weight / (norm.running_var + norm.eps).sqrt()
        return self.conv.weight * gain[:, None, None, None], norm.bias - norm.running_mean * gain

    def quantized(self, given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Integer weights and bias, and the value of one step of their sums; `given` is the step of the input."""
        weight, bias = self.folded()
        step = weight.detach().abs().amax((1, 2, 3)) / WEIGHT_LIMIT
        # In a channel with tiny weights the bias must still fit into SUM_LIMIT.
        step = torch.maximum(step, bias.detach().abs() / (given.detach() * SUM_LIMIT)).clamp(min=1e-12)
        whole: Tensor = _Round.apply(weight / step[:, None, None, None])
        added: Tensor = _Round.apply(bias / (given * step))
        return whole, added, step

    def sums(self, x: Tensor, weight: Tensor) -> Tensor:
        """The bare convolution."""
        conv = self.conv
        return F.conv2d(x, weight, None, conv.stride, conv.padding, 1, conv.groups)  # type: ignore[arg-type]

    def forward(self, given: Quantized) -> Quantized:
        """Convolve integers to integers."""
        x, step = given
        weight, bias, weight_step = self.quantized(step)
        sums = self.sums(x, weight)
        scale = step * weight_step / self.step
        shift = bias * scale
        zero, one = torch.zeros_like(scale), torch.ones_like(scale)
        # batch_norm is the affine map per channel that takes bfloat16 sums and fp32 factors.
        mapped = F.batch_norm(sums, zero, one, scale, shift, training=False, eps=0.0)
        return to_range(mapped, self.span), self.step

    def exact(self, x: Tensor) -> Tensor:
        """The same convolution in real numbers, before the rectifier."""
        weight, bias = self.folded()
        return self.sums(x, weight) + bias[:, None, None]

    def rectified(self, x: Tensor) -> Tensor:
        """Apply MobileNetV2's activation, if the unit has one."""
        return x.clamp(0, 6) if self.span is RECTIFIED else x


class Stage(nn.Module):
    """Units in a row; a residual block adds its input to their output."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        inner = layer.conv if isinstance(layer, Block) else layer
        parts = list(inner.children())
        at = [i for i, part in enumerate(parts) if isinstance(part, nn.Conv2d)]
        spans = [RECTIFIED if i + 2 < len(parts) and isinstance(parts[i + 2], nn.ReLU6) else SIGNED for i in at]
        self.units = nn.ModuleList(Unit(parts[i], parts[i + 1], span) for i, span in zip(at, spans, strict=True))  # type: ignore[arg-type]
        self.residual = isinstance(layer, Block) and layer.residual
        if self.residual:
            self.log_step = nn.Parameter(torch.zeros(()))

    @property
    def step(self) -> Tensor:
        """The value of one integer step of the sum."""
        return self.log_step.exp()

    def forward(self, given: Quantized) -> Quantized:
        """Apply the units."""
        y = given
        for unit in self.units:
            y = unit(y)
        return self.total(given, y) if self.residual else y

    def total(self, a: Quantized, b: Quantized) -> Quantized:
        """The sum of a residual block."""
        total = a[0].float() * (a[1] / self.step) + b[0].float() * (b[1] / self.step)
        return to_range(total, SIGNED).to(b[0].dtype), self.step


class QuantizedEmbedder(nn.Module):
    """An Embedder with all layers in integers but the pooling and the last linear layer."""

    def __init__(self, embedder: Embedder) -> None:
        super().__init__()
        self.stages = nn.ModuleList(Stage(layer) for layer in embedder.f)
        self.head = embedder
        # The normalisation of the picture is folded into the first convolution, whose input is uint8.
        first = self.stages[0].units[0]
        with torch.no_grad():
            gain = first.norm.weight / (first.norm.running_var + first.norm.eps).sqrt()
            weight = first.conv.weight / torch.tensor(STD).view(1, 3, 1, 1)
            offset = (weight * (PIXEL_ZERO - torch.tensor(MEAN)).view(1, 3, 1, 1)).sum((1, 2, 3))
            first.conv.weight.copy_(weight)
            first.norm.bias.add_(offset * gain)

    @staticmethod
    def enter(picture: Tensor) -> Quantized:
        """uint8 pictures (NCHW) as integers with step 1."""
        return picture.float() - PIXEL_ZERO, torch.ones(())

    def leave(self, given: Quantized) -> Tensor:
        """Pool, project and normalise."""
        whole, step = given
        return self.head.head(whole.float() * step)

    def forward(self, picture: Tensor) -> Tensor:
        """Embed uint8 pictures (NCHW)."""
        given = self.enter(picture)
        for stage in self.stages:
            given = stage(given)
        return self.leave(given)


def _best_step(x: Tensor, span: Range) -> Tensor:
    """The step with the least squared rounding error."""
    largest = float(x.abs().max() if span is SIGNED else x.max())
    x = x.flatten()
    x = x[torch.randint(0, len(x), (200_000,))] if len(x) > 200_000 else x
    steps = [largest * share / span.high for share in torch.linspace(0.1, 1.0, 46).tolist()]
    errors = [float(((x / s).round().clamp(span.low, span.high) * s - x).square().mean()) for s in steps]
    return torch.tensor(steps[errors.index(min(errors))])


@torch.no_grad()
def calibrate(network: QuantizedEmbedder, pictures: Tensor) -> None:
    """Set every step, layer by layer on the output of the layers before, and correct each bias by the mean error.

    Args:
        network: the network; its steps and biases are changed.
        pictures: (n, 3, h, w) uint8, edited views as in training.
    """
    given = network.enter(pictures)
    real = given[0]
    for stage in network.stages:
        before_real, before = real, given
        for unit in stage.units:
            real = unit.exact(real)
            weight, bias, weight_step = unit.quantized(given[1])
            rough = (unit.sums(given[0], weight) + bias[:, None, None]) * (given[1] * weight_step)[:, None, None]
            unit.norm.bias.add_((real - rough).mean((0, 2, 3)))
            real = unit.rectified(real)
            unit.log_step.copy_(_best_step(real, unit.span).log())
            given = unit(given)
        if stage.residual:
            real = real + before_real
            stage.log_step.copy_(_best_step(real, SIGNED).log())
            given = stage.total(before, given)
