"""Which files of a work_dir are ours: only these are ever replaced or deleted.

`.published.json` names each published file with its size and its SHA-256 (on a store: with the version that the store
gave it). A folder of an earlier version of this package has no such record. Its config.json shows that the folder is
ours, and the new record notes that it was adopted. A run that would write over any other file is refused before it
begins. A file that was changed after we published it, or that fastdup wrote, is renamed before a new file takes its
name. Notes of ours (this record, `.used.json` in the folders of ranges) begin with their format; one that does not is
treated like any other file.
"""

import hashlib
import json
import logging
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.own_files import CONFIG, is_own_config
from dedup_assets.engine.stores import describe_object, read_object
from dedup_assets.engine.work_dir import fastdup_files
from dedup_assets.engine.work_dir.file_names import FOLDERS, NOTES, RECORD, RECORD_FORMAT
from dedup_assets.engine.work_dir.place import Facts, Place, open_regular

SET_ASIDE = "set-aside"
_NOTHING = b"\0 \t\r\n"  # zeros are what a loss of power leaves
_BEGINNING_BYTES = 64  # of a note, with its format
_MOST_NAMED = 5  # files in a message
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublishedFile:
    """What identifies the content of a file.

    Attributes:
        size_bytes: its size.
        sha256: SHA-256 of its content, in hex; empty if it is on a store and another process wrote it.
        version: the store's ETag or time; empty on local disks.
    """

    size_bytes: int
    sha256: str = ""
    version: str = ""


@dataclass(frozen=True)
class _PublishedFiles:
    """The content of `.published.json`."""

    files: dict[str, PublishedFile]
    generation: str
    is_adopted: bool


class Ownership:
    """Which files in a work_dir are ours.

    Args:
        place: the work_dir.

    Attributes:
        files: the published files, by name.
        generation: name of the generation that was published last.

    Raises:
        WorkDirError: the record cannot be read.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        noted = _read(place)
        self._is_noted = noted is not None
        self.files = {} if noted is None else noted.files
        self.generation = "" if noted is None else noted.generation
        self._is_adopted = is_own_config(place.read_placed(CONFIG) or b"") if noted is None else noted.is_adopted

    def refuse_foreign(self, names: Iterable[str]) -> None:
        """Check that files may be written under these names, and the notes of a run.

        Raises:
            WorkDirError: a file that is not ours has one of these names; the message names it.
        """
        names = list(names)
        found = find_all(self._place, names)
        in_the_way = [name for name in names if name in found and self._is_foreign(name, found[name])]
        in_the_way += [name for name in NOTES if self._refuses_note(name)]
        in_the_way += [name for name in FOLDERS if self._is_no_folder(name)]
        if in_the_way:
            more = f" and {len(in_the_way) - _MOST_NAMED} more" if len(in_the_way) > _MOST_NAMED else ""
            shown = ", ".join(repr(name) for name in in_the_way[:_MOST_NAMED]) + more
            raise WorkDirError(
                f"work_dir={self._place.url!r} holds {shown}, which this package has not written there and does not "
                "replace; move it away, or name another work_dir"
            )

    def _is_foreign(self, name: str, facts: Facts) -> bool:
        if facts["type"] != "file" or facts.get("islink"):
            return True
        return not (name in self.files or self._is_adopted or self._is_of_fastdup())

    def _is_no_folder(self, name: str) -> bool:
        """Whether something else than a folder has this name on a disk. Links are named where they are opened."""
        facts = find(self._place, name) if self._place.is_local else None
        return facts is not None and not (facts["type"] == "folder" or facts["islink"])

    def _refuses_note(self, name: str) -> bool:
        """Whether something that must stay has the name of a note."""
        if self._place.is_local:
            facts = find(self._place, name)
            if facts is None or facts["type"] != "file":
                return facts is not None
        return not self._may_rename and not self._has_note(name)

    def _has_note(self, name: str) -> bool:
        return is_note(name, self._place.read_placed(name) or b"")

    @property
    def _may_rename(self) -> bool:
        """Whether a file that is not ours may be renamed, because the work_dir is ours or fastdup's."""
        return bool(self.files) or self._is_adopted or self._is_of_fastdup()

    def make_room_for_note(self, name: str) -> None:
        """Rename what has the name of a note and is none of ours.

        Raises:
            WorkDirError: the work_dir is not ours, or it is no regular file.
        """
        if self._refuses_note(name):
            self.refuse_foreign([])
        if not self._has_note(name):
            self._set_aside(name)

    def _is_of_fastdup(self) -> bool:
        return any(find(self._place, name) for name in (fastdup_files.FEATURES, fastdup_files.INDEX))

    def make_room(self, name: str, facts: Facts) -> None:
        """Rename the file that has this name, unless it is exactly what was published under it.

        Args:
            name: the file.
            facts: its facts.

        Raises:
            WorkDirError: it is not ours.
        """
        if self._is_foreign(name, facts):
            self.refuse_foreign([name])
        noted = self.files.get(name)
        is_ours = self._is_adopted if noted is None else matches(self._place, name, facts, noted)
        if not is_ours:
            self._set_aside(name)

    def _set_aside(self, name: str) -> None:
        number, kept = 1, f"{name}.{SET_ASIDE}"
        while find(self._place, kept):
            number += 1
            kept = f"{name}.{SET_ASIDE}-{number}"
        with self._place.answering(name, "rename"):
            if self._place.is_local:
                with self._place.beside(name) as (folder, leaf):
                    folder.rename(leaf, folder, kept.rpartition("/")[2])
            else:
                self._place.filesystem.cp_file(self._place.inside(name), self._place.inside(kept))
        _LOG.warning("%r is not what this package published there; it is kept as %r", self._place.path(name), kept)

    def owns(self, name: str) -> bool:
        """Whether a file is what was published under its name."""
        noted, facts = self.files.get(name), find(self._place, name)
        return noted is not None and facts is not None and matches(self._place, name, facts, noted)

    def note(self, files: Mapping[str, PublishedFile], removed: Iterable[str], generation: str) -> None:
        """Record the files of a generation that was published just now, and forget those that were removed."""
        former = {name: file for name, file in self.files.items() if name not in set(removed)}
        self.files = former | dict(files)
        described = {name: asdict(file) for name, file in sorted(self.files.items())}
        noted = {"format": RECORD_FORMAT, "generation": generation, "adopted": self._is_adopted, "files": described}
        if not self._is_noted:
            self.make_room_for_note(RECORD)
        self._place.write_placed(RECORD, json.dumps(noted, indent=1).encode())


