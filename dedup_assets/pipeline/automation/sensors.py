"""Sensors: new uploads start a run, new ranges start what follows, failures are reported.

All are off until a person switches them on, under Automation in the UI or by `automate`. `engine.inputs.watching` looks
at an input; this module decides when a look starts a run.
"""

import json
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import dagster as dg

from dedup_assets.engine.core.errors import DedupError, SettingsError
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.inputs.listing import ListingOptions
from dedup_assets.engine.inputs.watching import Sighting, look
from dedup_assets.pipeline.resources import Alerts
from dedup_assets.pipeline.verdicts import NAME, observation_of_news

_INTERVAL_SECONDS = 30
_WEBHOOK_SECONDS = 10
_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@dataclass(frozen=True)
class Watch:
    """The cursor of the sensor for new uploads: what it knows between two ticks.

    Attributes:
        begun: an incomplete look, which the next tick continues.
        seen: the last complete look.
        since: when that state was first seen, in seconds since 1970.
        requested: digest of the state for which a run was last requested.
    """

    begun: Sighting | None = None
    seen: Sighting = field(default_factory=Sighting)
    since: float = 0.0
    requested: str = ""

    @classmethod
    def parse(cls, cursor: str | None) -> "Watch":
        """Read a cursor. An empty one, or one that a person changed in the UI, means that nothing is known."""
        try:
            kept = json.loads(cursor or "{}")
            begun = Sighting(**kept["begun"]) if kept.get("begun") else None
            return cls(begun, Sighting(**kept["seen"]), float(kept["since"]), str(kept["requested"]))
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def cursor(self) -> str:
        """The cursor as text; its size does not grow with the number of files."""
        return json.dumps(asdict(self))

    def advance(self, found: Sighting, now: float) -> "tuple[Watch, str]":
        """Return the next cursor, and the reason to start no run; the reason is empty if a run should start.

        A run starts when two complete looks in a row find the same state, because the state changes during an upload.
        """
        if found.after:
            return replace(self, begun=found), f"{found.files} files counted so far; the next tick goes on"
        if not found.files:
            return Watch(requested=self.requested), "there are no images yet"
        if found == self.seen and found.digest == self.requested:
            return replace(self, begun=None), f"nothing has changed: {found.files} files, as in the last run"
        if found == self.seen:
            return replace(self, begun=None, requested=found.digest), ""
        if found.digest == self.requested:
            return Watch(None, found, now, self.requested), f"as in the last run again: {found.files} files"
        waiting = f"{found.files} files, {self.seen.files} before; waiting until nothing changes between two looks"
        return Watch(None, found, now, self.requested), waiting


def build_sensors(
    settings: Settings,
    target: dg.AssetSelection,
    pipeline: Sequence[dg.AssetKey],
    key_prefix: Sequence[str] = (),
    *,
    automate: bool = False,
) -> list[dg.SensorDefinition]:
    """Build the sensors of a pipeline.

    Args:
        settings: settings with the input_dir that is watched.
        target: the assets that new uploads materialize.
        pipeline: all asset keys of the pipeline.
        key_prefix: prefix of its asset keys; names of sensors begin with it.
        automate: the sensors are on from the start.
    """
    status = dg.DefaultSensorStatus.RUNNING if automate else dg.DefaultSensorStatus.STOPPED
    return [
        _new_uploads("_".join([*key_prefix, "new_uploads"]), settings, target, status),
        _failures("_".join([*key_prefix, "report_failures"]), frozenset(pipeline), status),
        _new_verdicts("_".join([*key_prefix, "new_verdicts"]), settings, dg.AssetKey([*key_prefix, NAME]), status),
        dg.AutomationConditionSensorDefinition(
            "_".join([*key_prefix, "new_ranges_flow_on"]),
            target=dg.AssetSelection.assets(*pipeline),
            default_status=status,
            minimum_interval_seconds=_INTERVAL_SECONDS,
            description="Materializes what a new listing changes: with partitions, each new range once; then features, "
            "search, graph and gallery as soon as all their inputs are there.",
        ),
    ]


