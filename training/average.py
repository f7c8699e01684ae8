"""Average the weights of two runs that started from the same weights (model soup, Wortsman et al. 2022).

    python -m training.average FIRST.pt SECOND.pt --share 0.3 --out MEAN.pt

--share is the weight of SECOND, from 0 to 1.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from training.export import loaded


def main() -> None:
    """Write the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("weights", type=Path, nargs=2)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    first, second = (loaded(path).state_dict() for path in options.weights)
    mean = {name: torch.lerp(value.float(), second[name].float(), options.share) for name, value in first.items()}
    torch.save(mean, options.out)


if __name__ == "__main__":
    main()
