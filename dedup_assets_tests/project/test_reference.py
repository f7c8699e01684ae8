"""docs/reference.md is complete and true: its tables are compared with the code and with the files of a run."""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dedup_assets
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.work_dir import fastdup_files
from dedup_assets.pipeline.jobs import ASSETS_OF_MODE
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.places import ROOT

PACKAGE = Path(dedup_assets.__file__).parent
REFERENCE = (ROOT / "docs" / "reference.md").read_text("utf-8")
VARYING = r"\b(?:RANGE|KEY|DIGEST|FINGERPRINT)\b"  # parts of file names that differ from run to run


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "reference.py"))


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a run on a Python list of images in two sets, one damaged, and of a test set scored against them."""
    folder = tmp_path_factory.mktemp("reference")
    pictures = [save_jpeg(folder / "photos" / f"{seed}.jpg", photo_like(seed)) for seed in (1, 2)]
    (folder / "photos" / "damaged.jpg").write_bytes(b"no picture")
    listed = [*map(str, pictures), str(folder / "photos" / "damaged.jpg")]
    sets = {"train": listed[:1], "test": listed[1:]}
    assert dedup_assets.run(listed, str(folder / "out"), sets=sets) == 0
    assert dedup_assets.run(listed[1:], str(folder / "out"), run_mode=3) == 0
    return folder / "out"


def rows_of(heading: str) -> Iterator[list[str]]:
    """The cells of the rows in the tables of a section."""
    section = REFERENCE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def files_of_the_reference() -> dict[str, list[str]]:
    """File names with their columns; a varying part of a name is one of its words in capitals."""
    return {name: names_in(columns) for names, columns, _ in rows_of("Files") for name in names_in(names)}


def documented(name: str) -> str | None:
    """The entry of the reference for a file of a work_dir."""
    name = name.removeprefix("test/")
    for entry in files_of_the_reference():
        if re.fullmatch(re.sub(VARYING, "[^/.]+", re.escape(entry)), name.replace(".open.parquet", ".parquet")):
            return entry
    return None


def columns_in(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        return list(pl.read_parquet_schema(path))
    return path.read_text("utf-8").splitlines()[0].split(",") if path.suffix == ".csv" else []


def test_generated_tables_are_up_to_date(generator: dict[str, Any]) -> None:
    assert generator["filled"](REFERENCE) == REFERENCE, "run ./dev docs (python docs/reference.py)"


def test_every_setting_is_a_row_of_the_parameters() -> None:
    assert [names_in(name)[0] for name, *_ in rows_of("Parameters")] == list(Settings.model_fields)


def test_every_run_mode_is_described() -> None:
    section = REFERENCE.split("\n## Run modes\n")[1].split("\n## ")[0]
    assert [int(mode) for mode in re.findall(r"^- \*\*(\d)\*\* ", section, re.MULTILINE)] == list(ASSETS_OF_MODE)


def test_every_error_code_is_described() -> None:
    assert [names_in(code)[0] for code, _ in rows_of("Error codes")] == [code.value for code in ErrorCode]


def test_every_file_of_a_run_is_described(work_dir: Path) -> None:
    files = [str(path.relative_to(work_dir)) for path in work_dir.rglob("*") if path.is_file()]
    pages = set(names_in(next(meaning for name, _, meaning in rows_of("Files") if "gallery" in name)))
    unknown = [name for name in files if not documented(name) and name.removeprefix("test/") not in pages]
    assert [name for name in unknown if "/files-" not in name] == []


def test_every_described_file_has_the_columns_that_are_described(work_dir: Path) -> None:
    described = files_of_the_reference()
    found = {}
    for path in work_dir.rglob("*"):
        if path.is_file() and (entry := documented(str(path.relative_to(work_dir)))):
            found[entry] = columns_in(path)
    with_columns = {name: columns for name, columns in described.items() if columns}
    assert {name: columns for name, columns in found.items() if columns} == with_columns
    hidden = {name for name in described if name.startswith(".") or name == "test/"}
    assert set(described) - hidden == set(found) - hidden


def test_every_name_of_fastdup_that_is_read_is_described() -> None:
    known = {value for name, value in vars(fastdup_files).items() if name.isupper()}
    assert {name for name in known if f"`{name}`" not in REFERENCE} == set()


def test_every_environment_variable_of_the_package_is_described() -> None:
    read = {name for path in PACKAGE.rglob("*.py") for name in re.findall(r"\bDEDUP_[A-Z_]+", path.read_text("utf-8"))}
    assert {names_in(name)[0] for name, _ in rows_of("Environment variables")} >= read


def test_what_the_package_cites_is_in_the_documents() -> None:
    missing = set()
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text("utf-8")
        assert "RUN.md" not in source, path  # fastdup's document is elsewhere
        for name, heading in re.findall(r'docs/(\w+\.md)(?:, "([^"]+)")?', source):
            document = ROOT / "docs" / name
            text = document.read_text("utf-8") if document.exists() else ""
            if not text or (heading and not re.search(rf"^#+ {re.escape(heading)}$", text, re.MULTILINE)):
                missing.add(f"{path.relative_to(PACKAGE)}: docs/{name} {heading}")
    assert missing == set()
