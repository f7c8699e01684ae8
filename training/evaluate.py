"""Score models on folders of edited copies named GROUP_KIND.jpg; two files are a true pair where GROUP is the same.

    python -m training.evaluate --copies FOLDER... --models FILE.onnx... [--flat FOLDER...] [--pause-file FILE]

Prints for each model and folder, over all pairs among the ten nearest pictures of each: average precision (uAP), the
largest recall at a precision of 99.9 % and the cosine there, precision and recall at cosine 0.85. --speed adds
milliseconds per picture, on one thread, one picture at a time, models in turn. --flat counts pairs at 0.85 in folders
without copies (exact repeats are left out). --work writes features.dat and features.dat.csv for other scorers.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from training.pause import wait_while

NEIGHBOURS = 10
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
Vectors = NDArray[np.float32]


class Model:
    """An ONNX session on one thread that takes square uint8 pictures."""

    def __init__(self, path: Path) -> None:
        settings = ort.SessionOptions()
        settings.intra_op_num_threads = 1
        self.session = ort.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        self.name = path.name
        side = self.session.get_inputs()[0].shape[1]
        self.pixels = side if isinstance(side, int) else 224

    def __call__(self, picture: NDArray[np.uint8]) -> Vectors:
        """Embed one picture."""
        vector: Vectors = self.session.run(None, {"image": picture[None]})[0][0]
        return vector / np.linalg.norm(vector)


class Score(NamedTuple):
    """The figures of one model on one folder."""

    uap: float
    recall_999: float
    cosine_999: float
    precision_85: float
    recall_85: float
    unrelated: float


def read(path: Path, pixels: int) -> NDArray[np.uint8] | None:
    """A picture as the package hands it to the model (Pillow's antialiased bilinear); None if it cannot be read."""
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB").resize((pixels, pixels), Image.Resampling.BILINEAR)
    except OSError:
        return None
    return np.asarray(picture)


def embed(model: Model, files: list[Path], pause: Path | None) -> tuple[Vectors, list[Path]]:
    """Vectors of all readable files."""
    rows, names = [], []
    for path in files:
        wait_while(pause)
        if (picture := read(path, model.pixels)) is not None:
            rows.append(model(picture))
            names.append(path)
    return np.stack(rows), names


def neighbours(x: Vectors) -> tuple[NDArray[np.int64], NDArray[np.int64], Vectors]:
    """Each unordered pair among the nearest pictures of either one, highest cosine first: (m,) rows, rows, cosines."""
    best = min(NEIGHBOURS, len(x) - 1)
    pairs: dict[int, float] = {}
    for begin in range(0, len(x), 512):
        cosines = x[begin : begin + 512] @ x.T
        cosines[np.arange(len(cosines)), np.arange(begin, begin + len(cosines))] = -2
        near = np.argpartition(-cosines, best - 1, 1)[:, :best]
        for row, columns in enumerate(near):
            for column in columns:
                low, high = sorted((begin + row, int(column)))
                pairs[low * len(x) + high] = float(cosines[row, column])
    keys = np.array(list(pairs), np.int64)
    values = np.array(list(pairs.values()), np.float32)
    order = np.argsort(-values, kind="stable")
    return keys[order] // len(x), keys[order] % len(x), values[order]


def score(x: Vectors, groups: NDArray[np.int64]) -> Score:
    """The bars of the project."""
    sizes = np.bincount(groups)
    total = int((sizes * (sizes - 1) // 2).sum())
    a, b, cosine = neighbours(x)
    right = groups[a] == groups[b]
    precision, recall = np.cumsum(right) / np.arange(1, len(right) + 1), np.cumsum(right) / total
    good = np.flatnonzero(precision >= 0.999)
    last = int(good[-1]) if len(good) else 0
    cut = max(1, int((cosine >= 0.85).sum())) - 1
    i, j = np.random.default_rng(0).integers(0, len(x), (2, 20000))
    apart = groups[i] != groups[j]
    unrelated = float(np.median((x[i] * x[j]).sum(1)[apart]))
    uap = float((precision * right).sum() / total)
    return Score(uap, recall[last], float(cosine[last]), precision[cut], recall[cut], unrelated)


def kinds(x: Vectors, names: list[Path]) -> str:
    """Median cosine of each kind of copy to its original, and the lowest tenth."""
    originals = {p.stem.split("_")[0]: row for p, row in zip(names, x, strict=True) if p.stem.endswith("_orig")}
    found: dict[str, list[float]] = {}
    for path, row in zip(names, x, strict=True):
        group, kind = path.stem.split("_", 1)
        if kind != "orig":
            found.setdefault(kind, []).append(float(row @ originals[group]))
    return ", ".join(f"{k} {np.median(v):.3f} ({np.quantile(v, 0.1):.3f})" for k, v in sorted(found.items()))


def listing(folder: Path) -> list[Path]:
    """All pictures in a folder, sorted, each content once."""
    unique: dict[bytes, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            unique.setdefault(hashlib.sha1(path.read_bytes()).digest(), path)
    return sorted(unique.values())


def store(folder: Path, x: Vectors, names: list[Path]) -> None:
    """Write the vectors as the package stores them."""
    folder.mkdir(parents=True, exist_ok=True)
    x.astype("<f4").tofile(folder / "features.dat")
    with (folder / "features.dat.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("index", "filename"), *enumerate(map(str, names))])


def speed(models: list[Model], pause: Path | None, rounds: int = 300) -> dict[str, float]:
    """Median milliseconds per picture; the models take turns, so that other load slows all alike."""
    r = np.random.default_rng(0)
    times: dict[str, list[float]] = {model.name: [] for model in models}
    inputs = [r.integers(0, 256, (m.pixels, m.pixels, 3), np.uint8) for m in models]
    for _ in range(rounds):
        wait_while(pause)
        for model, picture in zip(models, inputs, strict=True):
            began = time.perf_counter()
            model(picture)
            times[model.name].append((time.perf_counter() - began) * 1000)
    return {name: float(np.median(values)) for name, values in times.items()}


def score_copies(model: Model, folder: Path, options: argparse.Namespace) -> str:
    """Print the row of a folder of copies; returns the line with the cosines by kind."""
    files = sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES)
    x, names = embed(model, files, options.pause_file)
    if options.work:
        store(options.work / folder.name, x, names)
    s = score(x, np.unique([p.name.split("_")[0] for p in names], return_inverse=True)[1])
    print(
        f"| {model.name} | {folder.name} | {s.uap:.4f} | {s.recall_999:.4f} | {s.cosine_999:.3f} "
        f"| {s.precision_85:.4f} | {s.recall_85:.4f} | {s.unrelated:.3f} |",
        flush=True,
    )
    return f"{model.name} {folder.name}: {kinds(x, names)}"


def count_flat(model: Model, folder: Path, options: argparse.Namespace) -> str:
    """Count the pairs at 0.85 in a folder without copies; returns the line to print."""
    x, names = embed(model, listing(folder), options.pause_file)
    pairs = int((neighbours(x)[2] >= 0.85).sum())
    return f"{model.name} {folder.name}: {len(names)} pictures, {pairs} pairs at 0.85"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--copies", type=Path, nargs="*", default=[])
    parser.add_argument("--flat", type=Path, nargs="*", default=[])
    parser.add_argument("--models", type=Path, nargs="+", required=True)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--speed", action="store_true", help="time the models, on a quiet machine")
    parser.add_argument("--pause-file", type=Path)
    options = parser.parse_args()
    models = [Model(path) for path in options.models]
    print("| model | set | uAP | recall@P99.9 | at | precision@0.85 | recall@0.85 | unrelated |")
    print("|---|---|---|---|---|---|---|---|")
    details = [score_copies(model, folder, options) for model in models for folder in options.copies]
    details += [count_flat(model, folder, options) for model in models for folder in options.flat]
    print("\n".join(["", "median cosine to the original (lowest tenth):", *details]))
    if options.speed:
        print("ms per picture:", {name: round(value, 2) for name, value in speed(models, options.pause_file).items()})


if __name__ == "__main__":
    main()
