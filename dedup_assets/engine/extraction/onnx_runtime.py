"""The only import of onnxruntime: without its telemetry, and with a clear error if two builds are installed.

Since 1.29 onnxruntime on Linux sends usage data, and writes a device id and a database below `~/.cache/Microsoft`,
unless `ORT_DISABLE_TELEMETRY` is set when the library is loaded; `disable_telemetry_events()` is too late (tried with
1.32). Code that runs a model calls `load_onnxruntime`; how a model is run belongs in `embedding`.
"""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from typing import Any

from dedup_assets.engine.core.errors import ModelError

_SWITCH = "ORT_DISABLE_TELEMETRY"
_loading = Lock()
_BUILDS = ("onnxruntime", "onnxruntime-gpu")


def load_onnxruntime() -> Any:  # noqa: ANN401 - onnxruntime is untyped
    """Import onnxruntime with its telemetry off.

    The environment is restored afterwards, because the library reads the variable only while it is loaded. If the host
    process imported onnxruntime earlier, its own choice stays.
    """
    with _loading:  # another thread must neither get half of the library nor restore the environment too early
        if "onnxruntime" not in sys.modules:
            before = os.environ.get(_SWITCH)
            os.environ[_SWITCH] = "1"
            try:
                import onnxruntime
            finally:
                if before is None:
                    del os.environ[_SWITCH]
                else:
                    os.environ[_SWITCH] = before
        import onnxruntime  # waits where the host process is importing it

        return onnxruntime


def check_one_build() -> None:
    """Refuse to use a GPU where two builds are installed: they share one folder, and the later one has overwritten it.

    Raises:
        ModelError: onnxruntime and onnxruntime-gpu are both installed.
    """
    found = [f"{name} {number}" for name in _BUILDS if (number := _version(name))]
    if len(found) > 1:
        raise ModelError(
            f"compute='gpu': {' and '.join(found)} are both installed and overwrite each other's files; "
            "pip uninstall onnxruntime onnxruntime-gpu, then pip install onnxruntime-gpu"
        )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
