"""Train the embedding on edited views; a later run can go on from its checkpoints.

    python -m training.train --data DATA --out RUN --minutes 90 --start WEIGHTS [--pause-file FILE]
    python -m training.train --data DATA --out RUN --minutes 90 --resume

--start takes the output of graft.py, or weights_STEP.pt of an earlier run. The rate falls from its peak to zero over
--minutes of running time; paused time does not count. RUN gets last.pt (which --resume reads), weights_STEP.pt every 15
minutes, and log.tsv: step, seconds, photographs, mean of each loss.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing as mp
import signal
import threading
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from training.feed import Batch, feed
from training.losses import objective
from training.model import MEAN, STD, Embedder
from training.pause import wait_while
from training.targets import Mean, targets, teacher_rows

WEIGHTS = {"teacher": 0.3, "views": 1.5, "spread": 10.0, "alike": 8.0, "pull": 8.0, "target": 0.5}
LOG_STEPS = 50
WARM_STEPS = 100
MOMENTUM = 0.02  # of a new stem's statistics
STEM_RATE, HEAD_RATE = 3, 2  # times the rate of the trunk, which was trained for long
SAVE_SECONDS = 180
KEEP_SECONDS = 900


def load_start(model: Embedder, path: Path) -> None:
    """Load the weights of graft.py or of an earlier run."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict({name: value.float() for name, value in state.get("model", state).items()})


class Trainer:
    """The network, its optimiser and its place in the schedule."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.spent, self.step, self.steps_here = 0.0, 0, 0
        self.mean: Mean | None = None
        self.weights = {name: options.beside * weight for name, weight in WEIGHTS.items()}
        self.weights |= {"former": options.former_weight}
        self.model = Embedder().to(memory_format=torch.channels_last)
        frozen = options.frozen
        self.model.f[:frozen].requires_grad_(requires_grad=False)
        groups = [
            {"params": [p for p in layer.parameters() if p.requires_grad], "peak": times * options.rate}
            for layer, times in ((self.model.f[0], STEM_RATE), (self.model.f[1:], 1), (self.model.p, HEAD_RATE))
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=options.rate, weight_decay=0.01)
        if options.resume:
            self.restore()
        else:
            load_start(self.model, options.start)
        # Statistics of normalisation stay fixed, because those of edited views differ from those of users' pictures.
        # Only a new stem still needs its own.
        self.model.eval()
        if options.new_stem:
            for layer in self.model.f[0]:
                layer.train()
                if isinstance(layer, nn.BatchNorm2d):
                    layer.momentum = MOMENTUM
        self.first, self.rest = self.model.f[:frozen], self.model.f[frozen:]
        self.targets, self.mean = targets(options.data, teacher_rows(options.data), self.mean)
        self.scale = (1 / torch.tensor(STD)).view(1, 3, 1, 1)
        self.centre = torch.tensor(MEAN).view(1, 3, 1, 1)

    def restore(self) -> None:
        """Go on from last.pt."""
        saved = torch.load(self.options.out / "last.pt", weights_only=False)
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.spent, self.step, self.mean = saved["spent"], saved["step"], saved["mean"]

    def save(self) -> None:
        """Replace last.pt atomically."""
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        state |= {"spent": self.spent, "step": self.step, "mean": self.mean}
        part = self.options.out / "part.pt"
        torch.save(state, part)
        part.replace(self.options.out / "last.pt")

    def keep(self) -> None:
        """Write the weights under a name with the step."""
        torch.save(self.model.state_dict(), self.options.out / f"weights_{self.step}.pt")

    def set_rate(self) -> None:
        """Set the learning rate: a short rise, then a cosine to zero by running time."""
        warm = min(1.0, (self.steps_here + 1) / WARM_STEPS)
        share = self.spent / (self.options.minutes * 60)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * warm * 0.5 * (1 + math.cos(math.pi * share))

    def learn(self, batch: Batch) -> dict[str, float]:
        """Take one step; returns the loss terms."""
        photos = torch.from_numpy(batch[0])
        x = torch.from_numpy(batch[1]).permute(0, 3, 1, 2).float().sub(self.centre).mul(self.scale)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                x = self.first(x.contiguous(memory_format=torch.channels_last))
            x = self.rest(x)
        z: Tensor = self.model.head(x)
        terms = objective(z, photos, self.targets)
        if batch[2] is not None:
            terms["former"] = 1 - (z * torch.from_numpy(batch[2])).sum(1).mean()
        self.optimizer.zero_grad()
        torch.stack([self.weights[name] * term for name, term in terms.items()]).sum().backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.set_rate()
        self.optimizer.step()
        self.step, self.steps_here = self.step + 1, self.steps_here + 1
        return {name: term.item() for name, term in terms.items()}

    def log(self, sums: dict[str, float]) -> None:
        """Append a line to log.tsv."""
        means = [f"{total / LOG_STEPS:.4f}" for total in sums.values()]
        with (self.options.out / "log.tsv").open("a") as file:
            file.write("\t".join([str(self.step), f"{self.spent:.0f}", str(len(self.targets)), *means]) + "\n")


def run(trainer: Trainer, queue: mp.queues.Queue[Batch], stop: threading.Event) -> None:
    """Train until the schedule ends or `stop` is set; the last state is saved either way."""
    options = trainer.options
    clock, saved, kept = time.monotonic(), trainer.spent, trainer.spent
    sums: dict[str, float] = {}
    while trainer.spent < options.minutes * 60 and not stop.is_set():
        clock += wait_while(options.pause_file)
        for name, value in trainer.learn(queue.get()).items():
            sums[name] = sums.get(name, 0.0) + value
        trainer.spent, clock = trainer.spent + time.monotonic() - clock, time.monotonic()
        if trainer.step % LOG_STEPS == 0:
            trainer.log(sums)
            sums.clear()
        if trainer.spent - saved > SAVE_SECONDS:
            trainer.save()
            saved = trainer.spent
        if trainer.spent - kept > KEEP_SECONDS:
            trainer.keep()
            kept = trainer.spent
    trainer.save()
    trainer.keep()


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument("--start", type=Path)
    start.add_argument("--resume", action="store_true")
    parser.add_argument("--pairs", type=int, default=32, help="photographs per step, two views of each")
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--frozen", type=int, default=0, help="number of first layers that are not trained")
    parser.add_argument("--former", type=Path, help="an ONNX model; each view is drawn to where it puts the view")
    parser.add_argument("--former-weight", type=float, default=20.0)
    parser.add_argument("--beside", type=float, default=1.0, help="factor for the weights of the other loss terms")
    parser.add_argument("--new-stem", action="store_true", help="the stem comes from graft.py")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--pause-file", type=Path)
    return parser.parse_args()


def main() -> None:
    """Train."""
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(options)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    queue: mp.queues.Queue[Batch] = mp.Queue(6)
    seed, rows = options.seed + trainer.step, len(trainer.targets)
    work = (queue, options.data, rows, seed, options.pairs, options.former, options.pause_file)
    mp.Process(target=feed, args=work, daemon=True).start()
    run(trainer, queue, stop)


if __name__ == "__main__":
    main()
