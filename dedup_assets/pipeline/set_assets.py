"""The asset of named sets, which a code location has where its settings name sets.

It compares nothing: groups and evidence say which images are one picture, `engine.sets` says what follows for sets.
"""

import dagster as dg

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.records import Manifest
from dedup_assets.engine.core.set_names import evaluation_of
from dedup_assets.engine.core.set_records import Leaks
from dedup_assets.engine.inputs.set_members import find_members
from dedup_assets.engine.sets import find_leaks
from dedup_assets.pipeline import match_metadata, versions
from dedup_assets.pipeline.contracts import asset
from dedup_assets.pipeline.resources import SettingsResource


@asset(kinds={"csv", "parquet"})
def leaks(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    image_manifest: Manifest,
    evidence: Evidence,
    groups: Groups,
) -> Leaks:
    """Images that are in more than one of the named sets: as a file, a link, or a copy by the evidence.

    `leaks.csv` has the pairs, `leak_matrix.csv` the counts for each two sets, `split_fix.csv` what to take out.
    """
    parsed = settings.parsed()
    members = find_members(parsed.sets, image_manifest)
    found = find_leaks(members, evidence, groups, evaluation_of(parsed.sets, parsed.evaluation_sets))
    versions.stamp(context, parsed)
    context.add_output_metadata(match_metadata.of_leaks(found))
    return found
