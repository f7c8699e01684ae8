"""Paths of every usual Python type are accepted; others are refused with a message that says what is allowed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import dedup_assets
from dedup_assets.api.arguments import inputs_of
from dedup_assets.engine.core.errors import SettingsError
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

PATHS = ["a.jpg", "b.jpg"]


class Frame:
    """A data frame like that of pandas: columns are found by name."""

    def __init__(self, **columns: list[str]) -> None:
        self._columns, self.columns = columns, list(columns)

    def __getitem__(self, name: str) -> list[str]:
        return self._columns[name]


@pytest.mark.parametrize(
    "make",
    [
        lambda: PATHS,
        lambda: tuple(PATHS),
        lambda: [Path(path) for path in PATHS],
        lambda: [path.encode() for path in PATHS],
        lambda: np.array(PATHS),
        lambda: np.array(PATHS, dtype=object),
        lambda: pl.Series(PATHS),
        lambda: pl.DataFrame({"path": PATHS}),
        lambda: pl.DataFrame({"label": ["x", "y"], "filename": PATHS}),
        lambda: Frame(label=["x", "y"], filename=PATHS),
        lambda: (path for path in PATHS),
        lambda: dict.fromkeys(PATHS).keys(),
    ],
)
def test_any_iterable_of_paths_is_a_list_of_inputs(make: Callable[[], object]) -> None:
    assert inputs_of(make()) == PATHS


@pytest.mark.parametrize("given", ["a.jpg", Path("a.jpg"), b"a.jpg", np.str_("a.jpg")])
def test_a_single_path_is_one_input(given: object) -> None:
    assert inputs_of(given) == "a.jpg"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (None, "input_dir=None: must be a path, a URL, or an iterable"),
        (5, "input_dir=5: must be"),
        ({"a.jpg": 1}, "input_dir={'a.jpg': 1}: must be"),
        (["a.jpg", None], "row 1 is None: must be a path or a URL"),
        (np.array([["a.jpg"]]), "must be a path"),
        (
            pl.DataFrame({"path": ["a.jpg"], "label": ["x"]}),
            "the columns path, label: must have one column, or one named",
        ),
    ],
)
def test_other_inputs_are_refused_with_what_is_allowed(wrong: object, said: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        inputs_of(wrong)
    assert said in str(refusal.value)


def test_a_tilde_is_the_home_folder_and_numbers_may_be_numpys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for number in range(3):
        save_jpeg(tmp_path / "in" / f"{number}.jpg", photo_like(number))

    def paths() -> Iterator[str]:
        yield "~/in"

    numbers = {"num_threads": np.int64(1), "threshold": np.float32(0.9), "range_search": np.bool_(True)}
    assert dedup_assets.run(paths(), "~/out", **numbers) == 0  # type: ignore[arg-type]
    assert len(dedup_assets.load_binary_feature("~/out", d=576)[0]) == 3  # fastdup's later spelling
    with pytest.raises(SettingsError, match="d=64: the stored vectors have 576 values each"):
        dedup_assets.load_binary_feature("~/out", d=64)
    assert dedup_assets.create_stats_gallery("~/out", "~/page", metric="blurr") == 1
    assert "(did you mean 'blur'?)" in capsys.readouterr().err
    assert dedup_assets.create_outliers_gallery("~/out", Path("~/page"), num_images=np.int64(2)) == 0
    assert (tmp_path / "page" / "outliers.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((None, "page"), "similarity_file=None: must be a path or a URL"),
        (("results", None), "save_path=None"),
        (("results", "page", None), "num_images=None: must be a whole number, at least 1"),
        (("results", "page", "many"), "num_images='many'"),
        (("results", "page", True), "num_images=True: must be a whole number, at least 1"),
        (("results\0", "page"), "results"),
    ],
)
def test_gallery_functions_return_1_and_say_why_in_one_line(
    arguments: tuple[object, ...],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    assert dedup_assets.create_duplicates_gallery(*arguments) == 1  # type: ignore[arg-type]
    message = capsys.readouterr().err
    assert said in message
    assert "internal error" not in message
    assert message.count("\n") == 1
