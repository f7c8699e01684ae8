"""What named sets share, for the assets of groups and leaks and for the gallery, and which files of leaks a run has.

The gallery does not wait for the asset: a check of it fails where sets leak, and blocks what depends on it, while the
page of leaks is what a person then looks at.
"""

from collections.abc import Collection, Iterable

import polars as pl

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.records import Manifest
from dedup_assets.engine.core.set_names import AskedSets
from dedup_assets.engine.core.set_records import Leaks
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.inputs.link_ties import ties_between
from dedup_assets.engine.inputs.set_members import find_members
from dedup_assets.engine.sets import find_leaks, hold_apart
from dedup_assets.engine.work_dir import WorkDir, ledger_file
from dedup_assets.engine.work_dir.manifest_file import read_manifest
from dedup_assets.engine.work_dir.result_files import FILES_OF, files_of


def hold_sets_apart(asked: AskedSets, work_dir: WorkDir, groups: Groups) -> Groups:
    """The groups, with the copies that a set would lose for review. Raises DedupError as `find_members` does."""
    return hold_apart(groups, find_members(asked, read_manifest(work_dir))) if asked else groups


def unread_of(asked: AskedSets, manifest: Manifest, work_dir: WorkDir) -> str:
    """How many images of each set could not be used, so that they are in no comparison, in words; empty if none."""
    ledger = ledger_file.read_ledger_columns(work_dir, "filename", "error_code")
    bad = ledger.filter(pl.col("error_code").is_not_null())["filename"]
    members = find_members(asked, manifest).with_columns(bad=pl.col("image").is_in(bad.implode()))
    counts = members.group_by("set", maintain_order=True).agg(pl.col("bad").sum(), pl.len())
    return ", ".join(f"{count:,} of {size:,} {name} images" for name, count, size in counts.iter_rows() if count)


def leaks_between(asked: AskedSets, manifest: Manifest, evidence: Evidence, groups: Groups) -> Leaks:
    """What the sets of a run share. Raises DedupError as `find_members` does."""
    members = find_members(asked, manifest)
    evaluation = asked.evaluation_of(members["set"].unique(maintain_order=True).to_list())
    return find_leaks(members, evidence, groups, evaluation, ties_between(members, manifest))


def written_for(results: Iterable[str], settings: Settings) -> list[str]:
    """Names of the files that a run writes to make these results; without sets, none of leaks."""
    return files_of(name for name in results if name != "leaks" or settings.asked_sets)


def withdrawn_by(results: Collection[str], settings: Settings) -> tuple[str, ...]:
    """Files of leaks that an earlier run found, if a run with these results has no sets: they tell of other groups."""
    return FILES_OF["leaks"] if not settings.asked_sets and {"groups", "leaks"}.intersection(results) else ()
