"""What a run that reports changes compares with: the last results that a run has reported.

A run that is killed after it has begun to publish, and before its summary is printed, has made its results and has told
nobody what changed. So the files that tell what was there before are kept until a run has said it: as further names of
the same files, made before the first file is replaced. A run that finds them compares with them.
"""

import os
import shutil
from collections.abc import Collection

from dedup_assets.engine.work_dir.file_names import GROUP_IDS, LEDGER, STAGED
from dedup_assets.engine.work_dir.place import Place

_FOLDER = f"{STAGED}/unreported"
_COMPARED = (LEDGER, GROUP_IDS)


def unreported_name(name: str) -> str:
    """Where a former file is while what replaced it is not reported."""
    return f"{_FOLDER}/{name}"


def keep_unreported(place: Place, replaced: Collection[str]) -> None:
    """Keep the present files that tell what was there, of those that will be replaced; one that is kept stays.

    Args:
        place: the work_dir.
        replaced: names of present files that will be replaced.

    Raises:
        OSError: one cannot be kept.
    """
    wanted = [name for name in _COMPARED if name in replaced]
    if not wanted:
        return
    kept = set(place.names(_FOLDER))
    for name in wanted:
        if name in kept:
            continue
        if place.is_local:
            _keep_local(place, name)
        else:
            with place.answering(name):
                place.filesystem.cp_file(place.inside(name), place.inside(unreported_name(name)))


def _keep_local(place: Place, name: str) -> None:
    with place.beside(name) as (source, leaf), place.open_folder(_FOLDER, create=True) as folder:
        try:
            source.link(leaf, folder, name)
        except OSError:  # a filesystem without links
            with (
                os.fdopen(source.open(leaf, os.O_RDONLY), "rb") as former,
                os.fdopen(folder.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as copy,
            ):
                shutil.copyfileobj(former, copy)
        folder.sync()


def forget_unreported(place: Place) -> None:
    """Let go of what was kept, because people have been told what changed."""
    for name in place.names(_FOLDER):
        place.remove(unreported_name(name))
    if place.is_local:
        place.remove_empty_folder(_FOLDER)
        place.remove_empty_folder(STAGED)
