"""The journal of a publication: which generation is the result already and is being moved to its place."""

import json
from dataclasses import asdict, dataclass

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.place import Place

JOURNAL = ".publishing.json"
STAGED = ".staged"


@dataclass(frozen=True)
class Journal:
    """A generation that is the result already.

    Attributes:
        generation: its name, which is that of its folder in `STAGED`.
        files: names of its files, as they will be in the work_dir.
    """

    generation: str
    files: list[str]


def staged_name(generation: str, name: str = "") -> str:
    """Name of a file of a generation until it is published; of the generation's folder for ''."""
    return f"{STAGED}/{generation}/{name}" if name else f"{STAGED}/{generation}"


def read_journal(place: Place) -> Journal | None:
    """What is being published now, or was when its run was killed.

    Raises:
        WorkDirError: the journal cannot be read or is damaged.
    """
    content = place.read_placed(JOURNAL)
    if content is None:
        return None
    try:
        journal = json.loads(content)
        return Journal(str(journal["generation"]), [str(name) for name in journal["files"]])
    except (ValueError, KeyError, TypeError):
        raise WorkDirError(f"{place.path(JOURNAL)!r} is damaged; delete it and run again") from None


def write_journal(place: Place, journal: Journal) -> None:
    """Make a generation the result. Raises WorkDirError where that is not possible."""
    place.write_placed(JOURNAL, json.dumps(asdict(journal)).encode())
