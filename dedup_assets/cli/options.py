"""Options of commands: one per field of `Settings`, with its name, type, default, bounds and description."""

import copy
from typing import Any, Literal, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from dedup_assets.engine.core.settings import Settings, allowed

_NEVER = {"input_dir", "work_dir", "version"}  # arguments or options of the commands themselves
_ALSO = {"sets": ("--set",), "evaluation_sets": ("--evaluation-set",), "roots": ("--root",)}  # each use names one
_METAVARS = {"sets": "NAME=INPUT", "evaluation_sets": "NAME", "roots": "PATH:ROLE"}


_SHORT = {"threshold": "-t", "nearest_neighbors_k": "-k", "num_threads": "-j", "run_mode": "-m", "verbose": "-v"}

SECTIONS = {
    "Common options": (
        *(
            "threshold",
            "nearest_neighbors_k",
            "run_mode",
            "num_threads",
            "evidence",
            "keep_policy",
            "labels",
            "verdicts",
        ),
        *("roots", "across_only", "sets", "set_column", "set_folders", "evaluation_sets", "compute", "verbose", "help"),
    ),
    "Input": (
        "include",
        "exclude",
        "num_images",
        "min_offset",
        "max_offset",
        "bounding_box",
        "video_fps",
        "model_path",
    ),
    "Search": (
        *("distance", "range_search", "range_search_limit", "faiss_mode", "faiss_param", "recall_target"),
        *("evidence_pairs_per_image", "search_range_size", "shard_size"),
    ),
    "Graph and report": ("lower_threshold", "group_ids_from", "gallery_pairs", "gallery_thumbnails"),
    "Limits": (
        *("max_pixels", "image_seconds", "max_bad_share", "max_duplicate_share", "max_component_share"),
        *("max_removed_share", "max_leaks", "stop_on_failed_checks"),
    ),
    "Compatibility with fastdup": ("turi_param", "nn_provider", "nnmodel"),
}
"""Settings by the section of the help that shows them; a setting that no section names is under "More options"."""


class SettingsCommand(click.Command):
    """A command whose help shows its options in sections, and examples before them if it has some.

    Args:
        examples: lines of a shell.
    """

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:  # noqa: ANN401 - as click has it
        super().__init__(*args, **kwargs)
        self._examples = examples

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples, then the options by section."""
        if self._examples:
            with formatter.section("Examples"):
                formatter.write_text("\b\n" + "\n".join(self._examples))
        parameters = {"help" if "--help" in each.opts else str(each.name): each for each in self.get_params(context)}
        found = {name: each.get_help_record(context) for name, each in parameters.items()}
        records = {name: record for name, record in found.items() if record is not None}
        named = {name for names in SECTIONS.values() for name in names}
        arguments = {str(each.name) for each in self.params if isinstance(each, click.Argument)}
        more = tuple(name for name in records if name not in named and name not in arguments)
        for section, names in {**SECTIONS, "More options": more}.items():
            if shown := [records[name] for name in names if name in records]:
                with formatter.section(section):
                    formatter.write_dl(shown)


class _SettingOption(click.Option):
    """An option whose spelling with underscores, which is fastdup's, works and is not shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Names and meaning of the option."""
        shown = copy.copy(self)
        shown.opts = [each for each in self.opts if "_" not in each]
        return click.Option.get_help_record(shown, ctx)


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
    flags += [_SHORT[name]] if name in _SHORT else []
    if kind is bool:
        return _SettingOption(flags, is_flag=True, default=None, help=text)
    if kind is list:
        return _SettingOption(
            flags, multiple=True, callback=_given, metavar=_METAVARS.get(name, "PATTERN"), help=f"{text} Repeatable."
        )
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    # `Settings` checks the values, so that a wrong one has the same message everywhere; click only converts the type.
    return _SettingOption(flags, type=kind, default=None, help=text, metavar="|".join(choices) or None)
