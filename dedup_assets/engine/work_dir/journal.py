"""The journal of a publication: which generation is the result already and is being moved to its place."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.ownership import PublishedFile
from dedup_assets.engine.work_dir.place import Place

JOURNAL = ".publishing.json"
STAGED = ".staged"
GENERATION = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Names of generations: a UUID, with hyphens where Dagster gave it to its run."""


@dataclass(frozen=True)
class Journal:
    """A generation that is the result already.

    Attributes:
        generation: its name, which is that of its folder in `STAGED`.
        files: what is in its files, by their names in the work_dir.
        former_gallery: a folder of the gallery that an earlier version made, which keeps no list of its files.
    """

    generation: str
    files: dict[str, PublishedFile]
    former_gallery: str = ""


def staged_name(generation: str, name: str = "") -> str:
    """Name of a file of a generation until it is published; of the generation's folder for ''."""
    return f"{STAGED}/{generation}/{name}" if name else f"{STAGED}/{generation}"


def read_journal(place: Place) -> Journal | None:
    """What is being published now, or was when its run was killed.

    Raises:
        WorkDirError: the journal cannot be read, is damaged, or names something outside of the work_dir.
    """
    content = place.read_placed(JOURNAL)
    if content is None:
        return None
    try:
        return _parse(place, json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WorkDirError(f"{place.path(JOURNAL)!r} is damaged; delete it and run again") from None


def _parse(place: Place, noted: Mapping[str, Any]) -> Journal:
    generation, files = noted["generation"], noted["files"]
    if not GENERATION.fullmatch(generation):
        raise ValueError(generation)
    if isinstance(files, list):  # of an earlier version, which noted no contents
        files = {name: {"size_bytes": -1} for name in files}
    if "" in files:
        raise ValueError("a file without a name")
    for name in files:
        place.inside(name)
    return Journal(
        generation,
        {name: PublishedFile(**facts) for name, facts in files.items()},
        str(noted.get("former_gallery", "")),
    )


def write_journal(place: Place, journal: Journal) -> None:
    """Make a generation the result. Raises WorkDirError where that is not possible."""
    place.write_placed(JOURNAL, json.dumps(asdict(journal)).encode())
