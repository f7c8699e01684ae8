"""The documents: short enough, with links, commands and paths that there are, and examples that run as printed."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import dagster as dg
import pytest
import yaml
from dagster._cli import cli as dagster_cli
from dagster._cli.workspace.cli_target import WorkspaceOpts, workspace_opts_to_load_target

from dedup_assets.cli import main
from dedup_assets.definitions import defs
from dedup_assets.engine.core.keep_rules import keep_rules
from dedup_assets.engine.core.settings import Settings
from dedup_assets.pipeline.component import DedupComponent
from dedup_assets_tests.support.killing import Runner
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.places import ROOT

SKIPPED = {"node_modules", ".venv", "build", "dist"}
DOCUMENTS = [path for path in sorted(ROOT.rglob("*.md")) if not SKIPPED & set(path.relative_to(ROOT).parts)]
HOW_TO_ADD = "\n## How to add\n"


def headings(document: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a document."""
    lines = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def links(document: Path) -> Iterator[tuple[Path, str]]:
    """The files and anchors that relative links of a document lead to."""
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        if "://" not in target:
            name, _, anchor = target.partition("#")
            yield (document.parent / name if name else document), anchor


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_every_relative_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    found = list(links(document))
    assert [str(path) for path, _ in found if not path.exists()] == []
    assert [anchor for path, anchor in found if anchor and anchor not in headings(path)] == []


@pytest.mark.parametrize(("name", "most"), [("README.md", 150), ("CONTRIBUTING.md", 100)])
def test_a_document_for_newcomers_is_short(name: str, most: int) -> None:
    assert len((ROOT / name).read_text("utf-8").splitlines()) <= most


def test_ci_calls_only_commands_of_developers_and_all_of_them_are_documented() -> None:
    dev = (ROOT / "dev").read_text("utf-8")
    commands = set(re.findall(r"^  (\w+)\)", dev, re.MULTILINE))
    assert set(re.findall(r"\w+", dev.splitlines()[2].partition("./dev")[2])) == commands
    assert set(re.findall(r"^\./dev (\w+)", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)) == commands
    ci = [line for line in (ROOT / ".ci" / "run").read_text("utf-8").splitlines() if line.startswith("./")]
    assert {line.split()[1] for line in ci} <= commands
    assert all(line.startswith("./dev ") for line in ci)


def test_contributing_ends_with_how_to_add_things_and_names_paths_that_exist() -> None:
    _, found, last = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition(HOW_TO_ADD)
    assert found
    assert "\n## " not in last
    paths = [path for path in re.findall(r"`([\w./]+)`", last) if "/" in path and not path.startswith("./")]
    assert len(paths) > 5
    assert [path for path in paths if not any((base / path).exists() for base in (ROOT, ROOT / "dedup_assets"))] == []


def test_classes_that_the_architecture_names_exist() -> None:
    named = set(re.findall(r"`([A-Z]\w+)(?:\.\w+)?`", (ROOT / "docs" / "architecture.md").read_text("utf-8")))
    sources = (path.read_text("utf-8") for path in (ROOT / "dedup_assets").rglob("*.py"))
    classes = {name for source in sources for name in re.findall(r"^class (\w+)", source, re.MULTILINE)}
    assert {name for name in named if not name.isupper() and "_" not in name} - classes == set()


def blocks(language: str) -> dict[str, str]:
    """Code blocks of the README and of docs, by document and line."""
    found = {}
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = document.read_text("utf-8")
        for block in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, block.start()) + 1
            found[f"{document.relative_to(ROOT)}:{line}"] = block[1]
    return found


def commands() -> Iterator[str]:
    """All commands in code blocks and between backticks that begin with the name of a command line of Python."""
    for text in (*blocks("python").values(), *blocks("yaml").values()):
        yield from re.findall(r"^# [\w.]+: ((?:dedup-assets|dagster) .+)$", text, re.MULTILINE)
    for text in (*blocks("bash").values(), *blocks("console").values()):
        for line in re.sub(r"\\\n\s*", "", text).splitlines():
            yield from (part.strip().removeprefix("$ ") for part in line.partition("  #")[0].split("&&"))
    for document in DOCUMENTS:
        yield from re.findall(r"`((?:dedup-assets|dagster) [^`]+)`", document.read_text("utf-8").replace("\n", " "))


