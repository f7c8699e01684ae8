"""RGB pictures to embedding vectors with an ONNX model.

A session has one intra-op thread and is called from several threads at once. On every machine tried that is faster than
one call with several threads, because the convolutions of one small picture do not split well.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ModelError
from dedup_assets.engine.extraction.onnx_check import NoModelError, read_model
from dedup_assets.engine.extraction.onnx_runtime import check_one_build, load_onnxruntime

_BUILT_IN = {
    "cpu": "copydetect576.onnx",  # int8, which onnxruntime has no kernels for on GPUs
    "gpu": "copydetect576_fp32.onnx",
}
_DYNAMIC_SIDE = 224  # px, for models that accept any size: what most embedding models were trained at
_RGB = 3
_NUMERIC = "fiu"  # numpy's kinds: float, integer, unsigned
_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
_IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32) * 255
_DTYPES: dict[str, type[np.generic]] = {
    "tensor(uint8)": np.uint8,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}


@dataclass(frozen=True)
class ModelInput:
    """The form in which a model takes pictures.

    Attributes:
        name: of the graph's input.
        layout: NHWC (as stored in memory) or NCHW.
        height: in pixels.
        width: in pixels.
        dtype: uint8 takes RGB as it is. Float NHWC takes 0 to 255 (as Keras models do), float NCHW takes values
            normalised with ImageNet's mean and standard deviation (as PyTorch models do).
        batch: pictures in one call if the graph fixes it; None if any number is possible.
    """

    name: str
    layout: Literal["NHWC", "NCHW"]
    height: int
    width: int
    dtype: type[np.generic]
    batch: int | None


class Embedder:
    """An ONNX image-embedding model, ready to be called from several threads.

    Args:
        model_path: an ONNX file; empty for the built-in model (576 values,
            L2-normalised; int8 on the CPU, fp32 on a GPU).
        compute: cpu, or gpu for onnxruntime's CUDAExecutionProvider; there is no fall-back from gpu to cpu.

    Raises:
        ModelError: the file is missing or no ONNX model, its input is not one batch of RGB pictures, its output is not
            one vector per picture, or the GPU was asked for and cannot be used.
    """

    def __init__(self, model_path: str = "", compute: Literal["cpu", "gpu"] = "cpu") -> None:
        content = _content(model_path, compute)
        self._label = repr(model_path) if model_path else "the built-in model"
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.compute = compute
        self._session = _session(content, compute, self._label)
        self.input = _input(self._session, self._label)

    @property
    def runtime_version(self) -> str:
        """Version of the onnxruntime that computes here."""
        return str(load_onnxruntime().__version__)

    @cached_property
    def dimension(self) -> int:
        """Values in one vector, from the embedding of a gray picture."""
        gray = np.full((self.input.height, self.input.width, _RGB), 128, np.uint8)
        return int(self.embed([gray]).shape[1])

    def embed(self, pictures: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed pictures that already have the model's size.

        Args:
            pictures: (height, width, 3) uint8 RGB each.

        Returns:
            (n, d) float32, row i for picture i, as the model gives it; from the built-in model L2-normalised.

        Raises:
            ModelError: the model fails, or gives something else than one vector per picture.
        """
        batch = self._arrange(np.asarray(pictures))
        step = self.input.batch or len(batch)
        parts = [self._call(batch[start : start + step], step) for start in range(0, len(batch), step)]
        return np.ascontiguousarray(np.concatenate(parts), dtype="<f4")

    def _call(self, batch: NDArray[Any], size: int) -> NDArray[Any]:
        """One call of the session; a fixed batch is padded with zeros, whose vectors are dropped."""
        given = len(batch)
        if given < size:
            batch = np.concatenate([batch, np.zeros((size - given, *batch.shape[1:]), batch.dtype)])
        try:
            output = np.asarray(self._session.run(None, {self.input.name: batch})[0])
        except Exception as error:  # noqa: BLE001 - onnxruntime's errors have no common base
            raise ModelError(f"{self._label} failed: {type(error).__name__}: {_first_line(error)}") from None
        if output.shape[:1] != (len(batch),) or output.dtype.kind not in _NUMERIC:
            raise ModelError(
                f"{self._label} must give one vector per picture, but its output for {len(batch)} pictures "
                f"is {output.dtype} of shape {output.shape}"
            )
        return output.reshape(len(output), -1)[:given]

    def _arrange(self, batch: NDArray[np.uint8]) -> NDArray[Any]:
        arranged: NDArray[Any] = batch
        if self.input.dtype is not np.uint8 and self.input.layout == "NCHW":
            arranged = (batch - _IMAGENET_MEAN) / _IMAGENET_STD
        if self.input.layout == "NCHW":
            arranged = arranged.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(arranged, dtype=self.input.dtype)


