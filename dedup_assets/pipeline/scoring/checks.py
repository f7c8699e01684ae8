"""Checks of a scored test set: those of the chain that apply to `test/` too, and one more."""

import dagster as dg

from dedup_assets.engine.core.own_files import TEST
from dedup_assets.engine.core.records import Features, Pairs
from dedup_assets.engine.results import invariants
from dedup_assets.pipeline import checks
from dedup_assets.pipeline.checks import CHECKS, Check, check_of, judge
from dedup_assets.pipeline.resources import SettingsResource

_SHARED = {
    checks.every_image_is_in_one_class,
    checks.vectors_are_finite,
    checks.few_images_are_bad,
    checks.index_finds_true_neighbors,
    checks.outliers_are_isolated,
}

TEST_SET_CHECKS: list[Check] = [check.below(TEST) for check in CHECKS if check.function in _SHARED]


@check_of(TEST_SET_CHECKS, TEST, "similarity", tested=(TEST, "features"), features="features")
def pairs_lead_from_test_to_train(
    settings: SettingsResource, similarity: Pairs, tested: Features, features: Features
) -> dg.AssetCheckResult:
    """similarity.csv is sorted, within [threshold, 1], and leads from good test images to good train images."""
    threshold = settings.parsed().threshold
    return judge(invariants.check_test_pairs(similarity, tested.names, features.names, threshold))
