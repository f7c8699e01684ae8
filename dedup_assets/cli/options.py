"""Options of commands: one per field of `Settings`, with its name, type, default, bounds and description."""

from typing import Any, Literal, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from dedup_assets.engine.core.settings import Settings, allowed

_NEVER = {"input_dir", "work_dir", "version"}  # arguments or options of the commands themselves
_ALSO = {"sets": ("--set",), "evaluation_sets": ("--evaluation-set",), "roots": ("--root",)}  # each use names one
_METAVARS = {"sets": "NAME=INPUT", "evaluation_sets": "NAME", "roots": "PATH:ROLE"}


def settings_options(*left_out: str) -> list[click.Parameter]:
    """Options for all settings except the named ones; the value of an option that is not given is None."""
    fields = Settings.model_fields
    return [_option(name, fields[name]) for name in fields if name not in _NEVER.union(left_out)]


def _given(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> list[str] | None:
    """The values of an option that may be repeated; None if it is not given."""
    return list(values) or None


def _option(name: str, field: FieldInfo) -> click.Option:
    kind, bounds = type(field.default), allowed(name)
    text = f"{field.description} [default: {field.default!r}{f'; {bounds}' if bounds else ''}]"
    flags: list[Any] = [*sorted({f"--{name.replace('_', '-')}", f"--{name}"}), *_ALSO.get(name, ()), name]
    if kind is bool:
        return click.Option(flags, is_flag=True, default=None, help=text)
    if kind is list:
        return click.Option(
            flags, multiple=True, callback=_given, metavar=_METAVARS.get(name, "PATTERN"), help=f"{text} Repeatable."
        )
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    # `Settings` checks the values, so that a wrong one has the same message everywhere; click only converts the type.
    return click.Option(flags, type=kind, default=None, help=text, metavar="|".join(choices) or None)
