"""onnxruntime is loaded with its telemetry off, and two installed builds of it are reported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dedup_assets.engine.core.errors import ModelError
from dedup_assets.engine.extraction.onnx_runtime import check_one_build


def test_threads_that_load_it_at_the_same_moment_all_get_the_whole_library() -> None:
    code = (
        "import os, threading; from concurrent.futures import ThreadPoolExecutor\n"
        "from dedup_assets.engine.extraction.onnx_runtime import load_onnxruntime\n"
        "before, together = dict(os.environ), threading.Barrier(8)\n"
        "def load(_):\n"
        "    together.wait()\n"
        "    return load_onnxruntime().get_available_providers()\n"
        "with ThreadPoolExecutor(8) as pool: found = list(pool.map(load, range(8)))\n"
        "print(found == [found[0]] * 8, dict(os.environ) == before)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert (done.stdout, done.stderr) == ("True True\n", "")


def test_a_model_runs_without_a_file_in_the_home_folder(tmp_path: Path) -> None:
    code = (
        "import os; from dedup_assets.engine.extraction.embedding import open_embedder; before = dict(os.environ); "
        "open_embedder('', 'cpu'); print(dict(os.environ) == before)"
    )
    environment = {name: value for name, value in os.environ.items() if name not in {"CI", "ORT_DISABLE_TELEMETRY"}}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert list(tmp_path.rglob("*")) == []


def test_two_builds_side_by_side_are_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_one_build()
    info = tmp_path / "onnxruntime_gpu-1.27.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime-gpu\nVersion: 1.27.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match=r"onnxruntime \S+ and onnxruntime-gpu 1\.27\.0 are both installed"):
        check_one_build()
