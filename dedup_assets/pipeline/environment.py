"""Settings of a code location from environment variables: `DEDUP_INPUT_DIR` for `input_dir`, and so on.

Only the code locations that Dagster loads by name read them, because nobody passes arguments to these.
"""

import json
import os
from contextlib import suppress
from typing import Any

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.settings import Settings
from dedup_assets.pipeline.resources import fields_of_settings

_PREFIX = "DEDUP_"


def settings_of_environment() -> dict[str, Any]:
    """The settings that are set in the environment; a list is JSON, an empty variable counts as not set.

    Raises:
        SettingsError: names every wrong value and what is allowed.
    """
    given = {name: os.environ.get(_PREFIX + name.upper(), "") for name in fields_of_settings()}
    values = {name: _value(text) for name, text in given.items() if text}
    try:
        settings = Settings.parse(**values)
    except SettingsError as error:
        raise SettingsError(f"environment variables {_PREFIX}<SETTING>: {error}") from None
    return {name: getattr(settings, name) for name in values}


def _value(text: str) -> Any:  # noqa: ANN401 - as JSON has it
    with suppress(ValueError):
        if text.startswith("["):
            return json.loads(text)
    return text
