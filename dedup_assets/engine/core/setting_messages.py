"""Messages about settings: which values are allowed, and what is wrong with a value."""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from dedup_assets.engine.core.spelling import did_you_mean

_NUMBERS = {"int": "a whole number ", "float": "a number "}
"""What a value is not, by the first word of pydantic's type of problem."""


def allowed_values(field: FieldInfo) -> str:
    """The values that a setting may have, in a few words; empty where any value of its type is allowed."""
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(field.annotation))
    bounds = {type(bound).__name__: bound for bound in field.metadata}
    low, high = getattr(bounds.get("Ge"), "ge", None), getattr(bounds.get("Le"), "le", None)
    if high is not None:
        return f"from {low} to {high}"
    return f"at least {low}" if low is not None else ""


def explain(fields: Mapping[str, FieldInfo], problem: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    """One problem as `name=value: what was wrong (what is allowed)`.

    Args:
        fields: all settings by name.
        problem: what pydantic says of one of them.
    """
    message = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if not problem["loc"]:
        return message
    name = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        where = f"all {len(fields)} are in dedup-assets run --help, and in docs/reference.md under Parameters"
        return f"unknown parameter {name!r}{did_you_mean(name, fields)}: {where}"
    if problem["type"] == "value_error":
        return f"{name}={problem['input']!r:.200}: {message}"
    kind = getattr(fields[name].annotation, "__name__", "")
    meant = did_you_mean(str(problem["input"]), map(str, get_args(fields[name].annotation)))
    allowed = allowed_values(fields[name])
    noun = _NUMBERS.get(str(problem["type"]).partition("_")[0], "") if allowed else ""
    rule = noun + allowed or f"a value of type {kind}"
    return f"{name}={problem['input']!r:.200}: must be {rule}{meant}"
