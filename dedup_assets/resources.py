"""Public address of the resources that a code location passes on; the code is in `dedup_assets.pipeline.resources`."""

from dedup_assets.pipeline.resources import (
    IO_MANAGER,
    Alerts,
    DedupSettings,
    LoggedProgress,
    SettingsResource,
    fields_of_settings,
)

__all__ = ["IO_MANAGER", "Alerts", "DedupSettings", "LoggedProgress", "SettingsResource", "fields_of_settings"]
