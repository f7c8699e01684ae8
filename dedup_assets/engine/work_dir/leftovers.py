"""Deleting what killed and failed runs have left in a work_dir on a disk."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from dedup_assets.engine.core.own_files import GALLERY, SEARCHED, SHARDS
from dedup_assets.engine.work_dir.file_names import STAGED
from dedup_assets.engine.work_dir.folders import Folder
from dedup_assets.engine.work_dir.journal import GENERATION, staged_name
from dedup_assets.engine.work_dir.place import Place
from dedup_assets.engine.work_dir.writing import remove_abandoned

MARK = ".generation"  # in the folder of a generation: it is ours


def tidy_local(place: Place, keep: str) -> None:
    """Delete incomplete files, and generations that will not go on.

    Args:
        place: the work_dir, which the caller holds.
        keep: a generation that continues.
    """
    searched = [f"{SEARCHED}/{name}" for name in place.folders(SEARCHED)]
    for name in ("", SHARDS, GALLERY, SEARCHED, *searched):
        with _if_there(place, name) as folder:
            if folder is not None:
                remove_abandoned(folder)
    with _if_there(place, STAGED) as staged:
        names = staged.names() if staged is not None else []
    for name in names:
        if GENERATION.fullmatch(name) and name != keep:
            remove_generation(place, name)
    place.remove_empty_folder(STAGED)


def remove_generation(place: Place, generation: str) -> None:
    """Delete the folder of a generation; if it has no mark of ours, only if it is empty."""
    with _if_there(place, STAGED) as staged, _if_there(place, staged_name(generation)) as folder:
        if staged is None or folder is None:
            return
        if folder.has_file(MARK):
            for name in folder.names():
                if name != MARK:  # last, so that a run that is killed meanwhile leaves what the next one recognises
                    folder.remove_tree(name)
            staged.remove_tree(generation)
        else:
            staged.remove_empty(generation)


@contextmanager
def _if_there(place: Place, name: str) -> Iterator[Folder | None]:
    """Open a folder; None if it does not exist."""
    with ExitStack() as held:
        folder = None
        with suppress(FileNotFoundError, NotADirectoryError):
            folder = held.enter_context(place.open_folder(name))
        yield folder
