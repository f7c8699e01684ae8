"""Checks of each materialization, on values that are read back from the written files.

A check is a function that calls the engine (`engine.results.invariants`) and returns its verdict. `@check_of` notes
the asset that it checks; `build_checks` makes Dagster's checks when the key prefix of the pipeline is known. A violated
invariant stops the run, because later results would be wrong. A limit of quality, set by a setting, only warns, unless
`stop_on_failed_checks` is set. Measurements belong in `engine.results.invariants`.

The checks of one asset are one step, which reads what they need by itself, because a step costs more than most checks:
where each is a process, the seconds of its imports.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, get_type_hints

import dagster as dg

from dedup_assets.engine.cleaning import generation_of
from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.plan_records import Plan
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
from dedup_assets.engine.core.set_records import Leaks
from dedup_assets.engine.results import group_invariants, invariants, plan_invariants
from dedup_assets.engine.sets import leaked_images, leaks_to_review, say_leaks, say_open
from dedup_assets.pipeline.resources import IO_MANAGER, LAUNCH_TAG, SETTINGS, SettingsResource

CheckFunction = Callable[..., dg.AssetCheckResult]
_Read = tuple[tuple[str, ...], object]  # key of an asset within the pipeline, and the type that it is read as
_GIVEN = {"context", "settings"}  # parameters of a check that are no assets


@dataclass(frozen=True)
class Check:
    """A check of an asset of the pipeline.

    Attributes:
        asset: key of the asset within the pipeline, which may have a prefix.
        function: the check itself. Its name and docstring are the check's name and description; the parameter named
            like the asset gets the asset's value, read as its annotation says.
        also: other assets that it reads: pairs of parameter and key within the pipeline.
    """

    asset: tuple[str, ...]
    function: CheckFunction
    also: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def below(self, folder: str) -> "Check":
        """The same check for the assets of the same names below `folder`."""
        return replace(self, asset=(folder, *self.asset), also=tuple((name, (folder, *key)) for name, key in self.also))

    @property
    def name(self) -> str:
        """The check's name in Dagster."""
        return self.function.__name__

    @cached_property
    def reads(self) -> Mapping[str, _Read]:
        """What is read for each parameter."""
        keys, hints = dict(self.also), get_type_hints(self.function)
        names = [name for name in inspect.signature(self.function).parameters if name not in _GIVEN]
        return {name: (keys.get(name, self.asset), hints[name]) for name in names}

    def judge(self, given: Mapping[str, object], values: Mapping[_Read, object]) -> dg.AssetCheckResult:
        """Call the function.

        Args:
            given: the values of the parameters that are no assets.
            values: what was read.
        """
        wanted = inspect.signature(self.function).parameters
        return self.function(
            **{name: value for name, value in given.items() if name in wanted},
            **{name: values[read] for name, read in self.reads.items()},
        )


CHECKS: list[Check] = []
LEAKS_CHECK = "leaks"


def check_of(
    checks: list[Check], *asset: str, **also: str | tuple[str, ...]
) -> Callable[[CheckFunction], CheckFunction]:
    """Note a check of an asset, and which others it reads: `parameter="asset"`, or a key of several parts."""

    def note(function: CheckFunction) -> CheckFunction:
        others = tuple((name, (key,) if isinstance(key, str) else key) for name, key in also.items())
        checks.append(Check(asset, function, others))
        return function

    return note


def build_checks(checks: Iterable[Check], key_prefix: Sequence[str] = ()) -> list[dg.AssetChecksDefinition]:
    """The checks of the pipeline whose asset keys have this prefix: one step for each asset that has some."""
    by_asset: dict[tuple[str, ...], list[Check]] = {}
    for check in checks:
        by_asset.setdefault(check.asset, []).append(check)
    return [_build_step(asset, those, tuple(key_prefix)) for asset, those in by_asset.items()]


