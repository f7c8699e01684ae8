"""The settings of a run: the parameters, checked together, and what they mean together.

Code that parses a text such as `turi_param` belongs in `setting_values`; messages belong in `setting_messages`.
"""

from typing import Any, Self

from pydantic import ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.graph_settings import GraphSettings
from dedup_assets.engine.core.records import BoundingBox
from dedup_assets.engine.core.root_roles import absolute_places, check_places
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.core.set_names import AskedSets, check_sets, inputs_with_sets
from dedup_assets.engine.core.setting_fields import SettingFields
from dedup_assets.engine.core.setting_messages import allowed_values, explain
from dedup_assets.engine.core.setting_values import (
    NUMBERS,
    nnmodel_of,
    parse_bounding_box,
    parse_numbers,
    parse_turi_param,
    short_inputs,
)

_SYNONYMS = {"nn_provider": {"nnf": "faiss"}, "faiss_mode": {"HSNW32": "HNSW32"}}


class Settings(SettingFields):
    """Validated settings of a run. Build with `parse`, which turns every mismatch into one `SettingsError`."""

    @classmethod
    def parse(cls, **values: Any) -> Self:  # noqa: ANN401 - users type anything; that is what this checks
        """Build settings from what a user gave.

        Args:
            values: any of the fields; fields left out or None take their defaults.

        Raises:
            SettingsError: names every wrong parameter, its value and what is allowed.
        """
        try:
            return cls(**{name: value for name, value in values.items() if value is not None})
        except ValidationError as error:
            raise SettingsError("; ".join(explain(cls.model_fields, each) for each in error.errors())) from None

    @field_validator("nn_provider", "faiss_mode", mode="before")
    @classmethod
    def _accept_synonyms(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
        return _SYNONYMS[str(info.field_name)].get(value, value) if isinstance(value, str) else value

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_truth_values(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and kind in NUMBERS:
            raise PydanticCustomError(f"{kind.__name__}_type", "a truth value is no number")
        return value

    @field_validator("num_threads", "num_images")
    @classmethod
    def _refuse_zero(cls, value: int) -> int:
        if value == 0:
            raise ValueError("must be -1 (no limit) or at least 1")
        return value

    @field_validator("nnmodel", mode="before")
    @classmethod
    def _read_nnmodel(cls, value: Any) -> str:  # noqa: ANN401
        return "" if value == "" else nnmodel_of(str(value))

    @model_validator(mode="before")
    @classmethod
    def _read_sets(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {**values, "input_dir": inputs_with_sets(values)} if values.get("sets") else values

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        check_sets(self.asked_sets, self.run_mode, self.evidence, self.max_leaks)
        check_places(self.places_apart, self.roots)
        if self.mode is RunMode.SCORE_FEATURES and isinstance(self.input_dir, list):
            raise ValueError(
                f"input_dir={short_inputs(self.input_dir)}: run_mode=4 takes one folder or file of stored features, "
                "no list"
            )
        if self.max_offset != -1 and self.max_offset <= max(self.min_offset, 0):
            raise ValueError(
                f"max_offset={self.max_offset}: must be greater than min_offset={self.min_offset}, "
                "for the range [min_offset, max_offset) to hold an image"
            )
        named = parse_turi_param(self.turi_param).get("nnmodel")
        if named and self.nnmodel and named != self.nnmodel:
            raise ValueError(
                f"nnmodel={self.nnmodel!r}: turi_param={self.turi_param!r} says {named!r}; give one of them"
            )
        return self

    @property
    def mode(self) -> RunMode:
        """`run_mode` with its properties."""
        return RunMode(self.run_mode)

    @property
    def asked_sets(self) -> AskedSets:
        """Where the sets of the run come from; false if it has none."""
        inputs = [self.input_dir] if isinstance(self.input_dir, str) else self.input_dir
        return AskedSets(self.sets, self.set_column, self.set_folders, inputs, self.evaluation_sets)

    @property
    def range_folder(self) -> str:
        """Sub-folder of work_dir for the range of run_mode 1 with offsets, so that ranges can run at the same time."""
        if self.mode is not RunMode.FEATURES or (self.min_offset == -1 and self.max_offset == -1):
            return ""
        return f"{max(self.min_offset, 0):012d}-" + (f"{self.max_offset:012d}" if self.max_offset != -1 else "end")

    @property
    def places_apart(self) -> list[str]:
        """With `across_only` the absolute paths and URLs of the inputs."""
        return absolute_places(self.input_dir) if self.across_only else []

    @property
    def graph(self) -> GraphSettings:
        """What the graph computes; `ccthreshold` is `threshold` unless turi_param sets it."""
        given = parse_turi_param(self.turi_param)
        return GraphSettings(
            ccthreshold=float(given.get("ccthreshold", self.threshold)),
            run_cc=given.get("run_cc", "1") == "1",
            run_pagerank=given.get("run_pagerank", "1") == "1",
            run_degree=given.get("run_degree", "1") == "1",
        )

    @property
    def search(self) -> SearchSettings:
        """How neighbours are searched."""
        named = self.nnmodel or parse_turi_param(self.turi_param).get("nnmodel", "brute_force")
        return SearchSettings(
            provider=self.nn_provider,
            nnmodel=nnmodel_of(named),
            faiss_mode=self.faiss_mode,
            faiss_param=parse_numbers(self.faiss_param),
            distance=self.distance,
            k=self.nearest_neighbors_k,
            recall_target=self.recall_target,
            range_from=self.threshold if self.range_search else None,
            range_limit=self.range_search_limit,
        )

    @property
    def box(self) -> BoundingBox | None:
        """The crop of `bounding_box`, or None."""
        return parse_bounding_box(self.bounding_box)


def allowed(name: str) -> str:
    """Say in a few words which values the setting `name` may have; empty where any value of its type is allowed."""
    return allowed_values(Settings.model_fields[name])
