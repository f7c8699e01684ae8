"""What a run of several processes has made so far: notes in the folder of its generation.

The step that has made a result notes it in a separate file, so that steps do not overwrite one another's notes. The run
is complete when all its planned results are noted; the step that notes the last of them publishes all.
"""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.holding import hold_beneath
from dedup_assets.engine.work_dir.journal import staged_name
from dedup_assets.engine.work_dir.locks import Lock
from dedup_assets.engine.work_dir.ownership import Ownership, find
from dedup_assets.engine.work_dir.place import Place
from dedup_assets.engine.work_dir.publishing import mark_staged, tidy

_NOTE = ".finished-"
_TURN = ".turn"


@dataclass(frozen=True)
class FinishedResult:
    """A result that a step has made.

    Attributes:
        run: the run that made it. A run that is executed again after a failure is another run of the same generation.
        files: names of its staged files.
    """

    run: str
    files: list[str]


def note_finished(place: Place, generation: str, result: str, run: str, files: Iterable[str]) -> None:
    """Note that a result is made and its files are staged."""
    noted = json.dumps(asdict(FinishedResult(run, sorted(files)))).encode()
    place.write_placed(staged_name(generation, f"{_NOTE}{result}"), noted)
    mark_staged(place, generation, {})


def finished_results(place: Place, generation: str) -> dict[str, FinishedResult]:
    """The results of a generation that are made, by name.

    Raises:
        WorkDirError: a note is damaged, or a file of a result is gone.
    """
    found = {}
    for name in _names(place, staged_name(generation)):
        if name.startswith(_NOTE):
            found[name.removeprefix(_NOTE)] = _read(place, staged_name(generation, name))
    for result, finished in found.items():
        if gone := [name for name in finished.files if find(place, staged_name(generation, name)) is None]:
            raise _lost(place, [result], gone[0])
    return found


def begin_step(
    place: Place, lock: Lock, generation: str, made_before: Collection[str], will_write: Collection[str]
) -> None:
    """Make a work_dir ready for a step of a run.

    Args:
        place: the work_dir.
        lock: its lock.
        generation: of the run.
        made_before: results that the run has made before; they must still exist, staged or published.
        will_write: names of files that the run will write.

    Raises:
        WorkDirError: another run has replaced what this one had made, or the work_dir holds something that is not
            ours under one of the names.
    """
    try:
        _check_finished(place, generation, made_before)
        tidy(place, lock, keep=generation)
        Ownership(place).refuse_foreign(will_write)
    except WorkDirError:
        # On a store, another step may publish the run meanwhile. Then what was staged is gone because it is published.
        if place.is_local or Ownership(place).generation != generation:
            raise


def _check_finished(place: Place, generation: str, results: Collection[str]) -> None:
    if results and Ownership(place).generation != generation:
        lost = sorted(set(results) - finished_results(place, generation).keys())
        if lost:
            raise _lost(place, lost)


def is_staged(place: Place, generation: str) -> bool:
    """Whether anything is staged in a generation."""
    return bool(_names(place, staged_name(generation)))


@contextmanager
def taking_turns(place: Place, generation: str) -> Iterator[None]:
    """Let only one step of a run at a time change what its steps share: config.json, and what is published."""
    with ExitStack() as held:
        turn = staged_name(generation, _TURN)
        mark_staged(place, generation, {})
        held.enter_context(hold_beneath(place, turn, uuid.uuid4().hex))
        yield


def _names(place: Place, folder: str) -> list[str]:
    """Names in a folder, with hidden ones."""
    if place.is_local:
        path = Path(place.inside_folder(folder))
        return sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    with suppress(FileNotFoundError), place.answering(folder):
        return sorted(PurePosixPath(path).name for path in place.filesystem.ls(place.inside(folder), detail=False))
    return []


def _read(place: Place, name: str) -> FinishedResult:
    try:
        noted = json.loads(place.read_placed(name) or b"")
        return FinishedResult(str(noted["run"]), [str(file) for file in noted["files"]])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise WorkDirError(f"{place.path(name)!r} is damaged; start a new run") from None


def _lost(place: Place, results: list[str], file: str = "") -> WorkDirError:
    where = f" (its {file!r})" if file else ""
    return WorkDirError(
        f"what this run had made of {', '.join(results)}{where} is gone from work_dir={place.url!r}: another run has "
        "taken its place since; start a new run of all assets"
    )
