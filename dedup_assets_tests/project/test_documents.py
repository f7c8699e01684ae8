"""The documents: short enough, with links that lead somewhere, and with the commands and paths that there are."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

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