COMMANDS = sorted({line for line in commands() if re.match(r"(dedup-assets|dagster) [a-z]", line)})
(WORKSPACE,) = (text for text in blocks("yaml").values() if "load_from:" in text)
LOCATIONS = {name: text for name, text in blocks("python").items() if re.search(r"^defs = ", text, re.MULTILINE)}
SCRIPTS = {name: text for name, text in blocks("python").items() if name not in LOCATIONS}


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_documents_parses(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.yaml").write_text("{}")
    (tmp_path / "workspace.yaml").write_text(WORKSPACE)
    for file in re.findall(r"\b\w+\.py\b", f"{line} {WORKSPACE}"):
        (tmp_path / file).touch()
    name, *words = shlex.split(line)
    command: click.Command = {"dedup-assets": main, "dagster": dagster_cli}[name]
    while isinstance(command, click.Group):
        name, words = words[0], words[1:]
        found = command.commands.get(name)
        assert found is not None, f"{name} of {line}"
        command = found
    with suppress(click.exceptions.Exit):  # after help
        given = command.make_context(name, words or ["--help"]).params  # without arguments: a sentence names it
        if "workspace" in given:  # Dagster's commands look later whether their options fit together
            workspace_opts_to_load_target(WorkspaceOpts.extract_from_cli_options(given))


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_every_script_of_the_documents_runs(text: str, command_line: Runner, tmp_path: Path) -> None:
    for place in ("photos", "data/train", "data/test"):
        for number in range(3):
            save_jpeg(tmp_path / place / f"{number}.jpg", photo_like(number))
    done = command_line.script(text, tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")


def lines_for_switchers() -> Iterator[str]:
    """The lines of Python in the right columns of docs/switching.md, in their order, but for what names a past run."""
    table = re.findall(r"^\| .*\| (.*) \|$", (ROOT / "docs" / "switching.md").read_text("utf-8"), re.MULTILINE)
    for line in (span for cell in table for span in re.findall(r"`([^`]+)`", cell)):
        if re.match(r"(names, vectors = |found\b|split\b|dedup_assets\.)", line) and "RUN" not in line:
            yield line


def test_every_line_for_those_who_switch_runs_after_those_above_it(command_line: Runner, tmp_path: Path) -> None:
    for place in ("photos", "data/train", "data/test", "."):
        for number, name in enumerate("abc"):
            save_jpeg(tmp_path / place / f"{name}.jpg", photo_like(number))
    lines = list(lines_for_switchers())
    assert len(lines) > 25
    done = command_line.script("\n".join(["import dedup_assets", *lines]), tmp_path)
    assert (done.exit_code, done.stderr) == (0, ""), done.said


def test_code_locations_of_the_documents_are_valid_as_printed(tmp_path: Path) -> None:
    assert len(LOCATIONS) > 1
    files = []
    for number, text in enumerate(LOCATIONS.values()):
        (tmp_path / f"location{number}.py").write_text(text)
        files += ["-f", f"location{number}.py"]
    command = [sys.executable, "-m", "dagster", "definitions", "validate", *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_run_config_of_the_readme_is_that_of_the_job() -> None:
    (config,) = (text for name, text in blocks("yaml").items() if name.startswith("README"))
    assert dg.validate_run_config(defs.resolve_job_def("dedup"), yaml.safe_load(config))


def test_the_printed_second_location_shares_no_key_job_or_sensor() -> None:
    (text,) = (text for text in LOCATIONS.values() if "scale_out=True" in text)
    module: dict[str, dg.Definitions] = {}
    exec(text, module)  # noqa: S102 - of our own documents
    both = [defs, module["defs"]]
    keys, names = (
        [{str(each) for each in found} for found in parts]
        for parts in (
            [each.resolve_all_asset_keys() for each in both],
            [[*(job.name for job in each.jobs or ()), *(one.name for one in each.sensors or ())] for each in both],
        )
    )
    assert min(map(len, (*keys, *names))) > 1
    assert keys[0] & keys[1] == set()
    assert names[0] & names[1] == set()


def test_the_component_of_the_documents_has_settings_that_there_are() -> None:
    (text,) = (text for text in blocks("yaml").values() if "DedupComponent" in text)
    printed = yaml.safe_load(text)
    assert printed["type"] == f"{DedupComponent.__module__.partition('.')[0]}.{DedupComponent.__name__}"
    component = DedupComponent.model_validate(printed["attributes"])
    assert component.key_prefix == ["shop", "photos"]


def test_the_keep_policy_of_the_documents_is_one(tmp_path: Path) -> None:
    (text,) = (text for text in blocks("yaml").values() if text.startswith("- path:"))
    (tmp_path / "policy.yaml").write_text(text)
    settings = Settings.parse(keep_policy=str(tmp_path / "policy.yaml"))
    assert keep_rules(settings.keep_policy)[:3] == ("path=^originals/", "uncropped", "pixels")


def test_every_yaml_block_of_the_documents_is_tried_by_a_test_here() -> None:
    assert len(blocks("yaml")) == 4
