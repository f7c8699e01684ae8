"""Commands of the checkout send no usage data: dagster, benchmarks and training. The package has tests of its own."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef

from dedup_assets_tests.support.places import ROOT


def test_dagster_commands_in_the_checkout_send_no_usage_data(tmp_path: Path) -> None:
    """Without DAGSTER_HOME they read the dagster.yaml of the folder that they start in."""
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(tmp_path), config_dir=str(ROOT))) as instance:
        assert not instance.telemetry_enabled


@pytest.mark.parametrize("folder", ["benchmarks", "training"])
def test_onnxruntime_is_told_to_send_nothing_before_it_is_imported(folder: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    code = f"import os, sys, {folder}; print(os.environ['ORT_DISABLE_TELEMETRY'], 'onnxruntime' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["1", "False"]
