"""What `plan` and a dry `apply` print of the files that go."""

from pathlib import Path

from dedup_assets_tests.support.killing import Runner
from dedup_assets_tests.support.plans import save_copies, save_results


def test_plan_and_a_dry_apply_name_each_file_that_goes_and_what_stays(command_line: Runner, tmp_path: Path) -> None:
    groups = {"2019/a.jpg": ["backup/a.jpg", "backup/[b]\n\udcff.jpg"], "2020/c.jpg": ["backup/c.jpg"]}
    save_copies(tmp_path / "photos", groups)
    for name in ("a", "c"):
        (tmp_path / "photos" / "backup" / f"{name}.txt").write_text("a note")
        (tmp_path / "photos" / f"{2019 if name == 'a' else 2020}" / f"{name}.txt").write_text("a note")
    save_results(tmp_path / "results", tmp_path / "photos", groups)
    for command in ("plan", "apply"):
        outcome = command_line.run(command, str(tmp_path / "results"))
        assert outcome.exit_code == 0, outcome.said
        lines = outcome.stdout.splitlines()
        listed = [line for line in lines if " -> stays: " in line]
        assert listed == [
            r"backup/[b]\n\xff.jpg -> stays: 2019/a.jpg (same bytes)",
            "backup/a.txt -> stays: 2019/a.jpg (goes with its image)",
            "backup/a.jpg -> stays: 2019/a.jpg (same bytes)",
            "backup/c.txt -> stays: 2020/c.jpg (goes with its image)",
            "backup/c.jpg -> stays: 2020/c.jpg (same bytes)",
        ]
        assert "largest groups" not in outcome.stdout
        assert " more; " not in outcome.stdout


def test_of_a_long_plan_the_first_twenty_files_are_named_and_where_all_are(
    command_line: Runner, tmp_path: Path
) -> None:
    groups = {"a.jpg": [f"x/{number:02}.jpg" for number in range(22)]}
    save_copies(tmp_path / "photos", groups)
    save_results(tmp_path / "results", tmp_path / "photos", groups)
    for line in (["plan", str(tmp_path / "results"), "--out", str(tmp_path / "mine.jsonl")], ["apply", "mine.jsonl"]):
        line[1] = str(tmp_path / line[1])
        outcome = command_line.run(*line)
        assert outcome.exit_code == 0, outcome.said
        listed = [each for each in outcome.stdout.splitlines() if " -> stays: " in each]
        assert listed == [f"x/{number:02}.jpg -> stays: a.jpg (same bytes)" for number in range(20)]
        assert f"... and 2 more; all of them: {tmp_path}/mine.jsonl\n" in outcome.stdout
        assert "largest groups" in outcome.stdout
