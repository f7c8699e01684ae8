"""What a plan is made from, as the files of a work_dir have it."""

import os
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from dedup_assets.engine.cleaning.heeding import verdict_file_of
from dedup_assets.engine.cleaning.planning import Listed, PlanOptions, make_plan
from dedup_assets.engine.cleaning.returning import RemovedBefore
from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.plan_records import Plan
from dedup_assets.engine.core.root_roles import Roots
from dedup_assets.engine.stores import is_url, local_path
from dedup_assets.engine.work_dir import WorkDir, files, match_files
from dedup_assets.engine.work_dir.apply_journal import trash_of
from dedup_assets.engine.work_dir.identity import identity_of, read_config, run_command
from dedup_assets.engine.work_dir.manifest_file import MANIFEST, read_manifest
from dedup_assets.engine.work_dir.removed_file import read_removed

_GROUPS = "groups"
_MANIFEST = "image_manifest"


def plan_of(work_dir: WorkDir, options: PlanOptions) -> Plan:
    """Plan what happens to the copies that a run found.

    Raises:
        WorkDirError: a file of the run is missing or damaged.
        PlanError: nothing was compared, verdicts were added since, or the options do not fit the inputs.
    """
    groups, evidence = match_files.read_groups(work_dir), match_files.read_evidence(work_dir)
    if read_config(work_dir).result("evidence").settings.get("evidence") == "off":
        raise PlanError(
            f"work_dir={work_dir.url!r}: the run compared no pictures (evidence=off), so that there are no groups to "
            "plan from; run again without that setting"
        )
    _refuse_older_than_verdicts(work_dir)
    return plan_from(work_dir, groups, evidence, options)


def _refuse_older_than_verdicts(work_dir: WorkDir) -> None:
    """Refuse groups that do not know all verdicts: one of these may protect a file."""
    file, honoured = verdict_file_of(work_dir)
    if file.read().digest != honoured:
        raise PlanError(
            f"{file.path!r} has changed since the groups in work_dir={work_dir.url!r} were made: run again, so that "
            f"they honour all verdicts: {run_command(read_config(work_dir), work_dir.url)}"
        )


def plan_from(work_dir: WorkDir, groups: Groups, evidence: Evidence, options: PlanOptions) -> Plan:
    """As `plan_of`, from groups and evidence that were read already."""
    listed = _listed(work_dir)
    plan = make_plan(groups, evidence, listed, options, generation_of(work_dir), RemovedBefore(read_removed(work_dir)))
    return replace(plan, policy=str(read_config(work_dir).result(_GROUPS).settings.get("keep_policy", "")))


def generation_of(work_dir: WorkDir) -> str:
    """The identity of the groups in a work_dir, which a plan names; empty if there are none."""
    return identity_of(read_config(work_dir), _GROUPS)


def trashes_of(work_dir: WorkDir) -> list[str]:
    """The trash folders of all inputs of a run, and of the work_dir itself."""
    inputs = [os.fsdecode(name) for name in _inputs_of(work_dir)]
    buckets = ["/".join(name.split("/")[:3]) for name in inputs if "://" in name]
    own = os.path.abspath(work_dir.root) if work_dir.is_local else work_dir.url  # noqa: PTH100 - text of fsspec
    return [trash_of(root) for root in dict.fromkeys([*inputs, *buckets, own])]


def _listed(work_dir: WorkDir) -> Listed:
    roots = Roots.stored(read_config(work_dir).result(_GROUPS).settings)
    if not work_dir.exists(MANIFEST):  # the features came from elsewhere
        return Listed(files.read_features(work_dir).names, (), (), (), roots)
    manifest = read_manifest(work_dir)
    images = manifest.images
    contained = images.filter(pl.col("container").is_not_null())["filename"] if "container" in images.columns else ()
    linked = () if manifest.links is None else set(manifest.links["same_as"])
    return Listed(images["filename"], set(contained), linked, _inputs_of(work_dir), roots)


def _inputs_of(work_dir: WorkDir) -> Sequence[bytes]:
    """The folders and prefixes that the run listed."""
    given = read_config(work_dir).result(_MANIFEST).settings.get("input_dir", [])
    found = []
    for each in given if isinstance(given, list) else [given]:
        name = os.fsencode(each)
        path = local_path(name)
        if path is None and is_url(name):
            found.append(name.rstrip(b"/"))
        elif path is not None and os.path.isdir(path):  # noqa: PTH112 - a Path of bytes does not exist
            found.append(path)
    return found
