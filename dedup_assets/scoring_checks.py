"""What must hold of a scored test set; see `asset_checks.py`, whose questions these are, asked in `test/`."""

import dagster as dg

from dedup_assets.asset_checks import judge, judge_recall
from dedup_assets.engine import invariants
from dedup_assets.engine.records import FeatureFiles, Features, Manifest, Neighbors, Pairs
from dedup_assets.engine.work_dir.files import TEST
from dedup_assets.resources import SettingsResource

_FEATURES = dg.AssetKey([TEST, "features"])
_SIMILARITY = dg.AssetKey([TEST, "similarity"])
_OUTLIERS = dg.AssetKey([TEST, "outliers"])


@dg.asset_check(
    asset=_FEATURES,
    blocking=True,
    additional_ins={"image_manifest": dg.AssetIn(key=[TEST, "image_manifest"])},
    name="every_image_is_in_one_class",
)
def every_test_image_is_in_one_class(features: FeatureFiles, image_manifest: Manifest) -> dg.AssetCheckResult:
    """Each listed test image is either a row of features.dat.csv or a bad image; none is both, none is lost."""
    return judge(invariants.check_classes(image_manifest, features))


@dg.asset_check(asset=_FEATURES, blocking=True, name="vectors_are_finite")
def test_vectors_are_finite(features: Features) -> dg.AssetCheckResult:
    """features.dat has one vector a name, of finite values that are not all zero."""
    return judge(invariants.check_vectors(features))


@dg.asset_check(
    asset=_SIMILARITY,
    blocking=True,
    additional_ins={"tested": dg.AssetIn(key=[TEST, "features"]), "features": dg.AssetIn(key=["features"])},
)
def pairs_lead_from_test_to_train(
    settings: SettingsResource, similarity: Pairs, tested: Features, features: Features
) -> dg.AssetCheckResult:
    """similarity.csv is sorted, within [threshold, 1], and leads from good test images to good train images."""
    threshold = settings.parsed().threshold
    return judge(invariants.check_test_pairs(similarity, tested.names, features.names, threshold))


@dg.asset_check(asset=_SIMILARITY, name="index_finds_true_neighbors")
def index_finds_true_train_images(settings: SettingsResource, similarity: Neighbors) -> dg.AssetCheckResult:
    """recall@k of the train set's index for the test set, against exact search, is at least `recall_target`."""
    return judge_recall(similarity.recall_at_k, settings.parsed().recall_target)


@dg.asset_check(asset=_OUTLIERS, blocking=True, name="outliers_are_isolated")
def test_outliers_are_isolated(settings: SettingsResource, outliers: Pairs) -> dg.AssetCheckResult:
    """outliers.csv is sorted, most isolated first, and every similarity in it is below lower_threshold."""
    return judge(invariants.check_outliers(outliers, settings.parsed().lower_threshold))
