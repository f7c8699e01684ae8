"""What must hold after each materialization, read back from the published files.

Blocking checks are invariants: what comes after them would be wrong. The others warn about quality. The questions are
answered by the engine (`engine.invariants`); here they only get their name, their asset and their severity.
"""

import dagster as dg

from dedup_assets.assets import bad_images, components, features, image_manifest
from dedup_assets.engine import invariants
from dedup_assets.engine.records import (
    BadImages,
    Components,
    FeatureFiles,
    Features,
    ImageLedger,
    Manifest,
    Neighbors,
    Pairs,
)
from dedup_assets.resources import SettingsResource


def judge(verdict: invariants.Verdict) -> dg.AssetCheckResult:
    """A verdict as Dagster shows it."""
    facts = {name: value for name, value in verdict.facts.items() if value is not None}
    return dg.AssetCheckResult(passed=not verdict.problem, description=verdict.problem or "holds", metadata=facts)


def judge_recall(recall: float | None, target: float) -> dg.AssetCheckResult:
    """Warn where an index misses neighbours."""
    return dg.AssetCheckResult(
        passed=recall is None or recall >= target,
        severity=dg.AssetCheckSeverity.WARN,
        description="not measured on one image" if recall is None else f"recall@k {recall:.4f}; wanted {target:g}",
        metadata={} if recall is None else {"recall_at_k": recall},
    )


@dg.asset_check(asset=image_manifest, blocking=True)
def names_are_sorted_and_unique(image_manifest: Manifest) -> dg.AssetCheckResult:
    """The listing is in byte order of the names, each once, with positions that have no gap."""
    return judge(invariants.check_manifest(image_manifest))


@dg.asset_check(asset=features, blocking=True, additional_ins={"image_manifest": dg.AssetIn("image_manifest")})
def every_image_is_in_one_class(features: FeatureFiles, image_manifest: Manifest) -> dg.AssetCheckResult:
    """Each listed image is either a row of features.dat.csv or a bad image; none is both, none is lost."""
    return judge(invariants.check_classes(image_manifest, features))


@dg.asset_check(asset=features, blocking=True)
def vectors_are_finite(features: Features) -> dg.AssetCheckResult:
    """features.dat has one vector a name, of finite values that are not all zero."""
    return judge(invariants.check_vectors(features))


@dg.asset_check(asset=bad_images, blocking=True, additional_ins={"features": dg.AssetIn("features")})
def bad_images_have_reasons(bad_images: BadImages, features: ImageLedger) -> dg.AssetCheckResult:
    """features.bad.csv names just the images that gave no vector, each with a known code and a reason."""
    return judge(invariants.check_bad_images(bad_images, features))


@dg.asset_check(asset="similarity", blocking=True, additional_ins={"features": dg.AssetIn("features")})
def pairs_are_sorted_and_similar(
    settings: SettingsResource, similarity: Pairs, features: Features
) -> dg.AssetCheckResult:
    """similarity.csv is sorted, within [threshold, 1], and names only good images, none paired with itself."""
    return judge(invariants.check_pairs(similarity, features.names, settings.parsed().threshold))


@dg.asset_check(asset="similarity")
def index_finds_true_neighbors(settings: SettingsResource, similarity: Neighbors) -> dg.AssetCheckResult:
    """recall@k of the index, measured against exact search on a sample, is at least `recall_target`."""
    return judge_recall(similarity.recall_at_k, settings.parsed().recall_target)


@dg.asset_check(asset="outliers", blocking=True)
def outliers_are_isolated(settings: SettingsResource, outliers: Pairs) -> dg.AssetCheckResult:
    """outliers.csv is sorted, most isolated first, and every similarity in it is below lower_threshold."""
    return judge(invariants.check_outliers(outliers, settings.parsed().lower_threshold))


@dg.asset_check(asset=components, blocking=True, additional_ins={"features": dg.AssetIn("features")})
def component_counts_add_up(components: Components, features: Features) -> dg.AssetCheckResult:
    """Component counts are images, add up to all good images, and agree between both files."""
    return judge(invariants.check_components(components, len(features)))
