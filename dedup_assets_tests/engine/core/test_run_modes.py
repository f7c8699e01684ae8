"""What each of fastdup's run modes reads and makes."""

import pytest

from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.settings import Settings


@pytest.mark.parametrize(
    ("fact", "modes"),
    [
        ("reads_input_dir", {0, 1, 3, 4}),
        ("reads_images", {0, 1, 3}),
        ("makes_features", {0, 1}),
        ("needs_train_set", {3, 4}),
    ],
)
def test_a_property_holds_for_the_modes_of_run_md(fact: str, modes: set[int]) -> None:
    assert {mode.value for mode in RunMode if getattr(mode, fact)} == modes


@pytest.mark.parametrize("number", range(5))
def test_settings_know_the_mode_of_each_number(number: int) -> None:
    assert Settings.parse(run_mode=number).mode is RunMode(number)