def _build_step(asset: tuple[str, ...], checks: Sequence[Check], prefix: tuple[str, ...]) -> dg.AssetChecksDefinition:
    key = dg.AssetKey([*prefix, *asset])
    specs = [
        dg.AssetCheckSpec(
            check.name,
            asset=key,
            description=inspect.getdoc(check.function),
            additional_deps=[dg.AssetKey([*prefix, *other]) for _, other in check.also],
            blocking=True,  # a failure of severity WARN still lets what follows run
        )
        for check in checks
    ]

    @dg.multi_asset_check(
        name="__".join([*key.path, "checks"]),
        specs=specs,
        can_subset=True,
        required_resource_keys={IO_MANAGER, SETTINGS},
    )
    def judge_each(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        selected = {each.name for each in context.selected_asset_check_keys}
        asked = [check for check in checks if check.name in selected]
        given = {"context": context, "settings": getattr(context.resources, SETTINGS)}
        manager, values = getattr(context.resources, IO_MANAGER), dict[_Read, Any]()
        for place, check in enumerate(asked):
            for read in check.reads.values():
                if read not in values:
                    values[read] = manager.read(dg.AssetKey([*prefix, *read[0]]), read[1], context.log)
            found = check.judge(given, values)
            needed = {read for later in asked[place + 1 :] for read in later.reads.values()}
            values = {read: value for read, value in values.items() if read in needed}
            yield dg.AssetCheckResult(
                passed=found.passed,
                asset_key=key,
                check_name=check.name,
                description=found.description,
                metadata=found.metadata,
                severity=found.severity,
            )

    return judge_each


def judge(
    verdict: invariants.Verdict, severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
) -> dg.AssetCheckResult:
    """Turn a verdict into the result that Dagster shows."""
    facts = {name: value for name, value in verdict.facts.items() if value is not None}
    description = "; ".join(filter(None, (verdict.problem or "holds", verdict.note)))
    return dg.AssetCheckResult(passed=not verdict.problem, description=description, metadata=facts, severity=severity)


def judge_quality(verdict: invariants.Verdict, settings: SettingsResource) -> dg.AssetCheckResult:
    """Turn a verdict into a result that warns, or stops the run if `stop_on_failed_checks` is set."""
    stops = settings.parsed().stop_on_failed_checks
    return judge(verdict, dg.AssetCheckSeverity.ERROR if stops else dg.AssetCheckSeverity.WARN)


@check_of(CHECKS, "image_manifest")
def names_are_sorted_and_unique(image_manifest: Manifest) -> dg.AssetCheckResult:
    """The listing is in byte order of the names, has each name once, and its positions have no gap."""
    return judge(invariants.check_manifest(image_manifest))


@check_of(CHECKS, "features", image_manifest="image_manifest")
def every_image_is_in_one_class(features: FeatureFiles, image_manifest: Manifest) -> dg.AssetCheckResult:
    """Each listed image is either a row of features.dat.csv or a bad image; none is both, none is lost."""
    return judge(invariants.check_classes(image_manifest, features))


@check_of(CHECKS, "features")
def vectors_are_finite(features: Features) -> dg.AssetCheckResult:
    """features.dat has one vector per name; its values are finite and not all zero."""
    return judge(invariants.check_vectors(features))


@check_of(CHECKS, "features")
def few_images_are_bad(settings: SettingsResource, features: ImageLedger) -> dg.AssetCheckResult:
    """The share of images that cannot be used is at most `max_bad_share`."""
    return judge_quality(invariants.check_bad_share(features, settings.parsed().max_bad_share), settings)


@check_of(CHECKS, "bad_images", features="features")
def bad_images_have_reasons(bad_images: BadImages, features: ImageLedger) -> dg.AssetCheckResult:
    """features.bad.csv names exactly the images that gave no vector, each with a known code and a reason."""
    return judge(invariants.check_bad_images(bad_images, features))


@check_of(CHECKS, "similarity", features="features")
def pairs_are_sorted_and_similar(
    settings: SettingsResource, similarity: Pairs, features: Features
) -> dg.AssetCheckResult:
    """similarity.csv is sorted, within [threshold, 1], names only good images, and pairs no image with itself."""
    return judge(invariants.check_pairs(similarity, features.names, settings.parsed().threshold))


@check_of(CHECKS, "similarity")
def index_finds_true_neighbors(settings: SettingsResource, similarity: Neighbors) -> dg.AssetCheckResult:
    """recall@k of the index, measured against exact search on a sample, is at least `recall_target`."""
    return judge_quality(invariants.check_recall(similarity.recall_at_k, settings.parsed().recall_target), settings)


@check_of(CHECKS, "outliers")
def outliers_are_isolated(settings: SettingsResource, outliers: Pairs) -> dg.AssetCheckResult:
    """outliers.csv is sorted, most isolated first, and every similarity in it is below lower_threshold."""
    return judge(invariants.check_outliers(outliers, settings.parsed().lower_threshold))


@check_of(CHECKS, "components", features="features")
def component_counts_add_up(components: Components, features: Features) -> dg.AssetCheckResult:
    """Component counts are images, add up to all good images, and agree between both files."""
    return judge(invariants.check_components(components, len(features)))


@check_of(CHECKS, "components")
def duplicates_are_not_the_rule(settings: SettingsResource, components: Components) -> dg.AssetCheckResult:
    """The share of images that repeat another is at most `max_duplicate_share`."""
    limit = settings.parsed().max_duplicate_share
    return judge_quality(invariants.check_duplicate_share(components, limit), settings)


@check_of(CHECKS, "components")
def no_component_swallows_the_collection(settings: SettingsResource, components: Components) -> dg.AssetCheckResult:
    """The share of images in one component is at most `max_component_share`; not judged below 100 images."""
    limit = settings.parsed().max_component_share
    return judge_quality(invariants.check_component_share(components, limit), settings)


@check_of(CHECKS, "evidence", features="features")
def evidence_names_each_pair_once(evidence: Evidence, features: Features) -> dg.AssetCheckResult:
    """evidence.parquet names each pair of good images once, with a known relation; its counts are those of its rows."""
    return judge(group_invariants.check_evidence(evidence, features.names))


@check_of(CHECKS, "groups")
def each_image_is_in_one_group(groups: Groups) -> dg.AssetCheckResult:
    """Each image of groups.csv is in one group, and each group has one kept image and at least one copy."""
    return judge(group_invariants.check_groups(groups))


@check_of(CHECKS, "groups", evidence="evidence")
def each_member_is_a_copy_of_the_kept_image(groups: Groups, evidence: Evidence) -> dg.AssetCheckResult:
    """Each image beside the kept one is exact, pixels or copy of it by evidence.parquet, or same by a verdict."""
    return judge(group_invariants.check_members(groups, evidence))


@check_of(CHECKS, "plan")
def plan_is_fresh(settings: SettingsResource, plan: Plan) -> dg.AssetCheckResult:
    """plan.jsonl was made from the groups that are in work_dir now."""
    return judge(plan_invariants.check_fresh(plan, generation_of(settings.open_work_dir())))


@check_of(CHECKS, "plan")
def max_removed_share(settings: SettingsResource, plan: Plan) -> dg.AssetCheckResult:
    """The plan removes at most `max_removed_share` of the images, of all and of each input."""
    return judge_quality(plan_invariants.check_removed_share(plan, settings.parsed().max_removed_share), settings)


@check_of(CHECKS, "groups")
def verdicts_are_honoured(groups: Groups) -> dg.AssetCheckResult:
    """No verdict contradicts a newer one, and every row of the file of verdicts can be used; else this warns."""
    return judge(group_invariants.check_verdicts(groups), dg.AssetCheckSeverity.WARN)


@check_of(CHECKS, "groups")
def labels_agree(groups: Groups) -> dg.AssetCheckResult:
    """All labelled images of a group have the same label; else this warns. Without `labels` there is nothing to see."""
    return judge(group_invariants.check_labels(groups), dg.AssetCheckSeverity.WARN)


@check_of(CHECKS, LEAKS_CHECK)
def leaks(context: dg.AssetCheckExecutionContext, settings: SettingsResource, leaks: Leaks) -> dg.AssetCheckResult:
    """At most `max_leaks` images of evaluation sets are in another set too; leaks to review count until a verdict.

    Variants across sets do not count: it says how many a person should look at. A failure blocks what depends on leaks.
    `run()` publishes its results first, and then ends with an error. Without sets there is nothing to see.
    """
    parsed = settings.parsed()
    if not leaks.has_sets:
        asked = parsed.asked_sets
        unasked = f"{asked.shown}: leaks was made by a run without sets; materialize it again" if asked else ""
        return judge(invariants.Verdict(unasked, note="" if asked else "no sets are named"))
    limit, count = parsed.max_leaks, leaked_images(leaks)
    problem = say_leaks(leaks, limit) if count > limit else ""
    is_said_later = LAUNCH_TAG in context.run.tags and not parsed.stop_on_failed_checks
    severity = dg.AssetCheckSeverity.WARN if is_said_later else dg.AssetCheckSeverity.ERROR
    counts = {"leaked_evaluation_images": count, "of_these_to_review": leaks_to_review(leaks), "max_leaks": limit}
    found = say_open(leaks)
    note = f"to look at: {found} (leaks.csv, gallery/leaks.html, dedup-assets review)" if found else ""
    return judge(invariants.Verdict(problem, counts, note), severity)
