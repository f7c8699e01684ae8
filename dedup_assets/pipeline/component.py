"""A Dagster component: the pipeline as a few lines of YAML in another project.

`dg scaffold defs dedup_assets.DedupComponent photos` writes a `defs.yaml`; its attributes are the arguments of
`building.build_definitions`, among them every setting with its default, meaning and bounds.
"""

from typing import Annotated, Any

import dagster as dg
from pydantic import BeforeValidator, Field, create_model

from dedup_assets.engine.core.setting_values import NUMBERS
from dedup_assets.engine.core.settings import allowed
from dedup_assets.pipeline.automation.schedules import DAILY
from dedup_assets.pipeline.building import build_definitions
from dedup_assets.pipeline.contracts import OWNERS, PIPELINE
from dedup_assets.pipeline.resources import Alerts, fields_of_settings


def _resolved(description: str | None) -> Any:  # noqa: ANN401 - Dagster's Resolver
    """How a field is read from YAML. Dagster shows this description, not that of the field."""
    return dg.Resolver.default(description=description)


def _read(name: str, kind: Any) -> Any:  # noqa: ANN401 - a type
    """The type of a setting in YAML: a truth value is no number."""

    def refuse_truth_values(value: Any) -> Any:  # noqa: ANN401 - YAML holds anything
        if isinstance(value, bool) and kind in NUMBERS:
            raise ValueError(f"{name}: {str(value).lower()}: must be a number ({allowed(name)})")
        return value

    return Annotated[kind, BeforeValidator(refuse_truth_values)]


ComponentSettings: Any = create_model(  # type: ignore[call-overload]  # its fields are made from those of Settings
    "ComponentSettings",
    __base__=(dg.Model, dg.Resolvable),
    __doc__="Default settings of all runs; a setting that is left out has its usual default.",
    **{  # without run_mode, which the jobs set
        name: (Annotated[_read(name, kind), _resolved(field.description)], field)
        for name, (kind, field) in fields_of_settings().items()
        if name != "run_mode"
    },
)


class AlertsOfLocation(dg.Model, dg.Resolvable):
    """Where failed runs are reported besides the log; see `resources.Alerts`."""

    file: Annotated[str, _resolved(Alerts.model_fields["file"].description)] = ""
    webhook: Annotated[str, _resolved(Alerts.model_fields["webhook"].description)] = ""


class DedupScaffolder(dg.Scaffolder):
    """Writes a `defs.yaml` with the attributes that every project must set."""

    def scaffold(self, request: dg.ScaffoldRequest) -> None:
        """Write the file with the folders to read and to write."""
        dg.scaffold_component(request, {"settings": {"input_dir": "images", "work_dir": "results"}})


@dg.scaffold_with(DedupScaffolder)
class DedupComponent(dg.Component, dg.Model, dg.Resolvable):
    """Finds duplicates, near-duplicates, outliers and broken files in an image collection.

    Assets from the listing to an HTML gallery, with checks, jobs, a sensor for new uploads and a schedule.
    """

    settings: Annotated[
        ComponentSettings,
        _resolved("Default settings of all runs: what is read, where results go, thresholds, limits."),
    ] = Field(default_factory=ComponentSettings)
    key_prefix: Annotated[list[str], _resolved("Prefix of all asset keys.")] = Field(default_factory=list)
    group_name: Annotated[str, _resolved("Group of the assets in the UI.")] = PIPELINE
    owners: Annotated[list[str], _resolved("Owners of all assets: team:NAME or an e-mail address.")] = OWNERS
    scale_out: Annotated[bool, _resolved("For many workers: features waits for all partitions.")] = False
    test_set: Annotated[bool, _resolved("Add the assets and jobs that score a test set.")] = False
    automate: Annotated[bool, _resolved("Switch the sensors on from the start.")] = False
    cron_schedule: Annotated[str, _resolved("Time of the daily schedule, in UTC.")] = DAILY
    alerts: Annotated[AlertsOfLocation, _resolved("Where failed runs are reported.")] = AlertsOfLocation()

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Owners and tags of the component, for the docs."""
        return dg.ComponentTypeSpec(owners=list(OWNERS), tags=["images", "deduplication"])

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Build the pipeline, which Dagster merges with the other definitions of the project."""
        return build_definitions(
            **self.settings.model_dump(),
            key_prefix=self.key_prefix,
            group_name=self.group_name,
            owners=self.owners,
            scale_out=self.scale_out,
            test_set=self.test_set,
            automate=self.automate,
            cron_schedule=self.cron_schedule,
            alerts=Alerts(**self.alerts.model_dump()),
            executor=None,  # the project decides
        )
