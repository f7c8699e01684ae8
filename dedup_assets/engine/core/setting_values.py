"""Settings that hold several values: `turi_param`, `faiss_param`, `bounding_box`, `input_dir`.

A text that cannot be read is a ValueError.
"""

import os
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator

from dedup_assets.engine.core.keep_rules import read_keep_policy
from dedup_assets.engine.core.label_source import check_label_source
from dedup_assets.engine.core.records import BoundingBox
from dedup_assets.engine.core.spelling import did_you_mean

NearestNeighborModel = Literal["brute_force", "ball_tree", "lsh"]

NUMBERS = (int, float)
"""Types of settings for which a truth value is no number, as Python has it, but a mistake."""

_TURI_KEYS = ("nnmodel", "ccthreshold", "run_cc", "run_pagerank", "run_degree")
_EXAMPLE_BOX = "rows=0,cols=0,width=640,height=400"
_SHOWN_INPUTS = 3  # inputs of a list that a message names
_NNMODEL_BY_NUMBER: dict[str, NearestNeighborModel] = {"0": "brute_force", "1": "ball_tree", "2": "lsh"}


def _key_values(text: str) -> dict[str, str]:
    """Split `a=1,b=2` into pairs. Raises ValueError that says what is wrong."""
    pairs: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, separator, value = (piece.strip() for piece in part.partition("="))
        if not (key and separator and value):
            raise ValueError(f"{part!r} is not key=value")
        if key in pairs:
            raise ValueError(f"{key!r} is given twice")
        pairs[key] = value
    return pairs


def nnmodel_of(value: str) -> NearestNeighborModel:
    """Return the method of the turi provider with this name or number. Raises ValueError for any other value."""
    named = _NNMODEL_BY_NUMBER.get(value, value)
    for model in get_args(NearestNeighborModel):
        if named == model:
            return named  # type: ignore[return-value]  # one of the literals, as just compared
    meant = did_you_mean(value, get_args(NearestNeighborModel))
    raise ValueError(f"nnmodel={value!r} must be 0 or brute_force, 1 or ball_tree, 2 or lsh{meant}")


def parse_turi_param(text: str) -> dict[str, str]:
    """Read `turi_param`. Raises ValueError for an unknown key or a value out of range."""
    pairs = _key_values(text)
    for key, value in pairs.items():
        if key == "nnmodel":
            pairs[key] = nnmodel_of(value)
        elif key == "ccthreshold":
            _check_share(key, value)
        elif key in {"run_cc", "run_pagerank", "run_degree"}:
            if value not in {"0", "1"}:
                raise ValueError(f"{key}={value!r} must be 0 or 1")
        else:
            meant = did_you_mean(key, _TURI_KEYS)
            raise ValueError(f"unknown key {key!r}{meant}: allowed are {', '.join(_TURI_KEYS)}")
    return pairs


def _check_share(key: str, value: str) -> None:
    try:
        inside = 0 <= float(value) <= 1
    except ValueError:
        inside = False
    if not inside:
        raise ValueError(f"{key}={value!r} must be a number from 0 to 1")


def parse_numbers(text: str) -> dict[str, float]:
    """Read `efSearch=175,nprobe=200`. Names are not checked here, because only the index knows its parameters."""
    numbers = {}
    for key, value in _key_values(text).items():
        try:
            numbers[key] = float(value)
        except ValueError:
            raise ValueError(f"{key}={value!r} must be a number") from None
        if not 0 <= numbers[key] < 2**31:  # also refuses nan
            raise ValueError(f"{key}={value!r} must be a number from 0 to {2**31 - 1}")
    return numbers


def parse_bounding_box(text: str) -> BoundingBox | None:
    """Read `bounding_box`, also in fastdup's later spelling (row_y, col_x). Raises ValueError if wrong."""
    try:
        return _read_bounding_box(text)
    except ValueError as error:
        raise ValueError(f"{error}; allowed is, for example, {_EXAMPLE_BOX!r}") from None


def _read_bounding_box(text: str) -> BoundingBox | None:
    if not text.strip():
        return None
    names = {"rows": "row", "row_y": "row", "cols": "col", "col_x": "col", "width": "width", "height": "height"}
    box: dict[str, int] = {}
    for key, value in _key_values(text).items():
        if key not in names:
            meant = did_you_mean(key, names)
            raise ValueError(f"unknown key {key!r}{meant}: allowed are rows (or row_y), cols (or col_x), width, height")
        if names[key] in box:
            raise ValueError(f"{key!r} is given twice, in its two spellings")
        if not re.fullmatch(r"\d+", value):
            raise ValueError(f"{key}={value!r} must be a whole number of pixels, at least 0")
        box[names[key]] = int(value)
    missing = {"row", "col", "width", "height"} - box.keys()
    if missing or not (box["width"] and box["height"]):
        raise ValueError("needs rows, cols, width and height, the last two at least 1")
    return BoundingBox(**box)


def expand_home(path: str) -> str:
    """Replace `~` or `~user` at the start of a path by the home folder, as a shell does."""
    if not path.startswith("~") or "\0" in path:
        return path
    return os.path.expanduser(path)  # noqa: PTH111 - the rest of the text stays as given


HomePath = Annotated[str, AfterValidator(expand_home)]
"""A path or URL, with `~` replaced."""


def _checked_inputs(value: Any) -> Any:  # noqa: ANN401 - users give anything; that is what this checks
    if value == []:
        raise ValueError("the list is empty")
    if not isinstance(value, str | list) or not all(isinstance(row, str) for row in value):
        raise ValueError("must be a path, a URL, or a list of these")
    return expand_home(value) if isinstance(value, str) else [expand_home(row) for row in value]


def _listed_patterns(value: Any) -> Any:  # noqa: ANN401 - likewise
    return [value] if isinstance(value, str) and value else value or []


def _parsed_by(parse: Callable[[str], object]) -> Callable[[str], str]:
    """A validator that keeps the text, if it can be parsed."""

    def check(text: str) -> str:
        parse(text)
        return text

    return check


Inputs = Annotated[str | list[str], BeforeValidator(_checked_inputs)]
"""One input, or several."""

TuriParam = Annotated[str, AfterValidator(_parsed_by(parse_turi_param))]
FaissParam = Annotated[str, AfterValidator(_parsed_by(parse_numbers))]
BoundingBoxText = Annotated[str, AfterValidator(_parsed_by(parse_bounding_box))]

Labels = Annotated[str, AfterValidator(expand_home), AfterValidator(check_label_source)]
"""Where labels of images are; see `label_source`."""

KeepPolicy = Annotated[str, AfterValidator(read_keep_policy)]
"""A preset, or rules joined by commas; a YAML file is replaced by its rules."""

Patterns = Annotated[list[str], BeforeValidator(_listed_patterns)]
"""Glob patterns; a single one needs no list around it."""


def short_inputs(input_dir: object) -> str:
    """The setting `input_dir` for a message: itself, or the number and the first entries of a long list."""
    if not isinstance(input_dir, list) or len(input_dir) <= _SHOWN_INPUTS:
        return repr(input_dir)
    return f"{input_dir[:_SHOWN_INPUTS]!r} and {len(input_dir) - _SHOWN_INPUTS} more"
