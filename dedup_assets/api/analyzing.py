"""`analyze`: a run that raises on error, and its results as one object for a notebook."""

import base64
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from dedup_assets.api.arguments import path_of, plain
from dedup_assets.api.attributes import NamedAttributes
from dedup_assets.api.host import run_in_this_process
from dedup_assets.api.results import StoredResults, readable
from dedup_assets.api.runs import execute
from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.progress import ProgressReporter

if TYPE_CHECKING:
    import polars as pl

    from dedup_assets.engine.core.settings import Settings
    from dedup_assets.pipeline.run_facts import RunFacts

Progress = Callable[[int, int, str], object]

_SHOWN_GROUPS = 3
_SHOWN_IMAGES = 4
_SIDE = 96  # px
_FIGURES = {
    "good images": ("bad_images", "good_images"),
    "bad images": ("bad_images", "bad_images"),
    "similar pairs": ("similarity", "pairs"),
    "groups of one picture": ("groups", "groups"),
    "copies in groups": ("groups", "copies"),
    "components": ("components", "components"),
    "outliers": ("outliers", "outliers"),
    "leaked images": ("leaks", "leaked_evaluation_images"),
    "leaked images to review": ("leaks", "of_these_to_review"),
}


def analyze(
    input_dir: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = "",
    work_dir: str | os.PathLike[str] = "",
    *,
    progress: Progress | None = None,
    **settings: Any,  # noqa: ANN401 - any field of Settings; unknown names are refused
) -> "Analysis":
    """Run the pipeline as `run` does, and return its results. Prints nothing but progress, unless that is taken.

    Args:
        input_dir: as of `run`.
        work_dir: where results go; created if it does not exist.
        progress: called with what is done, the total, and what is counted (`images` or `pairs`), in place of a bar.
        **settings: the other parameters of `run`.

    Raises:
        DedupError: a problem that the user can fix: a wrong parameter, an input that cannot be read, a full disk.
    """
    if progress is not None and not callable(progress):
        raise SettingsError(f"progress={progress!r:.200}: must be a function of what is done, the total and the unit")
    place = path_of("work_dir", work_dir)
    given = {name: plain(value) for name, value in settings.items() if value is not None}
    reporter = None if progress is None else _Calling(progress)
    with run_in_this_process():
        found, facts = execute(input_dir, {**given, "work_dir": place}, reporter)
        facts.told()
    return Analysis(found, facts)


class _Calling(ProgressReporter):
    """Passes each advance on to a function of the caller."""

    def __init__(self, call: Progress) -> None:
        self._call = call

    def advance(self, done: int, bad: int) -> None:
        """Count, and call."""
        super().advance(done, bad)
        self._call(self.done, self.total, self.unit)


class Analysis(NamedAttributes):
    """The results of one run: tables of polars, names as text where they are UTF-8.

    Args:
        settings: of the run.
        facts: what the run found.

    Attributes:
        results: all stored results, for further questions.
        warnings: what the user should know about the run.
    """

    def __init__(self, settings: "Settings", facts: "RunFacts") -> None:
        from dedup_assets.engine.core.own_files import TEST

        self._work_dir = f"{settings.work_dir}/{TEST}" if settings.mode.needs_train_set else settings.work_dir
        self._facts = facts
        self.results = StoredResults(self._work_dir)
        self.warnings = [*facts.warnings, *facts.leaked]

    @cached_property
    def pairs(self) -> "pl.DataFrame":
        """Similar pairs: `from`, `to`, `similarity`, the closest first."""
        return self.results.pairs()

    @cached_property
    def groups(self) -> "pl.DataFrame":
        """The images that are one picture, the kept image of each group first."""
        return self.results.groups()

    @cached_property
    def to_drop(self) -> list[str]:
        """The names of exact copies that the kept image of their group makes needless."""
        return self.results.to_drop()

    @cached_property
    def leaks(self) -> "pl.DataFrame":
        """Pairs of images of two sets that are one picture; no rows where the run was asked for no sets.

        Their `role` is certain, or review, where `review` says why a person decides. Variants, and similar
        pairs that nothing decides, are in `results.leaks(unverified=True)`.
        """
        import polars as pl

        from dedup_assets.engine.core.set_tables import LEAKS_SCHEMA

        if "leaks" not in self._facts.metadata:
            return readable(pl.DataFrame(schema=LEAKS_SCHEMA))
        return self.results.leaks()

    def outliers(self) -> "pl.DataFrame":
        """Images that resemble no other: `from`, `to`, `similarity`, the most isolated first."""
        return self.results.outliers()

    @property
    def summary(self) -> Mapping[str, int]:
        """The figures of the run by their names; those of assets that the run mode makes."""
        found = {name: self._facts.number(*place) for name, place in _FIGURES.items()}
        return {name: int(value) for name, value in found.items() if value is not None}

    @property
    def gallery(self) -> str:
        """The first page of the report; empty where the run mode makes none."""
        return str(self._facts.metadata.get("gallery", {}).get("open", ""))

    def __repr__(self) -> str:
        """The place, the figures, and what leaks between sets."""
        figures = ", ".join(f"{value:,} {name}" for name, value in self.summary.items())
        return f"Analysis({self._work_dir!r}: {'; '.join([figures, *self._facts.leaked])})"

    def _repr_html_(self) -> str:
        """The figures, the largest groups with small pictures, and where to go on; shown by notebooks."""
        rows = "".join(
            f'<tr><td>{escape(name)}</td><td style="text-align:right">{value:,}</td></tr>'
            for name, value in self.summary.items()
        )
        notes = "".join(f"<li>{escape(warning)}</li>" for warning in self.warnings)
        report = f"<p>Report: <code>{escape(self.gallery)}</code></p>" if self.gallery else ""
        return f"<table>{rows}</table>{self._shown_groups()}<ul>{notes}</ul>{report}"

    def _shown_groups(self) -> str:
        if "groups" not in self._facts.metadata:
            return ""
        from dedup_assets.engine.core.settings import Settings
        from dedup_assets.engine.gallery.thumbnails import Effort, make_pictures

        largest = [group[:_SHOWN_IMAGES] for group in self.results.clusters()[:_SHOWN_GROUPS]]
        names = [os.fsencode(name) for group in largest for name in group]
        pictures = {
            name: file.thumbnail for name, file in make_pictures(names, Effort.of(Settings.parse()), side=_SIDE)
        }
        lines = ("".join(_figure(name, pictures[os.fsencode(name)]) for name in group) for group in largest)
        return "".join(f"<div>{line}</div>" for line in lines)


def _figure(name: str, picture: bytes | None) -> str:
    """A small picture with its name as title, or the name alone."""
    shown = escape(os.fsencode(name).decode("utf-8", "backslashreplace"), quote=True)
    if not picture:
        return f"<code>{shown}</code> "
    source = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
    return f'<img src="{source}" alt="{shown}" title="{shown}" style="display:inline;margin:2px"> '
