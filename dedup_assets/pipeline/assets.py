"""The assets: one pipeline from a folder of photographs to a gallery.

An asset is its contract (the decorator and the docstring, which Dagster shows) and a few lines that read inputs, call
the engine and describe the result. Work on images belongs in `engine/`, files in `engine/work_dir/`, figures for the UI
in `metadata.py`, what all assets share in `contracts.py`.
"""

from collections.abc import Iterator

import dagster as dg

from dedup_assets.engine.cleaning import PlanOptions, find_returned, plan_from
from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.own_files import GALLERY
from dedup_assets.engine.core.plan_records import Plan
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.core.records import (
    BadImages,
    Components,
    Features,
    FeatureStream,
    Gallery,
    ImageLedger,
    Manifest,
    Neighbors,
    OffsetRange,
    Pairs,
    SearchIndex,
    StoredManifest,
)
from dedup_assets.engine.core.root_roles import check_roots
from dedup_assets.engine.extraction.offset_ranges import RangeExtractor
from dedup_assets.engine.gallery.beside import count_heeded
from dedup_assets.engine.gallery.found import Results
from dedup_assets.engine.gallery.reuse import find_or_build_gallery
from dedup_assets.engine.gallery.uncompared import read_uncompared
from dedup_assets.engine.graph import build_components
from dedup_assets.engine.inputs.listing import ListingOptions, list_images
from dedup_assets.engine.inputs.manifest import count_inside
from dedup_assets.engine.labels import check_labels, note_label_conflicts, read_labels
from dedup_assets.engine.matching import Crossing, decide_groups, find_candidates, gather_evidence
from dedup_assets.engine.matching.reuse import find_or_decide, find_or_gather
from dedup_assets.engine.neighbors import check_search, find_or_build_index
from dedup_assets.engine.neighbors.row_ranges import RowRangeSearcher, SearchOutcome, full_ranges
from dedup_assets.engine.results.bad_images import find_bad_images
from dedup_assets.engine.sets import say_leaks, say_open
from dedup_assets.engine.work_dir.group_history_files import read_former_groups, read_given, read_reported_run
from dedup_assets.engine.work_dir.ledger_file import read_former_ledger, read_listed_files
from dedup_assets.engine.work_dir.manifest_file import read_former_listing, read_manifest
from dedup_assets.pipeline import match_metadata, metadata, verdicts, versions
from dedup_assets.pipeline.contracts import ONE_RUN, RANGES, asset, preview_effort, search_output, search_results
from dedup_assets.pipeline.dagster_internals import function_of
from dedup_assets.pipeline.resources import SettingsResource, require_input
from dedup_assets.pipeline.set_results import hold_sets_apart, leaks_between
from dedup_assets.pipeline.sharding.partitions import (
    IF_MISSING,
    OFFSET_RANGES,
    ROW_RANGES,
    note_completed,
    offset_ranges,
    register,
)


@asset(kinds={"python", "file"}, automation_condition=None)  # a sensor, a schedule or a person starts it
def image_manifest(context: dg.AssetExecutionContext, settings: SettingsResource) -> Manifest:
    """The listing: every image of `input_dir`, sorted by name, each once, with size and version.

    Settings, files that they name, model and index are checked here, before the first image is read. The ranges of the
    listing become partitions of `feature_shards`. They are only added: those beyond the end of a listing stay, at no
    cost. The metadata say which changed since the last listing; `bad_images` says it by content.
    """
    parsed = settings.parsed()
    require_input(parsed)
    extractor = RangeExtractor(parsed)
    check_search(parsed.search, extractor.dimension)
    read_given(parsed.group_ids_from)
    check_labels(parsed.labels)
    verdicts.read_verdicts(parsed)
    check_roots(parsed.roots)
    manifest = list_images(parsed.input_dir, ListingOptions.of(parsed))
    ranges = extractor.cut(manifest)
    stale = register(context.instance, OFFSET_RANGES, context.asset_key, ranges)
    versions.stamp(context, content=manifest.digest)
    former = read_former_listing(settings.open_work_dir())
    context.add_output_metadata(metadata.of_manifest(manifest, len(ranges), stale, former))
    context.add_output_metadata(match_metadata.of_sets(parsed.asked_sets, manifest))
    return manifest


