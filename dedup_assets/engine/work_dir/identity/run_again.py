"""The command that makes the results of a work_dir again, for messages that ask for another run."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.work_dir.identity.config import Config

_ARGUMENTS = {"input_dir", "work_dir", "version"}
_MOST_INPUTS = 5  # that a command names; a longer list is one of a caller in Python


def run_command(config: Config, work_dir: str) -> str:
    """The command line of the last run in a work_dir, with the settings that are no defaults.

    Args:
        config: the records of the work_dir.
        work_dir: its path or URL.
    """
    given: Mapping[str, Any] = config.settings
    inputs = given.get("input_dir", "")
    named = inputs if isinstance(inputs, list) else [inputs] if inputs else []
    named = [str(each) for each in named] if len(named) <= _MOST_INPUTS else ["INPUT"]
    return shlex.join(["dedup-assets", "run", *named, work_dir, *_options(given)])


def _options(given: Mapping[str, Any]) -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        value = given.get(name, field.default)
        if name in _ARGUMENTS or value == field.default:
            continue
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            yield option
        else:
            for each in value if isinstance(value, list) else [value]:
                yield from (option, str(each))
