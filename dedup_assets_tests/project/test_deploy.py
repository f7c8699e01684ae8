"""deploy/: the files of a cluster, checked without a cluster. test_scale_out.py runs the Celery profile itself."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.instance.config import dagster_instance_config

from dedup_assets_tests.support.places import ROOT

DEPLOY = ROOT / "deploy"
INSTANCES = {"celery": DEPLOY / "dagster.yaml", "kubernetes": DEPLOY / "kubernetes" / "dagster.yaml"}
KUBERNETES = "1.31"
MANIFESTS = [
    pytest.param(document, id=f"{document['kind']} {document['metadata']['name']}")
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
    if document.get("kind") not in {None, "Kustomization"}
]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def variables(path: Path) -> set[str]:
    """Environment variables that a file reads."""
    return set(re.findall(r"\{env: (\w+)\}", path.read_text()))


@pytest.mark.parametrize("profile", INSTANCES)
def test_dagster_takes_the_instance_and_its_launcher_takes_its_options(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in variables(INSTANCES[profile]):
        monkeypatch.setenv(name, "5432")
    (tmp_path / "dagster.yaml").write_bytes(INSTANCES[profile].read_bytes())
    config, _ = dagster_instance_config(str(tmp_path))
    launcher = config["run_launcher"]
    found = getattr(import_module(launcher["module"]), launcher["class"])
    checked = process_config(resolve_to_config_type(found.config_type()), launcher["config"])
    assert checked.success, checked.errors


def test_both_profiles_differ_in_what_launches_runs_and_how_long_that_may_take() -> None:
    celery, kubernetes = (read(path) for path in INSTANCES.values())
    assert celery.keys() == kubernetes.keys()
    differing = {name for name in celery if celery[name] != kubernetes[name]}
    assert differing == {"run_launcher", "run_monitoring", "concurrency"}
    assert (DEPLOY / "workspace.yaml").read_text() == (DEPLOY / "kubernetes" / "workspace.yaml").read_text()


def test_every_variable_that_a_process_reads_is_set_for_it() -> None:
    needed = variables(INSTANCES["celery"]) | variables(DEPLOY / "workspace.yaml")
    assert needed <= read(DEPLOY / "compose.yaml")["x-ours"]["environment"].keys()


def test_every_service_is_watched_and_of_a_version() -> None:
    compose = read(DEPLOY / "compose.yaml")
    for name, service in compose["services"].items():
        if name not in {"webserver", "minio"}:  # the image has the webserver's check; minio is only to try with
            assert "healthcheck" in service, name
        if not service["image"].startswith("dedup-assets:"):
            assert re.search(r":\S*\d", service["image"]), name


def test_the_image_is_small_pinned_and_not_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base) for base in bases)
    assert "USER 10001" in lines
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    copied = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    assert all((DEPLOY.parent / word).exists() for word in copied)


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_kubernetes_knows_every_field(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_kubernetes_runs_our_processes_as_their_user_with_the_named_instance() -> None:
    kustomization = read(DEPLOY / "kubernetes" / "kustomization.yaml")
    (instance,) = kustomization["configMapGenerator"]
    launcher = read(INSTANCES["kubernetes"])["run_launcher"]["config"]
    assert launcher["instance_config_map"] == instance["name"]
    assert launcher["job_namespace"] == kustomization["namespace"]
    assert {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")} == {
        *kustomization["resources"], *instance["files"], "kustomization.yaml",
    }  # fmt: skip
    image = kustomization["images"][0]
    assert f'"{image["newName"]}:{image["newTag"]}"' in (DEPLOY / "kubernetes" / "code.yaml").read_text()
