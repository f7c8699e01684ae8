"""Which stored ranges are still needed: shards of vectors, and searched neighbours.

Later runs may use a range until another one replaces it, and several inputs, models or workers may share one work_dir.
A range is therefore not deleted just because the present run does not use it. The rule:

- A run notes the names of the ranges that it used as one set (`.used.json` in the folder). The key of the set says what
  the run read, and how.
- The sets of the last `KEPT_INPUTS` inputs, models or settings are kept. When a key is used again, its new names
  replace its former ones.
- A run may use several sets of one folder (`_SETS_PER_RUN`). Their order says nothing and is left as it is.
- A range that a former set named and no kept set names is deleted at once.
- A range that no set ever named is deleted when it is a week old. Until then a worker or an unfinished run may need
  it.

Only files with the names of ranges are ever deleted.
"""

import json
import re
import time
from collections.abc import Collection
from datetime import datetime

from dedup_assets.engine.core.own_files import SEARCHED
from dedup_assets.engine.work_dir.file_names import SEARCHED_FILE, SHARD, USED, USED_FORMAT
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.ownership import Ownership, is_note
from dedup_assets.engine.work_dir.place import Facts

KEPT_INPUTS = 4
UNNAMED_SECONDS = 7 * 24 * 3600.0
_SETS_PER_RUN = {SEARCHED: 2}  # neighbours that are listed, and candidates for evidence
_RANGE_FILE = re.compile(f"{SHARD}|{SEARCHED_FILE}")


class UsedSets:
    """The sets of ranges that runs have used in one folder of a work_dir. The caller holds the work_dir.

    Args:
        work_dir: the work_dir.
        folder: its sub-folder with the ranges.
    """

    def __init__(self, work_dir: WorkDir, folder: str) -> None:
        self._work_dir = work_dir.in_generation("")
        self._folder = folder
        self._name = f"{folder}/{USED}"
        self._is_note = True  # what has the name of the note is ours, or nothing has it
        self._per_run = _SETS_PER_RUN.get(folder, 1)
        self._sets: list[tuple[str, list[str]]] | None = None  # as they were read: the caller alone writes them

    def note(self, key: str, names: list[str], replaced: Collection[str] = ()) -> int:
        """Note a set of ranges as the one used last, and delete ranges that are no longer needed.

        Args:
            key: what the ranges were made from and how; a set with the same key is replaced.
            names: names of the set's files in the folder.
            replaced: names of files that the set's files replace.

        Returns:
            How many files were deleted.
        """
        former = self._read()
        used, latest = (key, sorted(names)), former[-self._per_run :]
        others = [each for each in former if each[0] != key]
        sets = former if used in latest else [*others[-(KEPT_INPUTS * self._per_run - 1) :], used]
        if sets != former:
            self._write(sets)
        needed = {name for _, noted in sets for name in noted}
        named_before = {name for _, noted in former for name in noted} | set(replaced)
        unneeded = [
            name
            for name, age_seconds in self._found()
            if name not in needed and (name in named_before or age_seconds > UNNAMED_SECONDS)
        ]
        for name in unneeded:
            self._work_dir.remove(f"{self._folder}/{name}")
        for inner in {name.split("/")[0] for name in unneeded if "/" in name}:
            self._work_dir.remove_empty_folder(f"{self._folder}/{inner}")
        return len(unneeded)

    def keys(self) -> list[str]:
        """Keys of the sets, in the order of their use."""
        return [key for key, _ in self._read()]

    def names(self, key: str) -> set[str]:
        """The names of a set; none if nothing was noted under its key."""
        return {name for noted, names in self._read() if noted == key for name in names}

    def _read(self) -> list[tuple[str, list[str]]]:
        """Sets in the order of their use; none if nothing was noted, or if the note is damaged or not ours."""
        if self._sets is None:
            self._sets = self._fetch()
        return self._sets

    def _fetch(self) -> list[tuple[str, list[str]]]:
        content = self._work_dir.read_if_any(self._name)
        self._is_note = is_note(self._name, content or b"")
        try:
            noted = json.loads(content or b"{}")
            if noted.get("format") != USED_FORMAT:
                return []
            return [(str(each["key"]), [str(name) for name in each["names"]]) for each in noted["sets"]]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return []

    def _write(self, sets: list[tuple[str, list[str]]]) -> None:
        noted = {"format": USED_FORMAT, "sets": [{"key": key, "names": names} for key, names in sets]}
        if self._work_dir.is_local or not self._is_note:
            Ownership(self._work_dir).make_room_for_note(self._name)
        with self._work_dir.publish(self._name) as (file,):
            file.write(json.dumps(noted).encode() + b"\n")
        self._sets = sets

    def _found(self) -> list[tuple[str, float]]:
        """Names of the ranges in the folder, with their age in seconds."""
        top = self._work_dir.inside_folder(self._folder)
        with self._work_dir.answering(self._folder):
            found = self._work_dir.filesystem.find(top, detail=True)
        prefix = top.strip("/") + "/"
        names = ((path.strip("/").removeprefix(prefix), facts) for path, facts in found.items())
        return [(name, _age_seconds(facts)) for name, facts in names if _RANGE_FILE.fullmatch(name)]


def _age_seconds(facts: Facts) -> float:
    """Seconds since a file was written; 0 if the filesystem does not say."""
    times = (facts.get(key) for key in ("mtime", "LastModified", "last_modified", "created"))
    written = next((moment for moment in times if moment is not None), None)
    if isinstance(written, datetime):
        written = written.timestamp()
    return max(time.time() - written, 0.0) if isinstance(written, int | float) else 0.0
