"""fastdup's `run()`: check the call, pass it to the pipeline, report the outcome.

Heavy libraries are imported inside the functions, so that `import dedup_assets` stays quick.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dedup_assets.api.arguments import inputs_of, plain, sets_of
from dedup_assets.api.host import run_in_this_process
from dedup_assets.api.outcomes import SUCCESS, reported, say
from dedup_assets.api.startup import starting
from dedup_assets.engine.core.errors import LeaksFoundError, PublishedInterrupt
from dedup_assets.engine.core.progress import ProgressReporter

if TYPE_CHECKING:
    from dedup_assets.engine.core.settings import Settings
    from dedup_assets.pipeline.run_facts import RunFacts


def run(
    input_dir: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = "",
    work_dir: str | os.PathLike[str] | None = None,
    compute: str | None = None,
    verbose: bool | None = None,
    num_threads: int | None = None,
    num_images: int | None = None,
    turi_param: str | None = None,
    distance: str | None = None,
    threshold: float | None = None,
    lower_threshold: float | None = None,
    model_path: str | os.PathLike[str] | None = None,
    version: bool | None = None,
    nearest_neighbors_k: int | None = None,
    run_mode: int | None = None,
    nn_provider: str | None = None,
    min_offset: int | None = None,
    max_offset: int | None = None,
    faiss_mode: str | None = None,
    faiss_param: str | None = None,
    bounding_box: str | None = None,
    **more: Any,  # noqa: ANN401 - nnmodel and our own settings; unknown names are refused
) -> int:
    """Find duplicates, near-duplicates, outliers and broken files among images.

    Materializes the Dagster assets of the run mode. `engine.core.settings.Settings` has the meaning, default and bounds
    of each parameter (docs/reference.md, "Parameters"). A parameter that is left out or None has its default.

    Args:
        input_dir: a folder, an image, a URL, a list file, or an iterable of these: a list, an array, a generator, a
            column, or a data frame with one column or a column `filename`; with run_mode 4 the folder or file of a test
            set's features.
        work_dir: where results go; created if it does not exist.
        compute: cpu or gpu.
        verbose: show Dagster's log and, after an internal error, the traceback.
        num_threads: total number of threads.
        num_images: use only the first n images.
        turi_param: comma-separated key=value.
        distance: metric of the search.
        threshold: the least similarity of the pairs that are stored.
        lower_threshold: similarity below which an image is an outlier.
        model_path: an ONNX model instead of the built-in one.
        version: print the version and return.
        nearest_neighbors_k: neighbours per image.
        run_mode: 0 everything; 1 features; 2 similarity from stored features; 3 score the images of input_dir against
            the train set in work_dir, results in work_dir/test; 4 the same for features stored in input_dir.
        nn_provider: faiss or turi.
        min_offset: position in the listing where reading begins.
        max_offset: position in the listing before which reading ends. With run_mode 1, processes can share a work_dir,
            each with its own range: a sub-folder keeps the range, and features.dat holds all ranges of this input that
            were extracted so far. Machines with work_dirs of their own: put these into one folder and use run_mode 2
            on it.
        faiss_mode: a faiss index_factory string.
        faiss_param: search parameters of the index.
        bounding_box: crop before embedding.
        **more: `nnmodel`, and the settings that fastdup does not have, such as `shard_size` or `max_pixels`.

    Returns:
        0 on success; 1 on error, with one line on stderr that says what is wrong and what is allowed. Calls in several
        threads of a process run one after the other.
    """
    given = {name: value for name, value in locals().items() if name not in {"more", "input_dir"}} | more
    if version:
        from dedup_assets.engine.core.package_version import package_version

        say(f"dedup-assets {package_version()}")
        return SUCCESS
    with reported(verbose=bool(verbose)) as outcome, run_in_this_process():
        settings, facts = execute(input_dir, {name: plain(value) for name, value in given.items() if value is not None})
        with _interrupted_when(published=lambda: True):
            from dedup_assets.api.console import print_summary

            print_summary(facts, settings)
            facts.told()
        if facts.leaked:
            raise LeaksFoundError("; ".join(facts.leaked))
    return outcome.code


def execute(
    input_dir: object, given: dict[str, Any], reporter: ProgressReporter | None = None
) -> "tuple[Settings, RunFacts]":
    """Run the pipeline in this process.

    Args:
        input_dir: what a user gave, of any kind that `run` takes.
        given: other settings.
        reporter: counts images and pairs; None: shows them in the terminal, the notebook or the log.

    Returns:
        The settings of the run, and what it found.

    Raises:
        DedupError: a problem that the user can fix.
    """
    from dedup_assets.engine.core.errors import SettingsError
    from dedup_assets.engine.core.set_names import say_without_sets
    from dedup_assets.engine.core.settings import Settings
    from dedup_assets.engine.inputs.containers import DECODER
    from dedup_assets.engine.workers import keep_workers

    if "sets" in given:
        given["sets"] = sets_of(given["sets"])
    settings = Settings.parse(**given)
    if "max_leaks" in given and not settings.asked_sets:  # 0, too, where a person names it
        raise SettingsError(say_without_sets(settings.max_leaks, settings.run_mode))
    # An array or a data frame has no truth value.
    is_named = not (input_dir is None or (isinstance(input_dir, str | list | tuple) and not input_dir))
    if settings.mode.reads_input_dir and (is_named or not settings.sets):
        settings = Settings.parse(**given, input_dir=inputs_of(input_dir))
        if not settings.input_dir:
            raise SettingsError(f"input_dir={input_dir!r}: name what to read: a folder, an image, a list file or a URL")
    found: list[RunFacts] = []
    # Decoding processes start, and one of them decodes the first images, while this process imports libraries. Where
    # results are, most images are known, and processes start when an image must be decoded.
    early = settings.mode.reads_images and not (settings.mode.makes_features and _has_results(settings.work_dir))
    with (
        _interrupted_when(published=lambda: bool(found)),
        keep_workers(DECODER, settings.num_threads, early=early),
        starting() as started,
    ):
        from dedup_assets.engine.extraction.offset_ranges import head_start

        with head_start(settings):
            from dedup_assets.api.progress import ConsoleProgress
            from dedup_assets.pipeline.launch import (
                materialize,  # imports Dagster: only once the settings are known to be right
            )

            if reporter is not None:
                found.append(materialize(settings, reporter, started))
            else:
                with ConsoleProgress() as progress:
                    found.append(materialize(settings, progress, started))
    return settings, found[0]


def _has_results(work_dir: str) -> bool:
    """Whether a run has published results in a local work_dir; those on a store are not asked for."""
    from dedup_assets.engine.core.own_files import CONFIG

    try:
        return os.path.lexists(os.path.join(os.fsencode(work_dir), os.fsencode(CONFIG)))  # noqa: PTH118 - wild names
    except ValueError:  # the run reports it
        return False


@contextmanager
def _interrupted_when(*, published: Callable[[], bool]) -> Iterator[None]:
    """Let Ctrl-C in the block say that the new results are there, if they are."""
    try:
        yield
    except KeyboardInterrupt:
        if published():
            raise PublishedInterrupt from None
        raise