@asset(
    kinds={"onnx", "parquet"},
    partitions_def=offset_ranges,
    pool="extract",
    group_name=RANGES,
    automation_condition=IF_MISSING,
)
def feature_shards(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    progress: dg.ResourceParam[ProgressReporter],
    image_manifest: StoredManifest,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Vectors per offset range: backfill ranges here, on one or many workers; `features` computes those that are left.

    Ranges that `features` has completed are noted here too. A finished range is not computed again, and neither are
    images that moved to another range. A range that the listing no longer has, because it shrank or `shard_size`
    changed, is empty: it succeeds at no cost.
    """
    parsed = settings.parsed()
    extractor = RangeExtractor(parsed)
    current = set(extractor.cut(image_manifest))
    wanted = sorted(OffsetRange.parse(key) for key in context.partition_keys)
    images = sum(count_inside(image_manifest, offsets) for offsets in current.intersection(wanted))
    with extractor.decoders(), progress.counting(images):
        outcomes = {
            offsets: extractor.complete(image_manifest, offsets, progress.advance)
            for offsets in wanted
            if offsets in current
        }
    versions.stamp(context, parsed, extractor.fingerprint)
    if len(wanted) > metadata.RANGES_SHOWN_SINGLY:
        return dg.MaterializeResult(metadata=metadata.of_many_ranges(list(outcomes.values()), len(wanted), progress))
    for offsets in wanted:
        facts = metadata.of_range(outcomes.get(offsets))
        context.add_asset_metadata(facts, partition_key=offsets.key)
    return dg.MaterializeResult()


# Without a dependency on feature_shards, so that Dagster needs no partitions; `features_of_shards` has that dependency.
@asset(kinds={"onnx", "numpy"})
def features(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    progress: dg.ResourceParam[ProgressReporter],
    image_manifest: StoredManifest,
) -> FeatureStream:
    """The embedding of every image: `features.dat` (raw float32 rows) and `features.dat.csv` (their names).

    Offset ranges that are stored already (by an earlier run, a stopped run, or workers on `feature_shards`) are used;
    the others are read, decoded and embedded now. Images that cannot be used are left out and listed in `bad_images`.
    """
    parsed = settings.parsed()
    extractor = RangeExtractor(parsed)
    with extractor.decoders(), progress.counting(len(image_manifest)):
        outcomes = {
            offsets: extractor.complete(image_manifest, offsets, progress.advance)
            for offsets in extractor.cut(image_manifest)
        }
    extractor.prune(image_manifest)
    note_completed(context, "feature_shards", {key: metadata.of_range(each) for key, each in outcomes.items()})
    versions.stamp(context, parsed, extractor.fingerprint)
    context.add_output_metadata(metadata.of_features(list(outcomes.values()), progress, extractor.dimension))
    return extractor.stream(image_manifest)


def features_of_shards() -> dg.AssetsDefinition:
    """`features` for a code location with many workers: it waits for every range of `feature_shards`."""
    return asset(name="features", deps=[feature_shards], kinds={"onnx", "numpy"})(function_of(features))


@asset(kinds={"csv"})
def bad_images(context: dg.AssetExecutionContext, settings: SettingsResource, features: ImageLedger) -> BadImages:
    """Each listed image without a vector, with code and reason: `features.bad.csv` and `features.dat.bad`.

    The metadata also say how many images were added, changed, moved and removed since the last run.
    """
    bad, former = find_bad_images(features), read_former_ledger(settings.open_work_dir())
    versions.stamp(context)
    context.add_output_metadata(metadata.of_bad_images(bad, features, former))
    return bad


@asset(kinds={"faiss"})
def faiss_index(context: dg.AssetExecutionContext, settings: SettingsResource, features: Features) -> SearchIndex:
    """The nearest-neighbour index over all vectors: `faiss.index`, a plain faiss file.

    The ranges of its rows become partitions of `neighbor_shards` and `evidence_shards`.
    """
    parsed = settings.parsed()
    index = find_or_build_index(parsed, features, settings.open_work_dir())
    register(context.instance, ROW_RANGES, context.asset_key, full_ranges(len(features), parsed.search_range_size))
    versions.stamp(context, parsed)
    context.add_output_metadata(metadata.of_index(index, parsed.search))
    return index


@dg.multi_asset(
    outs={
        "similarity": search_output(
            "Pairs with at least `threshold` similarity, closest first: `similarity.csv`; and all neighbours below it "
            "too, `neighbors.parquet`, from which the graph is built."
        ),
        "outliers": search_output(
            "Images whose similarity to every other image is below `lower_threshold`, with the nearest one, most "
            "isolated first: `outliers.csv`."
        ),
    },
    can_subset=True,
    backfill_policy=ONE_RUN,
)
def nearest_neighbors(
    context: dg.AssetExecutionContext, settings: SettingsResource, features: Features, faiss_index: SearchIndex
) -> Iterator[dg.Output]:  # type: ignore[type-arg]
    """One search with two results: similar pairs, and images without a similar one."""
    parsed = settings.parsed()
    searcher = RowRangeSearcher(parsed, features, faiss_index, settings.open_work_dir())
    outcomes = searcher.complete_all()
    neighbors = searcher.merge()
    searcher.prune()
    note_completed(context, "neighbor_shards", metadata.of_search_ranges(outcomes, len(features), parsed))
    versions.stamp(context, parsed)
    yield from search_results(context, parsed, neighbors, features.names, outcome=SearchOutcome.of(outcomes))


@asset(kinds={"igraph", "csv"})
def components(
    context: dg.AssetExecutionContext, settings: SettingsResource, features: Features, similarity: Neighbors
) -> Components:
    """Groups of images connected by similarities above `ccthreshold`, with the pagerank and degree of each image.

    `connected_components.csv` has one row per image, `components_info.csv` one per component, largest first; counts are
    images.
    """
    parsed = settings.parsed()
    found = build_components(similarity, parsed.graph)
    versions.stamp(context, parsed)
    context.add_output_metadata(metadata.of_components(found, features.names, preview_effort(context, parsed)))
    return found


@asset(kinds={"pillow", "parquet"})
def evidence(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    progress: dg.ResourceParam[ProgressReporter],
    features: Features,
    faiss_index: SearchIndex,
    similarity: Pairs,
) -> Evidence:
    """Why images match: candidate pairs are compared pixel by pixel, and what was done to a copy is said in words.

    Candidates are the nearest neighbours of each image, also below `threshold`, and of images for evaluation those in
    other sets, within `evidence_pairs_per_image`. What workers found is used. With `evidence=off` there are no rows.
    """
    parsed, work_dir = settings.parsed(), settings.open_work_dir()
    crossing = Crossing.read(parsed, features.names, work_dir)

    def gather() -> Evidence:
        candidates = find_candidates(parsed, features, faiss_index, work_dir, crossing=crossing)
        return gather_evidence(parsed, features, candidates, similarity, work_dir, progress, crossing)

    found = find_or_gather(parsed, work_dir, gather, crossing.digest)
    note_completed(context, "evidence_shards", metadata.of_compared_ranges(len(features), parsed))
    versions.stamp(context, parsed)
    context.add_output_metadata(match_metadata.of_evidence(found, is_off=parsed.evidence == "off"))
    return found


# Verdicts that were never observed in Dagster are no reason to wait: there may be none.
_FROM_VERDICTS = dg.AutomationCondition.eager().replace(
    "any_deps_missing",
    dg.AutomationCondition.any_deps_missing().ignore(verdicts.SOURCES).with_label("any_deps_missing"),
)


@asset(kinds={"csv", "parquet"}, deps=[verdicts.NAME], automation_condition=_FROM_VERDICTS)
def groups(
    context: dg.AssetExecutionContext, settings: SettingsResource, features: Features, evidence: Evidence
) -> Groups:
    """Images that are one picture: the kept one, and others that are each a copy of it by the evidence.

    `groups.csv` has one row per image in a group; `related.csv` names similar images that are another picture, or whose
    comparison decided nothing. Nothing is chained: a copy of a copy alone is in no group with the kept image.

    What people have decided (`verdicts`) has priority. Verdicts that contradict newer ones are reported in
    `verdict_conflicts.csv` and by a check. A group keeps its id from run to run: the one that most of its images had,
    by content. `group_changes.csv` says what changed, and `group_aliases.csv` what became of ids that ended.
    """
    parsed, work_dir = settings.parsed(), settings.open_work_dir()
    former = read_former_groups(work_dir, parsed.group_ids_from)
    given, labels = verdicts.read_verdicts(parsed), read_labels(parsed.labels, features.names, parsed.asked_sets)

    def decide() -> Groups:
        formed = decide_groups(parsed, evidence, features, given, work_dir, former, labels.names)
        formed = note_label_conflicts(hold_sets_apart(parsed.asked_sets, work_dir, formed), labels)
        return count_heeded(formed, evidence)

    found = find_or_decide(parsed, work_dir, given, decide)
    versions.stamp(context, parsed, given.digest + labels.digest)
    returned = find_returned(work_dir, found, evidence)
    reported, effort = read_reported_run(work_dir), preview_effort(context, parsed)
    context.add_output_metadata(match_metadata.of_groups(found, evidence, effort, returned, reported))
    return found


@asset(kinds={"json"}, deps=[verdicts.NAME], automation_condition=_FROM_VERDICTS)
def plan(context: dg.AssetExecutionContext, settings: SettingsResource, evidence: Evidence, groups: Groups) -> Plan:
    """What would happen to the copies: `plan.jsonl`, exact copies to the trash of their input. Nothing happens yet.

    Lines of the file may be removed. A person starts the job `apply`, which does it, and the job `undo`, which puts all
    back. `dedup-assets plan` makes plans with other actions and relations.
    """
    made = plan_from(settings.open_work_dir(), groups, evidence, PlanOptions())
    versions.stamp(context, settings.parsed())
    context.add_output_metadata(match_metadata.of_plan(made, settings.open_work_dir()))
    return made


@asset(kinds={"html"}, deps=[verdicts.NAME], automation_condition=_FROM_VERDICTS)
def gallery(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    features: Features,
    bad_images: BadImages,
    similarity: Pairs,
    outliers: Pairs,
    components: Components,
    evidence: Evidence,
    groups: Groups,
) -> Gallery:
    """The report: `gallery/index.html` and its pages, with all results and the pictures side by side."""
    parsed, work_dir = settings.parsed(), settings.open_work_dir()
    asked = parsed.asked_sets
    leaks = leaks_between(asked, read_manifest(work_dir), evidence, groups) if asked else None

    def results() -> Results:
        return Results(
            names=features.names,
            bad=bad_images,
            pairs=similarity,
            components=components,
            outliers=outliers,
            folder=work_dir.path(GALLERY),
            listed=read_listed_files(work_dir),
            uncompared=read_uncompared(work_dir),
            evidence=evidence,
            groups=groups,
            leaks=leaks,
            saying="" if leaks is None else say_leaks(leaks),
            open_leaks="" if leaks is None else say_open(leaks),
            vectors=features.vectors,
        )

    pages = find_or_build_gallery(results, parsed, work_dir, leaks)
    versions.stamp(context, parsed)
    effort = preview_effort(context, parsed)
    found = match_metadata.of_report(bad_images, similarity, outliers, groups, effort)
    context.add_output_metadata({**metadata.of_gallery(pages, work_dir), **found})
    return pages
