"""The rings, as docs and file names promise them: who may import whom, checked on the source."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import dedup_assets

PACKAGE = Path(dedup_assets.__file__).parent
MOST_LINES = 350

DAGSTER_RING = {
    "definitions", "assets", "asset_checks", "io_manager", "jobs", "partitions", "resources", "launch", "metadata",
    "scoring_assets", "scoring_checks", "sensors", "schedules", "scale_out_assets", "celery_launcher", "celery_worker",
    "building", "scale_out", "component", "versions",
}  # fmt: skip
VOCABULARY = {"settings", "setting_values", "engine.records", "engine.errors", "engine.redaction"}
STAGES = {
    "listing", "reading", "decoding", "codecs", "embedding", "neighbors", "graph", "ledger", "invariants", "report",
    "work_dir", "workers", "progress", "samples", "stores", "containers", "model_check", "uploads", "resizing",
}  # fmt: skip
ALSO_ALLOWED = {  # where bytes lie (stores, containers) is beneath whoever lists, reads or names them
    "decoding": {"codecs", "resizing"},
    "workers": {"stores"},
    "embedding": {"model_check"},
    "containers": {"stores", "workers"},
    "listing": {"stores", "containers", "workers"},
    "reading": {"stores", "containers"},
    "report": {"containers"},
    "work_dir": {"stores"},
    "uploads": {"stores", "containers"},
}
COMPOSERS = {
    "decoder", "isolation", "read_ahead", "extraction", "ranges", "searching", "gathering", "test_sets", "gallery",
    "kept_gallery", "thumbnails", "decoding_ahead",
}  # fmt: skip
HEAVY = ("dagster", "numpy", "faiss", "onnxruntime", "polars", "igraph", "PIL", "fsspec", "jinja2")


@dataclass(frozen=True)
class Module:
    """A module of the package: its dotted name inside it, and its source."""

    name: str
    path: Path

    @property
    def tree(self) -> ast.Module:
        return _parse(self.path)

    @property
    def stage(self) -> str:
        """What of the engine it belongs to; empty outside the engine."""
        parts = self.name.split(".")
        return parts[1] if parts[0] == "engine" and len(parts) > 1 else ""

    def imports(self) -> Iterator[str]:
        """Absolute names of all that is imported, anywhere in the module, `from` imports with what they take."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name}: relative import"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def own_imports(self) -> Iterator[str]:
        """Modules of this package that are imported, by their dotted name inside it."""
        for name in self.imports():
            if name.split(".")[0] == "dedup_assets":
                inside = name.removeprefix("dedup_assets").removeprefix(".")
                yield inside if inside in BY_NAME else inside.rpartition(".")[0]


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = [Module(_name(path), path) for path in sorted(PACKAGE.rglob("*.py"))]
BY_NAME = {module.name: module for module in MODULES}


def uses_dagster(module: Module) -> bool:
    return any(name.split(".")[0].startswith("dagster") for name in module.imports())


def test_the_package_is_found() -> None:
    assert {"", "api", "engine.listing", "engine.work_dir.files"} <= BY_NAME.keys()


def test_only_the_dagster_ring_imports_dagster() -> None:
    assert {module.name for module in MODULES if uses_dagster(module)} <= DAGSTER_RING


def test_the_engine_imports_nothing_outside_itself_but_the_settings() -> None:
    offenders = {
        f"{module.name} -> {name}"
        for module in MODULES
        if module.stage
        for name in module.own_imports()
        if not name.startswith("engine") and name not in VOCABULARY
    }
    assert offenders == set()


def test_a_stage_imports_only_the_vocabulary_and_itself() -> None:
    offenders = {
        f"{module.name} -> {name}"
        for module in MODULES
        if module.stage in STAGES
        for name in module.own_imports()
        if name not in VOCABULARY and BY_NAME[name].stage not in {module.stage, *ALSO_ALLOWED.get(module.stage, ())}
    }
    assert offenders == set()


def test_every_module_of_the_engine_is_vocabulary_a_stage_or_a_composer() -> None:
    known = STAGES | COMPOSERS | {"records", "errors", "redaction", "stores", ""}
    assert {module.name for module in MODULES if module.stage not in known} == set()


def test_the_vocabulary_imports_only_itself() -> None:
    for name in VOCABULARY:
        assert set(BY_NAME[name].own_imports()) <= VOCABULARY, name


def test_nothing_decodes_but_what_runs_in_a_decoding_process() -> None:
    decoding = {"decode", "decode_resized", "image_size", "make_thumbnail", "resize"}
    able = {f"dedup_assets.engine.decoding.{name}" for name in decoding} | {"pi_heif", "simplejpeg", "av"}
    allowed = {
        "engine.decoder",
        "engine.decoding",
        "engine.containers.videos",
        "engine.samples",
        "engine.resizing",
    }  # the last two: of pictures drawn here, or decoded there
    offenders = {
        module.name
        for module in MODULES
        if not module.name.startswith("engine.codecs")
        and any(name in able or name.split(".")[0] in able | {"PIL"} for name in module.imports())
    }
    assert offenders - allowed == set()


def test_importing_the_package_leaves_heavy_libraries_alone() -> None:
    code = f"import sys, dedup_assets; print([name for name in {HEAVY!r} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_annotations_are_not_postponed_where_dagster_reads_them() -> None:
    postponed = {
        module.name for module in MODULES if uses_dagster(module) and "__future__.annotations" in set(module.imports())
    }
    assert postponed == set()


def test_everything_public_has_a_docstring() -> None:
    silent = [
        f"{module.name}: {node.name}"
        for module in MODULES
        for parent in ast.walk(module.tree)
        if isinstance(parent, ast.Module | ast.ClassDef) and not getattr(parent, "name", "").startswith("_")
        for node in parent.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []
    assert [module.name for module in MODULES if not ast.get_docstring(module.tree)] == []


def test_modules_are_short_and_named_for_a_subject() -> None:
    lengths = {module.name: len(module.path.read_text("utf-8").splitlines()) for module in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}
    vague = {"utils", "helpers", "common", "base", "misc"}
    assert [name for name in lengths if name.rpartition(".")[2] in vague] == []


def test_pickle_is_read_nowhere() -> None:
    unsafe = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
    assert {module.name for module in MODULES if unsafe & {name.split(".")[0] for name in module.imports()}} == set()
    calls = re.compile(r"allow_pickle|read_pickle|\bnp\.load\(|torch\.load|yaml\.(unsafe_)?load\(|\beval\(|\bexec\(")
    assert [module.name for module in MODULES if calls.search(module.path.read_text("utf-8"))] == []
