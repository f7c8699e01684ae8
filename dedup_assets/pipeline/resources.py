"""Resources: the settings that all assets share, progress in the log, and alerts.

The settings resource is made from the fields of `Settings`, so that the launchpad shows each parameter with default,
meaning and allowed values. A new parameter belongs in `Settings`.
"""

import time
from types import UnionType
from typing import Any, get_origin

import dagster as dg
from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo, create_model, field_validator
from pydantic.fields import FieldInfo

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.own_files import TEST
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.core.setting_values import NUMBERS
from dedup_assets.engine.core.settings import Settings, allowed
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.generations import open_here as open_generation

SETTINGS = "settings"
IO_MANAGER = "dedup_io_manager"  # "io_manager" would be the default of a whole code location

LAUNCH_TAG = "dedup_assets/launch"  # of the runs that `launch` starts
UNSEEN_TAG = "dedup_assets/unseen"  # of those whose instance ends with them, so that no UI shows their metadata

_LOG_SECONDS = 10
_OF_THE_SHELL = {"version", "verbose"}  # have no meaning for an asset


class SettingsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """All settings of a run, for all assets and the IO manager."""

    _parsed: Settings | None = PrivateAttr(None)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_truth_values(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - YAML holds anything
        name = str(info.field_name)
        if isinstance(value, bool) and cls.model_fields[name].annotation in NUMBERS:
            raise ValueError(f"{name}={value}: must be a number ({allowed(name)})")
        return value

    def parsed(self) -> Settings:
        """Validate the settings. Raises SettingsError, which names every wrong parameter."""
        if self._parsed is None:  # a run asks hundreds of times
            self._parsed = Settings.parse(**{name: getattr(self, name) for name in type(self).model_fields})
        return self._parsed

    def open_work_dir(self) -> WorkDir:
        """The work_dir of these settings, as the run of this process sees it."""
        return self._as_seen_here(WorkDir(self.parsed().work_dir))

    def open_test_dir(self) -> WorkDir:
        """The folder of the test set. A run that scores one has its generation there, not in the work_dir."""
        return self._as_seen_here(WorkDir(self.parsed().work_dir).within(TEST))

    @staticmethod
    def _as_seen_here(work_dir: WorkDir) -> WorkDir:
        return work_dir.in_generation(open_generation(work_dir))


def fields_of_settings() -> dict[str, Any]:
    """Types, defaults and descriptions of the settings, without bounds; `parsed` checks those."""
    return {
        name: (_annotation(field), Field(default=field.default, description=_description(name)))
        for name, field in Settings.model_fields.items()
        if name not in _OF_THE_SHELL
    }


def _annotation(field: FieldInfo) -> Any:  # noqa: ANN401 - a type
    """The type of a setting in the launchpad. Dagster's config has no unions, so `parsed` checks such values.

    A list that is read from other values, too, such as one text or a mapping, counts as one.
    """
    is_read = any(isinstance(each, BeforeValidator) for each in field.metadata)
    is_list = get_origin(field.annotation) is list
    return Any if isinstance(field.annotation, UnionType) or (is_read and is_list) else field.annotation


def _description(name: str) -> str:
    described = Settings.model_fields[name].description or ""
    return f"{described} ({allowed(name)})" if allowed(name) else described


DedupSettings = create_model("DedupSettings", __base__=SettingsResource, **fields_of_settings())


def require_input(settings: Settings) -> None:
    """Check that settings name what to read. Raises SettingsError that says where to name it."""
    if not settings.input_dir:
        raise SettingsError(
            "input_dir is not set: name what to read in the launchpad, under resources: settings: config (Shift-click "
            "Materialize, or the page of the job dedup), or set DEDUP_INPUT_DIR before Dagster starts"
        )


class LoggedProgress(ProgressReporter):
    """Writes progress to Dagster's log, at most every ten seconds, because each line is a row of the event log."""

    def __init__(self) -> None:
        self._logged_at = time.monotonic()

    def advance(self, done: int, bad: int) -> None:
        """Count images, and log the progress if it is time."""
        super().advance(done, bad)
        if time.monotonic() - self._logged_at >= _LOG_SECONDS:
            self._logged_at = time.monotonic()
            dg.get_dagster_logger().info(str(self))


class Alerts(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where failed runs are reported besides Dagster's log. Nothing leaves the machine unless a webhook is set."""

    file: str = Field(default="", description="A local file to which each failure is appended as a line of JSON.")
    webhook: str = Field(
        default="",
        description="An http or https URL to which each failure is posted as JSON; its `text` is what Slack shows.",
    )
