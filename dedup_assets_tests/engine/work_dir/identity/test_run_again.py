"""A message that asks for another run has the command of the last one."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import dedup_assets
from dedup_assets.cli.main import main
from dedup_assets.engine.cleaning import PlanOptions, plan_of
from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.identity import Config, run_command
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"input_dir": "my photos"}, "dedup-assets run 'my photos' out"),
        ({"input_dir": ["a", "b.zip"], "threshold": 0.9}, "dedup-assets run a b.zip out --threshold 0.9"),
        ({"input_dir": [str(number) for number in range(9)]}, "dedup-assets run INPUT out"),
        (
            {"input_dir": [], "sets": ["train=a", "test=b"], "across_only": True, "max_leaks": 0},
            "dedup-assets run out --across-only --sets train=a --sets test=b",
        ),
        ({}, "dedup-assets run out"),
    ],
)
def test_a_command_has_inputs_and_settings_that_are_no_defaults(settings: dict[str, object], said: str) -> None:
    found = run_command(Config(settings=settings), "out")
    assert sorted(shlex.split(found)) == sorted(shlex.split(said))


def test_a_plan_after_a_verdict_names_a_command_that_makes_it_possible(tmp_path: Path) -> None:
    save_jpeg(tmp_path / "my photos" / "a.jpg", photo_like(1))
    (tmp_path / "my photos" / "b.jpg").write_bytes((tmp_path / "my photos" / "a.jpg").read_bytes())
    assert dedup_assets.run(tmp_path / "my photos", tmp_path / "out", threshold=0.9, include=["*.jpg"]) == 0
    kept = str(tmp_path / "my photos" / "b.jpg")
    given = CliRunner().invoke(main, ["verdict", kept, "keep", "--work-dir", str(tmp_path / "out")])
    assert given.exit_code == 0, given.output
    with pytest.raises(PlanError, match="run again, so that they honour all verdicts: dedup-assets run") as refused:
        plan_of(WorkDir(str(tmp_path / "out")), PlanOptions())
    command = str(refused.value).rpartition("verdicts: dedup-assets ")[2]
    assert CliRunner().invoke(main, shlex.split(command)).exit_code == 0
    assert len(plan_of(WorkDir(str(tmp_path / "out")), PlanOptions())) == 1
