"""journal.jsonl of an apply: what it is about to do, written and synchronised before it does it.

Each input that loses files has a folder `.dedup-trash/RUN_ID` with a journal of its own, so that a disk that is moved
to another machine can be undone there. The first line is the header, then one line per file, before the file is
touched; `ended` closes an apply, with the files that it announced and left, `undone` an undo. A last line that is cut
off was never acted upon. On a store, where nothing can be appended, the journal is a series of objects, which are read
in the order of their names.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from dedup_assets.engine.core.errors import PlanError, WorkDirError
from dedup_assets.engine.core.plan_records import TRASH, Action
from dedup_assets.engine.work_dir.place import Place
from dedup_assets.engine.work_dir.plan_file import json_line, name_of_text, text_of_name

JOURNAL = "journal.jsonl"
FORMAT = "dedup-assets apply"
VERSION = 1
_PARTS = "journal-"
_ENDED, _UNDOING, _UNDONE = "ended", "undoing", "undone"
_STAYED = "stayed"


@dataclass(frozen=True)
class Act:
    """One file, and what is about to happen to it.

    Attributes:
        group_id: its group.
        action: an `Action`.
        filename: its name.
        to: where it goes; for links and clones the temporary name beside it.
        content: SHA-256 of its bytes, in hex.
        size_bytes: its size.
        keep: the kept file.
        keep_content: SHA-256 of that.
        mode: permissions; 0 on a store, as the following numbers.
        uid: owner.
        gid: group of owners.
        atime_ns: time of the last access, in ns.
        mtime_ns: time of the last change, in ns.
        device: with `inode` its identity.
        inode: as above.
        version: of an object of a store.
    """

    group_id: str
    action: str
    filename: bytes
    to: bytes
    content: str
    size_bytes: int
    keep: bytes
    keep_content: str
    mode: int = 0
    uid: int = 0
    gid: int = 0
    atime_ns: int = 0
    mtime_ns: int = 0
    device: int = 0
    inode: int = 0
    version: str = ""

    def as_json(self) -> dict[str, Any]:
        """The fields, names as text."""
        return {name: text_of_name(value) if name in _NAMES else value for name, value in vars(self).items()}

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Self:
        """The act that `as_json` gave. Raises KeyError for a field that is missing."""
        values: dict[str, Any] = {
            name: name_of_text(found[name]) if name in _NAMES else found[name] for name in cls.__match_args__
        }
        return cls(**values)


_NAMES = {"filename", "to", "keep"}


@dataclass(frozen=True)
class RunHeader:
    """What a journal begins with.

    Attributes:
        run: id of the apply.
        plan: id of the plan.
        action: an `Action`.
        places: all folders with a journal of this apply.
        work_dir: URL or absolute path of the work_dir.
    """

    run: str
    plan: str
    action: str
    places: Sequence[str]
    work_dir: str


@dataclass(frozen=True)
class RunRecord:
    """What a journal says.

    Attributes:
        header: its first line.
        acts: what was begun, in order; some may not have happened.
        has_ended: the apply, or the undo after it, came to its end.
        has_undo: an undo has begun after it.
        stayed: files that were begun and never left.
    """

    header: RunHeader
    acts: Sequence[Act]
    has_ended: bool
    has_undo: bool = False
    stayed: frozenset[bytes] = frozenset()


class JournalFolder:
    """The folder of an apply in the trash of one input.

    Args:
        url: path or URL of the folder.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._place = Place(url)
        self._descriptor: int | None = None
        self._part = 0

    def read(self) -> RunRecord | None:
        """What its journal says; None if there is none yet.

        Raises:
            PlanError: the journal is damaged, or another program's.
            WorkDirError: it cannot be read.
        """
        lines = self._lines()
        return _parsed(lines, self.url) if lines else None

    def read_header(self) -> RunHeader | None:
        """What its first line says; raises as `read`, which it does not replace where the rest counts."""
        lines = self._lines()
        return _parsed(lines[:1], self.url).header if lines else None

    def _names(self) -> list[str]:
        """The names of its files."""
        return [name for name in self._place.names("") if name == JOURNAL or name.startswith(_PARTS)]

    def _lines(self) -> list[bytes]:
        contents = (self._place.read_placed(name) or b"" for name in self._names())
        return b"".join(content[: content.rfind(b"\n") + 1] for content in contents).splitlines()

    def append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Add lines; they are on the disk, or in the store, when this returns."""
        content = b"".join(map(json_line, lines))
        with self._place.answering(JOURNAL, "write"):
            if not self._place.is_local:
                self._part = self._part or 1 + sum(name.startswith(_PARTS) for name in self._place.names(""))
                self._place.write_placed(f"{_PARTS}{self._part:06d}.jsonl", content)
                self._part += 1
                return
            descriptor = self._open()
            while content:
                content = content[os.write(descriptor, content) :]
            os.fsync(descriptor)

    def append_acts(self, acts: Iterable[Act]) -> None:
        """Add what is about to be done."""
        self.append(act.as_json() for act in acts)

    def begin(self, header: RunHeader) -> None:
        """Write the header."""
        self.append([{"format": FORMAT, "format_version": VERSION, **asdict(header), "places": list(header.places)}])

    def discard(self) -> None:
        """Remove a journal that has just begun, and its folder: nothing has moved. What cannot be removed is left."""
        self.close()
        with suppress(WorkDirError, OSError):
            self._place.remove_all(self._names())
            folder, _, name = self.url.rstrip("/").rpartition("/")
            Place(folder).remove_empty_folder(name)

    def begin_undo(self) -> None:
        """Note that an undo begins."""
        self.append([{_UNDOING: True}])

    def end(self, *, undone: bool = False, stayed: Iterable[bytes] = ()) -> None:
        """Note that the apply, or the undo, came to its end.

        Args:
            undone: whether it is an undo.
            stayed: files that the apply had begun and that never left.
        """
        names = [text_of_name(name) for name in stayed]
        self.append([{_UNDONE if undone else _ENDED: True} | ({_STAYED: names} if names else {})])

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        """The open journal, without the line that a kill cut off."""
        if self._descriptor is None:
            with self._place.beside(JOURNAL, create=True) as (folder, leaf):
                self._descriptor = folder.open(leaf, os.O_RDWR | os.O_CREAT | os.O_APPEND)
                content = _read_all(self._descriptor)
                os.ftruncate(self._descriptor, content.rfind(b"\n") + 1)
                folder.sync()
            for above in ("", ".."):
                _sync_folder(os.path.join(self._place.root, above))  # noqa: PTH118 - text of fsspec
        return self._descriptor


def journals_in(place: str) -> list[JournalFolder]:
    """The folders of all applies in the trash of an input, in the order of their ids.

    Args:
        place: path or URL of the trash folder, `.dedup-trash`.
    """
    found = Place(place)
    return [JournalFolder(found.path(name)) for name in found.folders()]


def trash_of(root: str) -> str:
    """The trash folder of an input."""
    return f"{root.rstrip('/')}/{TRASH}"


def _parsed(lines: Sequence[bytes], url: str) -> RunRecord:
    try:
        found = [json.loads(line) for line in lines]
        first = found[0]
        if first["format"] != FORMAT or first["format_version"] != VERSION:
            raise PlanError(f"{JOURNAL} in {url!r} is none that this version of dedup-assets can read")
        header = RunHeader(**{each.name: first[each.name] for each in fields(RunHeader)})
        acts, stayed, last = [], set[bytes](), ""
        for each in found[1:]:
            last = next((note for note in (_ENDED, _UNDOING, _UNDONE) if each.get(note) is True), "")
            if last:
                stayed.update(name_of_text(name) for name in each.get(_STAYED, ()))
                continue
            acts.append(Act.of_json(each))
            stayed.discard(acts[-1].filename)
        _check_types([header, *acts])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PlanError(
            f"{JOURNAL} in {url!r} is damaged, or another program's ({type(error).__name__}: {error}); the files that "
            "an apply moved are still in that folder"
        ) from None
    has_undo = last in (_UNDOING, _UNDONE)
    return RunRecord(header, acts, last in (_ENDED, _UNDONE), has_undo, frozenset(stayed))


def _check_types(records: Iterable[RunHeader | Act]) -> None:
    """Check that fields hold what an apply writes. Raises TypeError or ValueError."""
    for record in records:
        Action(record.action)
        for name, kind in _KINDS[type(record)]:
            value = getattr(record, name)
            if not isinstance(value, kind) or (
                isinstance(value, list) and not all(isinstance(item, str) for item in value)
            ):
                raise TypeError(f"{name} is no {kind.__name__}")


_KINDS: dict[type, list[tuple[str, type]]] = {
    record: [(each.name, each.type if isinstance(each.type, type) else list) for each in fields(record)]
    for record in (RunHeader, Act)
}


def _read_all(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read(size)


def _sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
