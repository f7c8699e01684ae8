"""Weigh directions of the output vector by how well they tell photographs apart.

Directions in which two views of one photograph differ as much as two photographs do add noise to every cosine. Turning
them down raises true pairs and hardly changes unrelated ones; training does not do it, because its losses hardly change
once a pair is told apart. Each direction is weighted by Wiener's filter, signal / (signal + noise), in the basis where
the noise is white (the generalised eigenvectors of linear discriminant analysis).
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.model import MEAN, STD, Embedder

FLOOR = 0.3  # share of the mean noise added to each direction, because some show no noise in the sample
BATCH = 100


@torch.no_grad()
def embedded(model: Embedder, pictures: Tensor) -> Tensor:
    """Unit vectors of (n, 3, h, w) uint8 pictures, in float64."""
    mean, std = torch.tensor(MEAN).view(1, 3, 1, 1), torch.tensor(STD).view(1, 3, 1, 1)
    parts = [model((part.float() - mean) / std) for part in pictures.split(BATCH)]
    return torch.cat(parts).double()


@torch.no_grad()
def wiener(model: Embedder, views: Tensor, strength: float) -> None:
    """Fold the filter into the head's weights.

    Args:
        model: the network; its last layer is changed.
        views: (n, 2, 3, h, w) uint8, two edited views of each photograph.
        strength: factor for the noise; 0 changes nothing.
    """
    a, b = embedded(model, views[:, 0]), embedded(model, views[:, 1])
    noise = (a - b).T @ (a - b) / (2 * len(a))
    centre = (a + b) / 2 - torch.cat([a, b]).mean(0)
    signal = centre.T @ centre / len(a)
    values, vectors = torch.linalg.eigh(noise)
    values = values.clamp(min=0) + FLOOR * values.mean()
    white = vectors @ torch.diag(values.rsqrt()) @ vectors.T
    ratio, basis = torch.linalg.eigh(white @ signal @ white)
    ratio = ratio.clamp(min=0)
    kept = ratio / (ratio + strength * ratio.median())
    turn = torch.linalg.inv(white) @ (basis * kept) @ basis.T @ white
    model.p.weight.copy_((turn @ model.p.weight.double()).float())
    model.p.bias.copy_((turn @ model.p.bias.double()).float())
