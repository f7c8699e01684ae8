"""The asset of named sets. Each code location has it, because the config of a run may name sets.

It compares nothing: groups and evidence say which images are one picture, `engine.sets` says what follows for sets.
"""

import dagster as dg

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.records import Manifest
from dedup_assets.engine.core.set_records import Leaks
from dedup_assets.engine.core.set_tables import NO_LEAKS
from dedup_assets.pipeline import match_metadata, versions
from dedup_assets.pipeline.contracts import asset
from dedup_assets.pipeline.resources import SettingsResource
from dedup_assets.pipeline.set_results import leaks_between, unread_of


@asset(kinds={"csv", "parquet"})
def leaks(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    image_manifest: Manifest,
    evidence: Evidence,
    groups: Groups,
) -> Leaks:
    """Images that are in more than one of the named sets: as a file, a link, or a copy by the evidence.

    `leaks.csv` has the pairs, `leak_matrix.csv` the counts for each two sets, `split_fix.csv` what to take out. A run
    without sets has nothing to look for, and takes away the files of an earlier one, which tell of other groups.
    """
    parsed = settings.parsed()
    asked = parsed.asked_sets
    found = leaks_between(asked, image_manifest, evidence, groups) if asked else NO_LEAKS
    versions.stamp(context, parsed)
    unread = unread_of(asked, image_manifest, settings.open_work_dir()) if asked else ""
    context.add_output_metadata(match_metadata.of_leaks(found, unread))
    return found
