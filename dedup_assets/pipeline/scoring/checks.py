"""What must hold of a scored test set; see `asset_checks.py`, whose questions these are, asked in `test/`."""

import dagster as dg

from dedup_assets.engine.core.records import FeatureFiles, Features, ImageLedger, Manifest, Neighbors, Pairs
from dedup_assets.engine.results import invariants
from dedup_assets.engine.work_dir.files import TEST
from dedup_assets.pipeline.checks import Question, asks, judge, judge_quality
from dedup_assets.pipeline.resources import SettingsResource

TEST_QUESTIONS: list[Question] = []


@asks(TEST_QUESTIONS, TEST, "features", image_manifest=(TEST, "image_manifest"))
def every_image_is_in_one_class(features: FeatureFiles, image_manifest: Manifest) -> dg.AssetCheckResult:
    """Each listed test image is either a row of features.dat.csv or a bad image; none is both, none is lost."""
    return judge(invariants.check_classes(image_manifest, features))


@asks(TEST_QUESTIONS, TEST, "features")
def vectors_are_finite(features: Features) -> dg.AssetCheckResult:
    """features.dat has one vector a name, of finite values that are not all zero."""
    return judge(invariants.check_vectors(features))


@asks(TEST_QUESTIONS, TEST, "features")
def few_images_are_bad(settings: SettingsResource, features: ImageLedger) -> dg.AssetCheckResult:
    """The share of test images that cannot be used is at most `max_bad_share`."""
    return judge_quality(invariants.check_bad_share(features, settings.parsed().max_bad_share), settings)


@asks(TEST_QUESTIONS, TEST, "similarity", tested=(TEST, "features"), features="features")
def pairs_lead_from_test_to_train(
    settings: SettingsResource, similarity: Pairs, tested: Features, features: Features
) -> dg.AssetCheckResult:
    """similarity.csv is sorted, within [threshold, 1], and leads from good test images to good train images."""
    threshold = settings.parsed().threshold
    return judge(invariants.check_test_pairs(similarity, tested.names, features.names, threshold))


@asks(TEST_QUESTIONS, TEST, "similarity")
def index_finds_true_neighbors(settings: SettingsResource, similarity: Neighbors) -> dg.AssetCheckResult:
    """recall@k of the train set's index for the test set, against exact search, is at least `recall_target`."""
    return judge_quality(invariants.check_recall(similarity.recall_at_k, settings.parsed().recall_target), settings)


@asks(TEST_QUESTIONS, TEST, "outliers")
def outliers_are_isolated(settings: SettingsResource, outliers: Pairs) -> dg.AssetCheckResult:
    """outliers.csv is sorted, most isolated first, and every similarity in it is below lower_threshold."""
    return judge(invariants.check_outliers(outliers, settings.parsed().lower_threshold))
