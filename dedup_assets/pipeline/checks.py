"""What must hold after each materialization, read back from the published files.

Invariants always block: what comes after them would be wrong. Questions of quality have limits in the settings; they
warn, or stop the run where `stop_on_failed_checks` is set. The engine answers (`engine.invariants`); here a question
gets its asset. It becomes a Dagster check in `build_checks`, once the key prefix of the pipeline is known.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import dagster as dg

from dedup_assets.engine.core.records import (
    BadImages,
    Components,
    FeatureFiles,
    Features,
    ImageLedger,
    Manifest,
    Neighbors,
    Pairs,
)
from dedup_assets.engine.results import invariants
from dedup_assets.pipeline.resources import SettingsResource

Ask = Callable[..., dg.AssetCheckResult]


@dataclass(frozen=True)
class Question:
    """What is asked of an asset.

    Attributes:
        asset: its key within the pipeline.
        ask: answers; its name is that of the check, its docstring the description, its first input the asset.
        also: other assets it reads: parameter, and key within the pipeline.
    """

    asset: tuple[str, ...]
    ask: Ask
    also: tuple[tuple[str, tuple[str, ...]], ...]


QUESTIONS: list[Question] = []


def asks(questions: list[Question], *asset: str, **also: str | tuple[str, ...]) -> Callable[[Ask], Ask]:
    """Note a question about an asset, and which others it reads: `parameter="asset"`, or a key of several parts."""

    def note(ask: Ask) -> Ask:
        others = tuple((name, (key,) if isinstance(key, str) else key) for name, key in also.items())
        questions.append(Question(asset, ask, others))
        return ask

    return note


def build_checks(questions: Iterable[Question], key_prefix: Sequence[str] = ()) -> list[dg.AssetChecksDefinition]:
    """The questions as checks of the pipeline whose asset keys have this prefix."""
    return [
        dg.asset_check(
            asset=[*key_prefix, *question.asset],
            additional_ins={name: dg.AssetIn(key=[*key_prefix, *key]) for name, key in question.also},
            blocking=True,  # a failure of severity WARN lets what follows run
        )(question.ask)
        for question in questions
    ]


def judge(
    verdict: invariants.Verdict, severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
) -> dg.AssetCheckResult:
    """A verdict as Dagster shows it."""
    facts = {name: value for name, value in verdict.facts.items() if value is not None}
    return dg.AssetCheckResult(
        passed=not verdict.problem, description=verdict.problem or "holds", metadata=facts, severity=severity
    )


def judge_quality(verdict: invariants.Verdict, settings: SettingsResource) -> dg.AssetCheckResult:
    """A verdict that warns, or stops the run where the settings say so."""
    stops = settings.parsed().stop_on_failed_checks
    return judge(verdict, dg.AssetCheckSeverity.ERROR if stops else dg.AssetCheckSeverity.WARN)


@asks(QUESTIONS, "image_manifest")
def names_are_sorted_and_unique(image_manifest: Manifest) -> dg.AssetCheckResult:
    """The listing is in byte order of the names, each once, with positions that have no gap."""
    return judge(invariants.check_manifest(image_manifest))


@asks(QUESTIONS, "features", image_manifest="image_manifest")
def every_image_is_in_one_class(features: FeatureFiles, image_manifest: Manifest) -> dg.AssetCheckResult:
    """Each listed image is either a row of features.dat.csv or a bad image; none is both, none is lost."""
    return judge(invariants.check_classes(image_manifest, features))


@asks(QUESTIONS, "features")
def vectors_are_finite(features: Features) -> dg.AssetCheckResult:
    """features.dat has one vector a name, of finite values that are not all zero."""
    return judge(invariants.check_vectors(features))


@asks(QUESTIONS, "features")
def few_images_are_bad(settings: SettingsResource, features: ImageLedger) -> dg.AssetCheckResult:
    """The share of images that cannot be used is at most `max_bad_share`."""
    return judge_quality(invariants.check_bad_share(features, settings.parsed().max_bad_share), settings)


@asks(QUESTIONS, "bad_images", features="features")
def bad_images_have_reasons(bad_images: BadImages, features: ImageLedger) -> dg.AssetCheckResult:
    """features.bad.csv names just the images that gave no vector, each with a known code and a reason."""
    return judge(invariants.check_bad_images(bad_images, features))


@asks(QUESTIONS, "similarity", features="features")
def pairs_are_sorted_and_similar(
    settings: SettingsResource, similarity: Pairs, features: Features
) -> dg.AssetCheckResult:
    """similarity.csv is sorted, within [threshold, 1], and names only good images, none paired with itself."""
    return judge(invariants.check_pairs(similarity, features.names, settings.parsed().threshold))


@asks(QUESTIONS, "similarity")
def index_finds_true_neighbors(settings: SettingsResource, similarity: Neighbors) -> dg.AssetCheckResult:
    """recall@k of the index, measured against exact search on a sample, is at least `recall_target`."""
    return judge_quality(invariants.check_recall(similarity.recall_at_k, settings.parsed().recall_target), settings)


@asks(QUESTIONS, "outliers")
def outliers_are_isolated(settings: SettingsResource, outliers: Pairs) -> dg.AssetCheckResult:
    """outliers.csv is sorted, most isolated first, and every similarity in it is below lower_threshold."""
    return judge(invariants.check_outliers(outliers, settings.parsed().lower_threshold))


@asks(QUESTIONS, "components", features="features")
def component_counts_add_up(components: Components, features: Features) -> dg.AssetCheckResult:
    """Component counts are images, add up to all good images, and agree between both files."""
    return judge(invariants.check_components(components, len(features)))


@asks(QUESTIONS, "components")
def duplicates_are_not_the_rule(settings: SettingsResource, components: Components) -> dg.AssetCheckResult:
    """The share of images that repeat another is at most `max_duplicate_share`."""
    limit = settings.parsed().max_duplicate_share
    return judge_quality(invariants.check_duplicate_share(components, limit), settings)


@asks(QUESTIONS, "components")
def no_component_swallows_the_collection(settings: SettingsResource, components: Components) -> dg.AssetCheckResult:
    """The share of images in one component is at most `max_component_share`; below 100 images it says nothing."""
    limit = settings.parsed().max_component_share
    return judge_quality(invariants.check_component_share(components, limit), settings)