def _new_uploads(
    name: str, settings: Settings, target: dg.AssetSelection, status: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    @dg.sensor(
        name=name,
        target=target,
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=status,
        description=f"Watches {settings.input_dir or 'input_dir'!r}: one run once files came, went or changed and then "
        "stayed the same for an interval. Lists names, opens no image; a large input is looked at over several ticks.",
    )
    def new_uploads(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        if _is_under_way(context.instance, name):
            return dg.SensorResult(skip_reason="a run for earlier uploads is under way", cursor=context.cursor)
        watch = Watch.parse(context.cursor)
        try:
            found = look(settings.input_dir, ListingOptions.of(settings), begun=watch.begun)
        except DedupError as error:
            return dg.SensorResult(skip_reason=str(error), cursor=context.cursor)
        watch, reason = watch.advance(found, time.time())
        if reason:
            return dg.SensorResult(skip_reason=reason, cursor=watch.cursor())
        # Dagster starts no run for a known key. The time makes the key of a state that returns a new one.
        key = f"{found.digest[:16]}-{watch.since:.0f}"
        request = dg.RunRequest(run_key=key, tags={"dedup_assets/files": str(found.files)})
        return dg.SensorResult(run_requests=[request], cursor=watch.cursor())

    return new_uploads


def _new_verdicts(
    name: str, settings: Settings, key: dg.AssetKey, status: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    @dg.sensor(
        name=name,
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=status,
        description="Notes new verdicts, which mark groups and gallery as stale. Starts no run by itself.",
    )
    def new_verdicts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        news = observation_of_news(context.instance, key, settings)
        if news is None:
            return dg.SensorResult(skip_reason="no new verdict")
        return dg.SensorResult(asset_events=[news])

    return new_verdicts


def _is_under_way(instance: dg.DagsterInstance, sensor: str) -> bool:
    runs = dg.RunsFilter(tags={"dagster/sensor_name": sensor}, statuses=_UNDER_WAY)
    return bool(instance.get_run_records(runs, limit=1))


def _failures(name: str, pipeline: frozenset[dg.AssetKey], status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name=name,
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=status,
        description="Reports failed runs of the pipeline in its log, and to the file and webhook of the resource "
        "`alerts`. By default nothing leaves this machine.",
    )
    def report_failures(context: dg.RunFailureSensorContext, alerts: Alerts) -> dg.SkipReason | None:
        if not pipeline.intersection(_planned(context)):
            return dg.SkipReason("the run is not of this pipeline")
        report = describe_failure(context)
        context.log.error(report["text"])
        publish(report, alerts)
        return None

    return report_failures


def _planned(context: dg.RunFailureSensorContext) -> set[dg.AssetKey]:
    """The assets of a run, chosen by a job, a person or automation."""
    entries = context.instance.all_logs(context.dagster_run.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    events = (entry.dagster_event for entry in entries)
    return {event.asset_materialization_planned_data.asset_key for event in events if event}


def describe_failure(context: dg.RunFailureSensorContext) -> dict[str, str]:
    """Describe which steps failed and why, with the message of the innermost error."""
    steps = {event.step_key or "": _reason(event) for event in context.get_step_failure_events()}
    why = "; ".join(f"{step}: {reason}" for step, reason in steps.items()) or context.failure_event.message or ""
    run = context.dagster_run
    return {
        "text": f"Run {run.run_id[:8]} of {run.job_name} failed: {why}",
        "run_id": run.run_id,
        "job": run.job_name,
        "steps": ", ".join(steps),
        "reason": why,
    }


def _reason(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error and error.cause:
        error = error.cause
    return " ".join(error.message.split()) if error else "unknown reason"


def publish(report: dict[str, str], alerts: Alerts) -> None:
    """Append a report to the file and post it to the webhook, as far as they are set.

    Raises:
        SettingsError: the webhook is not an http or https URL.
        OSError: the file cannot be written, or the webhook does not answer or refuses.
    """
    body = json.dumps(report)
    if alerts.file:
        with Path(alerts.file).open("a", encoding="utf-8") as file:
            file.write(body + "\n")
    if alerts.webhook:
        if not alerts.webhook.startswith(("http://", "https://")):
            raise SettingsError(f"alerts.webhook={alerts.webhook!r}: must be an http or https URL")
        request = urllib.request.Request(alerts.webhook, body.encode(), {"Content-Type": "application/json"})  # noqa: S310 - checked above
        with urllib.request.urlopen(request, timeout=_WEBHOOK_SECONDS):  # noqa: S310 - likewise
            pass