def open_embedder(model_path: str = "", compute: Literal["cpu", "gpu"] = "cpu") -> Embedder:
    """The last opened `Embedder` if it fits, else a new one, because a run asks several times.

    Raises:
        ModelError: as `Embedder`.
    """
    global _opened  # noqa: PLW0603 - one session, that of the run
    key = hashlib.sha256(_content(model_path, compute)).hexdigest(), model_path, compute
    if _opened is None or _opened[0] != key:
        _opened = key, Embedder(model_path, compute)
    return _opened[1]


_opened: tuple[tuple[str, str, str], Embedder] | None = None


def _content(model_path: str, compute: str) -> bytes:
    if not model_path:
        return resources.files("dedup_assets.engine.extraction").joinpath("models", _BUILT_IN[compute]).read_bytes()
    try:
        return read_model(Path(model_path))
    except NoModelError as error:
        raise ModelError(f"model_path={model_path!r} is not a usable ONNX model: {error}") from None
    except (OSError, ValueError) as error:  # ValueError: also a name that holds NUL
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"model_path={model_path!r}: {reason}; give an ONNX file, or leave it out") from None


def _session(content: bytes, compute: str, label: str) -> Any:  # noqa: ANN401 - onnxruntime is untyped
    onnxruntime = load_onnxruntime()
    if compute == "gpu":
        check_one_build()
    provider = {"cpu": "CPUExecutionProvider", "gpu": "CUDAExecutionProvider"}[compute]
    available = onnxruntime.get_available_providers()
    if provider not in available:
        raise ModelError(
            f"compute={compute!r}: onnxruntime has no {provider} here (it has {', '.join(available)}); "
            "on a machine with an NVIDIA GPU, pip uninstall onnxruntime and pip install onnxruntime-gpu; or use "
            "compute='cpu'"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its warnings go to stderr past Python; errors come as exceptions
    try:
        session = onnxruntime.InferenceSession(content, options, providers=[provider])
    except Exception as error:  # noqa: BLE001 - as above
        raise ModelError(f"{label} is not a usable ONNX model: {type(error).__name__}: {_first_line(error)}") from None
    if session.get_providers()[0] != provider:  # onnxruntime falls back to the CPU with no more than a log line
        raise ModelError(f"compute={compute!r}: {provider} could not be started; is the GPU's driver installed?")
    return session


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"


def _input(session: Any, label: str) -> ModelInput:  # noqa: ANN401 - onnxruntime is untyped
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in _DTYPES:  # noqa: PLR2004 - N, H, W, C
        shapes = ", ".join(f"{given.name}: {given.type} {given.shape}" for given in inputs)
        raise ModelError(f"{label} must have one input of rank 4 in uint8 or float, but it has {shapes or 'none'}")
    first = inputs[0]
    batch, *sides = first.shape
    if sides[2] == _RGB:
        layout, height, width = "NHWC", sides[0], sides[1]
    elif sides[0] == _RGB:
        layout, height, width = "NCHW", sides[1], sides[2]
    else:
        raise ModelError(f"{label} must take RGB pictures, NHWC or NCHW, but its input has shape {first.shape}")
    return ModelInput(
        name=first.name,
        layout="NHWC" if layout == "NHWC" else "NCHW",
        height=height if isinstance(height, int) else _DYNAMIC_SIDE,
        width=width if isinstance(width, int) else _DYNAMIC_SIDE,
        dtype=_DTYPES[first.type],
        batch=batch if isinstance(batch, int) else None,
    )
