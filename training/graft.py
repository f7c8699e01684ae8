"""Train the stem to give the output of MobileNetV2's first layers, and put it in their place.

    python -m training.graft --data DATA --start WEIGHTS --out GRAFTED.pt --minutes 20

--start is a network whose trunk is MobileNetV2 throughout. Regression on the output of one layer needs no labels and no
gradient through the layers behind it (knowledge distillation by blocks, Li et al. 2020); train.py removes the remaining
error. The printed error is relative: 1 is no better than the mean of each channel.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing as mp
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.export import fused
from training.model import MEAN, REPLACED, STD, Embedder, stem, trunk
from training.pause import wait_while
from training.photos import Photos
from training.views import pair

RATE = 3e-3
BATCH = 64
WARM_STEPS = 100
SAVE_SECONDS = 120
LOG_STEPS = 50
SETTLED = 0.7  # share of the time after which the statistics of normalisation stay fixed


def feed(queue: mp.queues.Queue[NDArray[np.uint8]], data: Path, seed: int, pause: Path | None) -> None:
    """Fill the queue with views."""
    cv2.setNumThreads(1)
    photos, r = Photos(data), np.random.default_rng(seed)
    while True:
        wait_while(pause)
        chosen = r.integers(len(photos), size=BATCH // 2)
        queue.put(np.stack([view for i in chosen for view in pair(photos[int(i)], r)]))


def former(weights: Path) -> tuple[nn.Sequential, dict[str, Tensor]]:
    """The layers to replace, and the state of the whole network."""
    state = torch.load(weights, map_location="cpu", weights_only=True)
    state = {name: value.float() for name, value in state.get("model", state).items()}
    layers = trunk()
    layers.load_state_dict({name.removeprefix("f."): value for name, value in state.items() if name.startswith("f.")})
    return layers[:REPLACED].eval(), state


def stem_of(weights: Path) -> dict[str, Tensor]:
    """The state of the stem of a network."""
    state = torch.load(weights, map_location="cpu", weights_only=True)
    return {name.removeprefix("f.0."): value for name, value in state.items() if name.startswith("f.0.")}


def grafted(state: dict[str, Tensor], new: nn.Sequential) -> Embedder:
    """The network with the new stem in the place of its first layers."""
    model = Embedder()
    moved = {f"f.0.{name}": value for name, value in new.state_dict().items()}
    for name, value in state.items():
        if name.startswith("f."):
            _, number, rest = name.split(".", 2)
            if int(number) >= REPLACED:
                moved[f"f.{int(number) - REPLACED + 1}.{rest}"] = value
        else:
            moved[name] = value
    model.load_state_dict(moved)
    return model


def main() -> None:
    """Train the stem and write the network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--stem", type=Path, help="GRAFTED.pt of an earlier call; training goes on from its stem")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--pause-file", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    queue: mp.queues.Queue[NDArray[np.uint8]] = mp.Queue(4)
    mp.Process(target=feed, args=(queue, options.data, options.seed, options.pause_file), daemon=True).start()
    layers, state = former(options.start)
    layers = fused(layers).to(memory_format=torch.channels_last)
    new = stem().to(memory_format=torch.channels_last).train()
    if options.stem:
        new.load_state_dict(stem_of(options.stem))
    optimizer = torch.optim.AdamW(new.parameters(), lr=RATE, weight_decay=0.01)
    mean, std = torch.tensor(MEAN).view(1, 3, 1, 1), torch.tensor(STD).view(1, 3, 1, 1)
    step, spent, saved, errors = 0, 0.0, 0.0, 0.0
    clock = time.monotonic()
    while spent < options.minutes * 60:
        clock += wait_while(options.pause_file)
        x = (torch.from_numpy(queue.get()).permute(0, 3, 1, 2).float() - mean) / std
        x = x.contiguous(memory_format=torch.channels_last)
        share = spent / (options.minutes * 60)
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / WARM_STEPS) * 0.5 * (1 + math.cos(math.pi * share))
        if share > SETTLED:
            new.eval()
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                wanted = layers(x).float()
            given = new(x).float()
        error = ((given - wanted).square().mean((0, 2, 3)) / wanted.var((0, 2, 3))).mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        step, errors = step + 1, errors + error.item()
        spent, clock = spent + time.monotonic() - clock, time.monotonic()
        if step % LOG_STEPS == 0:
            print(f"{step}\t{spent:.0f}\t{errors / LOG_STEPS:.4f}", flush=True)
            errors = 0.0
        if spent - saved > SAVE_SECONDS or spent >= options.minutes * 60:
            torch.save(grafted(state, new).state_dict(), options.out)
            saved = spent


if __name__ == "__main__":
    main()