def _read(place: Place) -> _PublishedFiles | None:
    """The record of a work_dir; None if there is none, or if it is damaged or not ours."""
    try:
        noted: Any = json.loads(place.read_placed(RECORD) or b"{}")
        if noted.get("format") != RECORD_FORMAT:
            return None
        files = {str(name): _published(facts) for name, facts in noted["files"].items()}
        return _PublishedFiles(files, str(noted["generation"]), noted["adopted"] is True)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def is_note(name: str, content: bytes) -> bool:
    """Whether a file is the note of ours that has this name, perhaps a damaged one, or holds nothing."""
    return not content.strip(_NOTHING) or NOTES[name].encode() in content[:_BEGINNING_BYTES]


def _published(facts: Mapping[str, Any]) -> PublishedFile:
    return PublishedFile(int(facts["size_bytes"]), str(facts["sha256"]), str(facts["version"]))


def find(place: Place, name: str) -> Facts | None:
    """Facts of a published file, without following links; None if there is no such file."""
    path = place.inside(name)
    try:
        if place.is_local:
            found = os.lstat(path)
            kind = "file" if stat.S_ISREG(found.st_mode) else "folder" if stat.S_ISDIR(found.st_mode) else "other"
            return {"type": kind, "size": found.st_size, "islink": stat.S_ISLNK(found.st_mode)}
        with place.answering(name):
            facts: Facts = place.filesystem.info(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return facts


def find_all(place: Place, names: Iterable[str]) -> dict[str, Facts]:
    """As `find`, for many files, by name; missing ones are left out. A store gets one request per folder."""
    if place.is_local:
        return {name: facts for name in names if (facts := find(place, name)) is not None}
    wanted, found = set(names), dict[str, Facts]()
    for folder in sorted({name.rpartition("/")[0] for name in wanted}):
        with suppress(FileNotFoundError, NotADirectoryError), place.answering(folder):
            for facts in place.filesystem.ls(place.inside(folder), detail=True):
                name = f"{folder}/{PurePosixPath(facts['name']).name}".lstrip("/")
                if name in wanted:
                    found[name] = facts
    return found


def matches(place: Place, name: str, facts: Facts, noted: PublishedFile) -> bool:
    """Whether the content of a file is the noted one.

    On a store, the ETag of an upload in parts is not compared, because a copy has another ETag than its source.
    """
    if facts["type"] != "file" or facts["size"] != noted.size_bytes:
        return False
    if place.is_local:
        return bool(noted.sha256) and hash_of(place.inside(name)) == noted.sha256
    _, version = describe_object(facts)
    return version == noted.version or "-" in version + noted.version or not (version and noted.version)


def is_copy(place: Place, name: str, facts: Facts, noted: PublishedFile) -> bool:
    """Whether a file in its place has the content that was staged. A copy on a store has a version of its own."""
    if place.is_local or facts["type"] != "file" or facts["size"] != noted.size_bytes or not noted.sha256:
        return matches(place, name, facts, replace(noted, version=""))
    with place.answering(name):
        content = read_object(place.filesystem, place.inside(name), size=noted.size_bytes)
    return hashlib.sha256(content).hexdigest() == noted.sha256


def hash_of(path: str | Path) -> str:
    """SHA-256 of a local file, in hex. Raises OSError if it cannot be read or is not a regular file."""
    with open(path, "rb", opener=open_regular) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
