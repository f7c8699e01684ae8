"""The training objective."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

TEMPERATURE = 0.05
MARGIN = 0.15
SAME = 0.6  # teacher's cosine above which two pictures may be the same: no loss tells them apart
RIVALS = 10000  # targets of other photographs per step; they are shuffled, so a slice is a sample
ALIKE = 0.4  # allowed cosine of views of different photographs; the few above it decide at a precision of 99.9 %


def contrast(scores: Tensor, own: Tensor, ignored: Tensor) -> Tensor:
    """Softmax over candidates with an additive margin on the right one."""
    rows = torch.arange(len(scores))
    scores = scores.masked_fill(ignored, -1.0)
    scores[rows, own] -= MARGIN
    return F.cross_entropy(scores / TEMPERATURE, own)


def objective(z: Tensor, photos: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Loss terms for embeddings of first views followed by second views of `photos`.

    teacher: a view must pick its own target among those of RIVALS photographs;
    views:   a view must pick its twin among the other views of the step;
    spread:  unrelated views stay near cosine 0;
    alike:   views of different photographs stay below ALIKE;
    pull:    true pairs move towards cosine 1 after they are told apart, which makes 0.85 a usable threshold;
    target:  a view lies near its target in absolute terms too.

    Embeddings of earlier steps are not used as negatives: the network avoids them by turning its whole output, and
    unrelated views of one step end up close.
    """
    n = len(photos)
    both = photos.repeat(2)
    own = targets[both]
    begin = int(torch.randint(0, max(1, len(targets) - RIVALS), ()))
    rivals = torch.cat([own[:n], targets[begin : begin + RIVALS]])
    mine = torch.arange(n).repeat(2)
    with torch.no_grad():
        near = (own[:n] @ rivals.t() > SAME).repeat(2, 1)
        near[torch.arange(2 * n), mine] = False
    teacher = contrast(z @ rivals.t(), mine, near)
    scores = z @ z.t()
    twin = (torch.arange(2 * n) + n) % (2 * n)
    with torch.no_grad():
        apart = own @ own.t() <= SAME
        ignored = ~apart
        ignored[torch.arange(2 * n), twin] = False
    views = contrast(scores, twin, ignored)
    return {
        "teacher": teacher,
        "views": views,
        "spread": scores[apart].square().mean(),
        "alike": (F.relu(scores - ALIKE).square() * apart).sum(1).mean(),
        "pull": 1 - (z[:n] * z[n:]).sum(1).mean(),
        "target": 1 - (z * own).sum(1).mean(),
    }
