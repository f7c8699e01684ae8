"""Limits of data quality warn or stop the run, from Python, the command line and Dagster."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import dedup_assets
from dedup_assets.pipeline.building import build_definitions
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

TOO_STRICT = [
    ("features", "few_images_are_bad", {"max_bad_share": 0.1}, "1 of 4 images cannot be used, a share of 0.250"),
    ("components", "duplicates_are_not_the_rule", {"max_duplicate_share": 0.1}, "images repeat another"),
]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two photographs, a copy of one of them, and a broken file."""
    for name, seed in (("a.jpg", 1), ("b.jpg", 2), ("copy of a.jpg", 1)):
        save_jpeg(tmp_path / "photos" / name, photo_like(seed))
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    return tmp_path / "photos"


@pytest.mark.parametrize(("asset", "check", "limits", "said"), TOO_STRICT)
def test_beyond_a_limit_a_run_warns_and_goes_on_or_stops_before_what_follows(
    photos: Path, tmp_path: Path, asset: str, check: str, limits: dict[str, float], said: str
) -> None:
    for stops in (False, True):
        work_dir = tmp_path / f"out {stops}"
        job = build_definitions(str(photos), str(work_dir)).resolve_job_def("dedup")
        settings: dict[str, Any] = {"max_bad_share": 1.0, **limits, "stop_on_failed_checks": stops}
        config = {
            "resources": {"settings": {"config": settings}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        }
        result = job.execute_in_process(run_config=config, raise_on_error=False)
        (failed,) = [found for found in result.get_asset_check_evaluations() if not found.passed]
        assert (failed.asset_key, failed.check_name) == (dg.AssetKey(asset), check)
        assert said in str(failed.description)
        assert failed.severity is (dg.AssetCheckSeverity.ERROR if stops else dg.AssetCheckSeverity.WARN)
        assert result.success is not stops
        assert (work_dir / "gallery").exists() is not stops


def test_run_returns_1_and_says_which_limit_stopped_it(
    photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run(photos, tmp_path / "out", max_bad_share=0.1) == 0
    assert "warning: features: few_images_are_bad: 1 of 4" in capfd.readouterr().out
    assert dedup_assets.run(photos, tmp_path / "out", max_bad_share=0.1, stop_on_failed_checks=True) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line == (
        "dedup-assets: stopped, because a check failed: features: few_images_are_bad: "
        "1 of 4 images cannot be used, a share of 0.250: more than max_bad_share=0.1"
    )
