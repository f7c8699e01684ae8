"""A Dagster component: the pipeline as a few lines of YAML in somebody's project.

`dg scaffold defs dedup_assets.DedupComponent photos` writes a `defs.yaml`; its attributes are the arguments of
`building.build_definitions`, among them every setting with its default, meaning and bounds.
"""

from typing import Annotated, Any

import dagster as dg
from pydantic import Field, create_model

from dedup_assets.pipeline.building import OWNERS, PIPELINE, build_definitions
from dedup_assets.pipeline.resources import Alerts, fields_of_settings


def _resolved(description: str | None) -> Any:  # noqa: ANN401 - Dagster's Resolver
    """How a field is read from YAML; Dagster takes descriptions from here, not from the field."""
    return dg.Resolver.default(description=description)


ComponentSettings: Any = create_model(  # type: ignore[call-overload]  # its fields are made from those of Settings
    "ComponentSettings",
    __base__=(dg.Model, dg.Resolvable),
    __doc__="Settings that all runs have unless one says otherwise; those left out have their defaults.",
    **{  # run_mode is what jobs say
        name: (Annotated[kind, _resolved(field.description)], field)
        for name, (kind, field) in fields_of_settings().items()
        if name != "run_mode"
    },
)


class AlertsOfLocation(dg.Model, dg.Resolvable):
    """Where failed runs are reported besides the log; see `resources.Alerts`."""

    file: Annotated[str, _resolved(Alerts.model_fields["file"].description)] = ""
    webhook: Annotated[str, _resolved(Alerts.model_fields["webhook"].description)] = ""


class DedupScaffolder(dg.Scaffolder):
    """Writes a `defs.yaml` that names what everybody must say."""

    def scaffold(self, request: dg.ScaffoldRequest) -> None:
        """Write it."""
        dg.scaffold_component(request, {"settings": {"input_dir": "images", "work_dir": "results"}})


@dg.scaffold_with(DedupScaffolder)
class DedupComponent(dg.Component, dg.Model, dg.Resolvable):
    """Finds duplicates, near-duplicates, outliers and broken files in an image collection.

    Assets from the listing to an HTML gallery, with checks, jobs, a sensor for new uploads and a schedule.
    """

    settings: Annotated[
        ComponentSettings,
        _resolved("Of all runs, unless one says otherwise: what is read, where results go, thresholds, limits."),
    ] = Field(default_factory=ComponentSettings)
    key_prefix: Annotated[list[str], _resolved("Put before all asset keys.")] = Field(default_factory=list)
    group_name: Annotated[str, _resolved("Of the assets, in the UI.")] = PIPELINE
    owners: Annotated[list[str], _resolved("Of all assets: team:NAME or an e-mail address.")] = OWNERS
    scale_out: Annotated[bool, _resolved("Ranges of images as partitions, for many workers.")] = False
    automate: Annotated[bool, _resolved("Sensors are on from the start.")] = False
    cron_schedule: Annotated[str, _resolved("Of the daily schedule, UTC.")] = "0 3 * * *"
    alerts: Annotated[AlertsOfLocation, _resolved("Where failed runs are reported.")] = AlertsOfLocation()

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Who answers for it, and how it is found in the docs."""
        return dg.ComponentTypeSpec(owners=list(OWNERS), tags=["images", "deduplication"])

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The pipeline, to be merged with what else the project defines."""
        return build_definitions(
            **self.settings.model_dump(),
            key_prefix=self.key_prefix,
            group_name=self.group_name,
            owners=self.owners,
            scale_out=self.scale_out,
            automate=self.automate,
            cron_schedule=self.cron_schedule,
            alerts=Alerts(**self.alerts.model_dump()),
            executor=None,  # the project's
        )
