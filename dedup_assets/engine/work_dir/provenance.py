"""What was made from what, and how: noted in config.json, so that results of different runs are never mixed unseen.

Each result (a set of files that one asset makes) is identified by the hash of its files: whoever makes the same again
changes nothing, and what was made from it still belongs to it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.setting_values import short_inputs
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.writing import Content

RESULTS = "results"
_MOST_FILES = 8  # of a set that are named one by one
# Lists may be renewed without a change to vectors; and what is bad is asked of the ledger by its own check.
_LOOSE = {"image_manifest", "bad_images"}


def describe(
    written: Mapping[str, Content], made_from: Mapping[str, str], settings: Mapping[str, object]
) -> dict[str, Any]:
    """The note of one result.

    Args:
        written: its files.
        made_from: identities of what it was made from, by name; unknown ones are left out.
        settings: with which it was made; those that matter to it.
    """
    files = {name: {"size_bytes": content.size_bytes, "sha256": content.sha256} for name, content in written.items()}
    if len(files) > _MOST_FILES:
        total = sum(content.size_bytes for content in written.values())
        files = {f"{len(files)} files": {"size_bytes": total, "sha256": _digest(files)}}
    known = {name: identity for name, identity in made_from.items() if identity}
    return {"files": files, "made_from": known, "settings": dict(settings)}


def identity(work_dir: WorkDir, config: Mapping[str, Any], result: str) -> str:
    """What identifies the files of a result that stand here; empty where nothing was noted about them."""
    files = config.get(RESULTS, {}).get(result, {}).get("files")
    if not files:
        return ""
    changed = any(work_dir.size_if_any(name) not in (None, facts["size_bytes"]) for name, facts in files.items())
    return _digest(files) + ("-changed" if changed else "")


def check_belongs(work_dir: WorkDir, config: Mapping[str, Any], result: str) -> None:
    """See that a result was made from what stands beside it.

    Raises:
        WorkDirError: it was made from something else; says what, and what to do.
    """
    noted = config.get(RESULTS, {}).get(result, {})
    for source, then in noted.get("made_from", {}).items():
        now = identity(work_dir, config, source)
        if now and now != then and not _LOOSE & {source, result}:
            raise WorkDirError(
                f"{_named(noted)} in work_dir={work_dir.url!r} was made from another {source} ({then[:12]}) than the "
                f"one there now ({now[:12]}); make {result} again: the asset, or run_mode=2 for all that follows the "
                "features"
            )


def changed_settings(config: Mapping[str, Any], result: str, settings: Mapping[str, object]) -> Iterator[str]:
    """Settings that a result was made with and that are others now, in words."""
    noted = config.get(RESULTS, {}).get(result, {})
    for name, then in noted.get("settings", {}).items():
        if name in settings and settings[name] != then:
            yield f"{_named(noted)} was made with {name}={then!r}; the settings say {settings[name]!r}"


def replaced(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """What a run has put in the place of something else, in words: another input, another model.

    Args:
        before: config.json as it stood before the run; may be empty.
        after: as it stands now.
    """
    inputs = [_input_of(config) for config in (before, after)]
    if all(inputs) and inputs[0] != inputs[1]:
        then, now = map(short_inputs, inputs)
        yield f"work_dir held the results of input_dir={then}; those of {now} have taken their place"
    models = [config.get("features", {}).get("model_sha256", "") for config in (before, after)]
    if all(models) and models[0] != models[1]:
        yield f"the features were of model {models[0][:12]}; those of model {models[1][:12]} have taken their place"


def _input_of(config: Mapping[str, Any]) -> object:
    return config.get(RESULTS, {}).get("image_manifest", {}).get("settings", {}).get("input_dir", "")


def _named(noted: Mapping[str, Any]) -> str:
    return " and ".join(noted.get("files", {})) or "a result"


def _digest(files: Mapping[str, Mapping[str, object]]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
