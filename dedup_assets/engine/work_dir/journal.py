"""The journal of a publication: the generation that is the result already, while its files move to their places."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.file_names import STAGED
from dedup_assets.engine.work_dir.ownership import PublishedFile
from dedup_assets.engine.work_dir.place import Place

JOURNAL = ".publishing.json"
JOURNALS = ".publishing"
"""On a store, a folder with one journal per epoch of the lock (`leases`). Only the newest counts, so that a run of an
earlier epoch cannot hide or delete it."""

_IDLE = "idle"  # ending of a journal that means: this epoch publishes nothing now
_EPOCH = re.compile(r"(\d{12})\.(json|idle)")
GENERATION = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Names of generations: a UUID, with hyphens if it is the id of a Dagster run."""


@dataclass(frozen=True)
class Journal:
    """A generation that is the result already.

    Attributes:
        generation: its name, which is also the name of its folder in `STAGED`.
        files: size and hash of its files, by their names in the work_dir.
        epoch: epoch of the lock, on a store; 0 on local disks.
        former_gallery: folder of a gallery that an earlier version made, which holds no list of its files; else ''.
        withdrawn: names of former results that the generation has not, and that would be wrong beside it.
    """

    generation: str
    files: dict[str, PublishedFile]
    epoch: int = 0
    former_gallery: str = ""
    withdrawn: tuple[str, ...] = ()


def staged_name(generation: str, name: str = "") -> str:
    """Name of a file of a generation until it is published; of the generation's folder for ''."""
    return f"{STAGED}/{generation}/{name}" if name else f"{STAGED}/{generation}"


def read_journal(place: Place) -> Journal | None:
    """The journal of the run that publishes now or was killed while publishing; None if there is none.

    Raises:
        WorkDirError: the journal cannot be read, is damaged, or names something outside of the work_dir.
    """
    epoch, ending = (0, "json") if place.is_local else _newest(place)
    name = _name(epoch, "json")
    content = place.read_placed(name, follow=False) if ending == "json" else None
    if content is None:
        return None
    try:
        return _parse(place, json.loads(content), epoch)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        said = f"{place.path(name)!r} is damaged, or is of another program; move it away and run again"
        raise WorkDirError(said) from None


def _newest(place: Place) -> tuple[int, str]:
    """Epoch and ending of the journal that counts on a store."""
    found = [match for match in map(_EPOCH.fullmatch, place.names(JOURNALS)) if match]
    return max(((int(match[1]), match[2]) for match in found), default=(0, _IDLE))  # "json" is after "idle"


def _name(epoch: int, ending: str) -> str:
    return f"{JOURNALS}/{epoch:012d}.{ending}" if epoch else JOURNAL


def _parse(place: Place, noted: Mapping[str, Any], epoch: int) -> Journal:
    generation, files, withdrawn = noted["generation"], noted["files"], tuple(noted.get("withdrawn", ()))
    if not GENERATION.fullmatch(generation):
        raise ValueError(generation)
    if isinstance(files, list):  # of an earlier version, which noted no contents
        files = {name: {"size_bytes": -1} for name in files}
    if "" in (*files, *withdrawn):
        raise ValueError("a file without a name")
    for name in (*files, *withdrawn):
        place.inside(name)
    return Journal(
        generation,
        {name: PublishedFile(**facts) for name, facts in files.items()},
        epoch,
        str(noted.get("former_gallery", "")),
        withdrawn,
    )


def write_journal(place: Place, journal: Journal) -> None:
    """Make a generation the result. Raises WorkDirError if that is not possible."""
    place.write_placed(_name(journal.epoch, "json"), json.dumps(asdict(journal)).encode())


def remove_journal(place: Place, journal: Journal) -> None:
    """Remove the journal after all its files were moved to their places."""
    place.remove(_name(journal.epoch, "json"))


def close_former_journals(place: Place, epoch: int) -> None:
    """Make the journals of earlier epochs invalid, on a store."""
    if epoch:
        place.write_placed(_name(epoch, _IDLE), b"")
        for name in place.names(JOURNALS):
            match = _EPOCH.fullmatch(name)
            if match and int(match[1]) < epoch:
                place.remove(f"{JOURNALS}/{name}")
