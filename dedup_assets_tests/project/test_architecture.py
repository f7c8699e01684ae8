"""The architecture of docs/architecture.md: which ring and folder may import which, checked on the source."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import dedup_assets
from dedup_assets_tests.support.places import ROOT

PACKAGE = Path(dedup_assets.__file__).parent
MOST_LINES = 350

MAY_IMPORT: dict[str, set[str]] = {  # a folder of the engine, and the other folders that it may import
    "core": set(),
    "stores": {"core"},
    "workers": {"core", "stores"},
    "pictures": {"core"},
    "inputs": {"core", "stores", "workers"},
    "work_dir": {"core", "stores"},
    "graph": {"core"},
    "results": {"core"},
    "evidence": {"core"},
    "groups": {"core"},
    "sets": {"core"},
    "decoders": {"core", "stores", "workers", "pictures", "inputs", "evidence"},
    "neighbors": {"core", "workers", "work_dir"},
    "extraction": {"core", "stores", "workers", "pictures", "inputs", "decoders", "work_dir", "results"},
    "matching": {
        *(
            "core",
            "stores",
            "workers",
            "pictures",
            "inputs",
            "decoders",
            "extraction",
            "neighbors",
            "evidence",
            "groups",
            "work_dir",
        ),
    },
    "query": {
        *(
            "core",
            "stores",
            "workers",
            "inputs",
            "pictures",
            "decoders",
            "extraction",
            "neighbors",
            "matching",
            "work_dir",
        ),
    },
    "calibration": {
        *(
            "core",
            "stores",
            "workers",
            "pictures",
            "inputs",
            "decoders",
            "extraction",
            "neighbors",
            "work_dir",
            "query",
        ),
    },
    "gallery": {"core", "stores", "workers", "pictures", "inputs", "decoders", "extraction", "work_dir"},
    "exporting": {"core", "stores", "inputs", "work_dir"},
    "labels": {"core", "stores", "inputs"},
    "rewriting": {"core", "work_dir", "exporting"},
    "cleaning": {"core", "stores", "workers", "pictures", "inputs", "decoders", "groups", "work_dir"},
}
RINGS = ("engine", "pipeline", "api", "service", "cli")  # each imports itself and those before it
ADDRESSES = {  # what deployments and other code locations name; the code is in `pipeline`
    "definitions", "scale_out", "scoring", "building", "resources", "celery_launcher", "celery_worker",
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
    def ring(self) -> str:
        """The folder of the package that it is in; the name of the module itself at the top."""
        return self.name.split(".")[0]

    @property
    def folder(self) -> str:
        """The folder of the engine that it is in; empty outside the engine."""
        parts = self.name.split(".")
        return parts[1] if parts[0] == "engine" and len(parts) > 1 else ""

    def imports(self) -> tuple[str, ...]:
        """Absolute names of all that is imported, anywhere in the module, `from` imports with what they take."""
        return _imports(self.path)

    def own_imports(self) -> Iterator[str]:
        """Modules of this package that are imported, by their dotted name inside it."""
        for name in self.imports():
            if name.split(".")[0] == "dedup_assets":
                inside = name.removeprefix("dedup_assets").removeprefix(".")
                yield inside if inside in BY_NAME else inside.rpartition(".")[0]


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def _imports(path: Path) -> tuple[str, ...]:
    found: list[str] = []
    for node in ast.walk(_parse(path)):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(found)


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = [Module(_name(path), path) for path in sorted(PACKAGE.rglob("*.py"))]
BY_NAME = {module.name: module for module in MODULES}


def uses_dagster(module: Module) -> bool:
    return any(name.split(".")[0].startswith("dagster") for name in module.imports())


def test_the_package_is_found() -> None:
    assert {"", "api", "engine.inputs.listing", "engine.work_dir.files"} <= BY_NAME.keys()


def test_only_the_pipeline_imports_dagster() -> None:
    assert {module.ring for module in MODULES if uses_dagster(module)} == {"pipeline"}


def test_one_module_alone_imports_private_names_of_dagster() -> None:
    private = re.compile(r"dagster\w*(\.\w+)*\._")
    assert {module.name for module in MODULES if any(map(private.match, module.imports()))} == {
        "pipeline.dagster_internals"
    }


def test_one_module_alone_imports_onnxruntime_which_has_telemetry() -> None:
    importing = {
        module.name for module in MODULES if any(name.split(".")[0] == "onnxruntime" for name in module.imports())
    }
    assert importing == {"engine.extraction.onnx_runtime"}


def test_an_outer_ring_imports_inner_rings_and_never_the_other_way_round() -> None:
    offenders = {
        f"{module.name} -> {name}"
        for module in MODULES
        if module.ring in RINGS
        for name in module.own_imports()
        if BY_NAME[name].ring not in RINGS[: RINGS.index(module.ring) + 1]
    }
    assert offenders == set()


def test_at_the_top_are_only_public_addresses() -> None:
    assert {module.ring for module in MODULES} == {"", "__main__", *RINGS, *ADDRESSES}


def test_a_folder_of_the_engine_imports_only_folders_beneath_it() -> None:
    offenders = {
        f"{module.name} -> {name}"
        for module in MODULES
        if module.folder
        for name in module.own_imports()
        if BY_NAME[name].folder not in {module.folder, *MAY_IMPORT[module.folder]}
    }
    assert offenders == set()


def test_folders_of_the_engine_form_no_circle() -> None:
    assert {module.folder for module in MODULES if module.ring == "engine"} == {"", *MAY_IMPORT}
    beneath: set[str] = set()
    for folder, others in MAY_IMPORT.items():  # in an order in which each needs only what was named before
        assert others <= beneath, folder
        beneath.add(folder)


def test_the_document_says_what_each_folder_of_the_engine_may_import() -> None:
    document = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = document.split("\n## Folders of the engine\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*)\|", table, re.MULTILINE)
    assert {folder: set(re.findall(r"`(\w+)`", others)) for folder, others in rows} == MAY_IMPORT


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module.name: set(module.own_imports()) - {module.name} for module in MODULES}
    packages = {module.name for module in MODULES if module.path.name == "__init__.py"}
    # A package gathers names of its modules; these import one another directly.
    inside = {name: {other for other in others if other not in packages} for name, others in graph.items()}
    TopologicalSorter(inside).prepare()  # raises CycleError, which names the circle


def test_no_two_classes_have_one_name() -> None:
    names = [node.name for module in MODULES for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]
    assert {name for name in names if names.count(name) > 1} == set()


def test_nothing_decodes_but_what_runs_in_a_decoding_process() -> None:
    decoding = {
        "ResizablePicture",
        "decode",
        "decode_measured",
        "decode_resized",
        "image_size",
        "make_thumbnail",
        "resize",
    }
    able = {f"dedup_assets.engine.pictures.decoding.{name}" for name in decoding} | {
        "pi_heif",
        "simplejpeg",
        "deflate",
        "av",
        "tifffile",
        "rawpy",
        "imagecodecs",
    }
    allowed = {
        "engine.decoders.answering",
        "engine.decoders.editing",
        "engine.decoders.looking",
        "engine.decoders.origins",
        "engine.pictures.decoding",
        "engine.inputs.containers.moments",
        "engine.inputs.containers.videos",
        "cli.samples",
        "engine.pictures.measuring",
        "engine.pictures.edits",
        "engine.pictures.fineness",
        "engine.pictures.resizing",
        "engine.evidence.look",
        "engine.evidence.atlas",
        "engine.evidence.closer",
    }  # from the samples on: of pictures drawn here, or decoded there
    offenders = {
        module.name
        for module in MODULES
        if not module.name.startswith("engine.pictures.codecs")
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


def test_a_run_mode_is_never_compared_with_a_number() -> None:
    compared = [
        f"{module.name}: line {node.lineno}"
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute) and node.left.attr == "run_mode"
    ]
    assert compared == []


def test_pickle_is_read_nowhere() -> None:
    unsafe = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
    assert {module.name for module in MODULES if unsafe & {name.split(".")[0] for name in module.imports()}} == set()
    calls = re.compile(r"allow_pickle|read_pickle|\bnp\.load\(|torch\.load|yaml\.(unsafe_)?load\(|\beval\(|\bexec\(")
    assert [module.name for module in MODULES if calls.search(module.path.read_text("utf-8"))] == []


def test_names_of_tests_are_claims_of_at_most_80_characters() -> None:
    tests, definition = (
        (ROOT / "dedup_assets_tests").rglob("test_*.py"),
        re.compile(r"^ *(?:async )?def (test_\w+)", re.M),
    )
    named = {name for path in tests for name in definition.findall(path.read_text("utf-8"))}
    assert "test_names_of_tests_are_claims_of_at_most_80_characters" in named
    assert {name for name in named if len(name) > 80} == set()
