"""The rules by which the image to keep is chosen, their presets, and how a policy is written.

A policy is an ordered list of rules. The first that tells two images apart decides. What is unknown decides nothing.
How each rule reads the facts of images is in `groups.policy`.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Any

from dedup_assets.engine.core.spelling import did_you_mean

_PATH = "path="
_ENDINGS = (".yaml", ".yml")


class KeepRule(StrEnum):
    """What an image can be ahead in. Each text says what the winner of the rule has."""

    PROTECTED = "protected"
    """Nothing is ever done to it: a verdict or a root says so."""
    LABELLED = "labelled"
    """The data set has a label for it (`labels`)."""
    UNCROPPED = "uncropped"
    """It shows more of the picture."""
    UNEDITED = "unedited"
    """Nothing covers it, surrounds it or was taken from it."""
    CAMERA_ORIGINAL = "camera_original"
    """Its EXIF block names a camera."""
    NOT_UPSCALED = "not_upscaled"
    """It was not enlarged from the other."""
    PIXELS = "pixels"
    """It has more pixels."""
    LOSSLESS = "lossless_if_not_derived"
    """It is stored without loss, and no lossy file has the same pixels."""
    JPEG_QUALITY = "jpeg_quality"
    """Its JPEG quality is higher."""
    BYTES = "bytes_same_format"
    """It has more bytes, of two files of one format."""
    OLDEST_EXIF = "oldest_exif"
    """Its EXIF block has the earlier time."""
    PLAIN_NAME = "plain_name"
    """Its path says that it is the original: no folder of copies, no name of a copy, fewer folders."""
    NAME = "name"
    """Its name comes first in the order of bytes."""


_PHOTOS = (
    *(KeepRule.PROTECTED, KeepRule.LABELLED, KeepRule.UNCROPPED, KeepRule.UNEDITED, KeepRule.CAMERA_ORIGINAL),
    KeepRule.NOT_UPSCALED,
    *(KeepRule.PIXELS, KeepRule.LOSSLESS, KeepRule.JPEG_QUALITY, KeepRule.BYTES, KeepRule.OLDEST_EXIF),
    *(KeepRule.PLAIN_NAME, KeepRule.NAME),
)
PRESETS: dict[str, tuple[str, ...]] = {
    "photos": _PHOTOS,
    "dataset": tuple(rule for rule in _PHOTOS if rule not in (KeepRule.CAMERA_ORIGINAL, KeepRule.OLDEST_EXIF)),
    "archive": (
        *(KeepRule.PROTECTED, KeepRule.LABELLED, KeepRule.CAMERA_ORIGINAL, KeepRule.OLDEST_EXIF, KeepRule.UNCROPPED),
        *(KeepRule.UNEDITED, KeepRule.NOT_UPSCALED, KeepRule.LOSSLESS, KeepRule.PIXELS, KeepRule.JPEG_QUALITY),
        *(KeepRule.BYTES, KeepRule.PLAIN_NAME, KeepRule.NAME),
    ),
}
"""Policies with a name: photographs; training sets, in which metadata say nothing; archives, in which they say most."""

DEFAULT_POLICY = "photos"


def path_pattern(rule: str) -> str | None:
    """The regular expression of a rule `path=REGEX`; None for another rule."""
    return rule.removeprefix(_PATH) if rule.startswith(_PATH) else None


def read_keep_policy(value: str) -> str:
    """Give the rules of a policy: a preset, a YAML file with a list of rules, or the rules themselves.

    Args:
        value: the name of a preset; the path of a file that ends with .yaml or .yml; or rules joined by commas.

    Returns:
        The name of the preset, or rules joined by commas.

    Raises:
        ValueError: the file cannot be read, or a rule is unknown, twice, or no regular expression.
    """
    if value in PRESETS:
        return value
    rules = _read_file(Path(value)) if value.endswith(_ENDINGS) else [rule.strip() for rule in value.split(",")]
    for rule in rules:
        _check(rule)
    if twice := next((rule for rule in rules if rules.count(rule) > 1), None):
        raise ValueError(f"rule {twice!r} is given twice")
    return ",".join(rules)


def keep_rules(policy: str) -> tuple[str, ...]:
    """The rules of a policy as `read_keep_policy` gives it, ended by those of names, so that some rule decides.

    A list that has `name` is complete. Another one is followed by `plain_name`, unless it has that, and by `name`.
    """
    rules = PRESETS.get(policy) or tuple(policy.split(","))
    if KeepRule.NAME in rules:
        return rules
    return (*rules, *(rule for rule in (KeepRule.PLAIN_NAME, KeepRule.NAME) if rule not in rules))


def _check(rule: Any) -> None:  # noqa: ANN401 - what YAML holds
    pattern = path_pattern(rule) if isinstance(rule, str) else None
    if pattern is None:
        if rule in list(PRESETS):
            raise ValueError(
                f"rule {rule!r} is a preset, and a preset stands alone: give {rule!r} and nothing else, or rules "
                f"out of {', '.join(KeepRule)} and path=REGEX"
            )
        if rule not in list(KeepRule):
            meant = did_you_mean(str(rule), [*KeepRule, *PRESETS])
            raise ValueError(
                f"unknown rule {rule!r}{meant}: allowed are {', '.join(KeepRule)} and path=REGEX; or one of the "
                f"presets {', '.join(PRESETS)}; or a file that ends with {' or '.join(_ENDINGS)}"
            )
        return
    if not pattern:
        raise ValueError(
            f"rule {rule!r} has no regular expression, so that it tells no two names apart: write path=REGEX"
        )
    if "," in pattern:
        raise ValueError(f"rule {rule!r} has a comma, which separates rules: write \\x2c")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"rule {rule!r} is no regular expression: {error}") from None


def _read_file(path: Path) -> list[Any]:
    import yaml

    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{str(path)!r} cannot be read: {' '.join(str(error).split())}") from None
    rules = found.get("rules") if isinstance(found, dict) else found
    if not isinstance(rules, list) or not rules:
        raise ValueError(f"{str(path)!r} must hold a list of rules, or `rules:` with one")
    return [_rule_of(rule) for rule in rules]


def _rule_of(entry: Any) -> Any:  # noqa: ANN401 - what YAML holds
    """A rule as it is written in a text, of an entry of a file."""
    if not (isinstance(entry, dict) and list(entry) == ["path"]):
        return entry
    pattern = "" if entry["path"] is None else entry["path"]
    if not isinstance(pattern, str):
        raise ValueError(f"rule `path: {pattern!r}` must be a regular expression as text: put it in quotes")  # noqa: TRY004 - as for other values
    return f"{_PATH}{pattern}"
