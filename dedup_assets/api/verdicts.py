"""What people decide about images: adding, revoking, listing and importing verdicts.

Groups honour them from the next run on; no image is extracted, searched or compared again for that.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dedup_assets.api.arguments import path_of
from dedup_assets.engine.core.errors import DedupError, SettingsError, WorkDirError
from dedup_assets.engine.core.verdict_records import COLUMNS, BadVerdict, Decision, GivenVerdict, Verdicts

if TYPE_CHECKING:
    import polars as pl

    from dedup_assets.engine.matching.subjects import Subjects

Path = str | os.PathLike[str]
_NAMED = ("relation", "a", "b", "note", "by")  # columns of a table of names; the first two are needed


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        added: the verdicts that were added.
        known: number of rows that the file has already: their id, or the same verdict, which counts.
        bad: rows that cannot be used, by their line in the imported file.
    """

    added: Sequence[GivenVerdict]
    known: int
    bad: Sequence[BadVerdict]


@dataclass(frozen=True)
class Revocation(GivenVerdict):
    """A row that revokes another one.

    Attributes:
        again: verdicts that the revoked one has replaced or contradicted, and that count again.
    """

    again: Sequence[GivenVerdict] = ()


class VerdictBook:
    """The verdicts of a work_dir, or of a file that several work_dirs share.

    Args:
        work_dir: a folder or URL that a run wrote to. Its images are found by name also if their files are gone.
        verdicts: the file of verdicts; if not given, the one that the last run in work_dir read.

    Raises:
        SettingsError: neither is given.
        WorkDirError: the work_dir holds no results of a run.
    """

    def __init__(self, work_dir: Path | None = None, verdicts: Path | None = None) -> None:
        from dedup_assets.engine.work_dir import WorkDir
        from dedup_assets.engine.work_dir.identity import read_config
        from dedup_assets.engine.work_dir.verdict_file import VerdictFile

        if work_dir is None and verdicts is None:
            raise SettingsError("verdicts: name a work_dir or a file of verdicts")
        self._work_dir: WorkDir | None = None
        named = "" if verdicts is None else path_of("verdicts", verdicts)
        place = "" if work_dir is None else path_of("work_dir", work_dir)
        if place:
            self._work_dir = WorkDir(place)
            config = read_config(self._work_dir)
            if not config.results and not named:
                missing = self._work_dir.missing() or " holds no results of a run"
                raise WorkDirError(f"work_dir={place!r}{missing}; name another, or a file of verdicts")
            named = named or str(config.settings.get("verdicts", ""))
        self._file: VerdictFile = VerdictFile.of(named, place)

    @property
    def path(self) -> str:
        """Path or URL of the file."""
        return self._file.path

    def add(self, relation: str, a: Path, b: Path | None = None, *, note: str = "", by: str = "") -> GivenVerdict:
        """Decide about one image or two.

        Where the same verdict counts already, nothing is added.

        Args:
            relation: same, different or variant of a and b; keep or protect of a alone.
            a: path or URL of an image, the name of one in the work_dir, or the SHA-256 of its bytes in hex.
            b: likewise.
            note: free text.
            by: who decides; by default the user of this process.

        Returns:
            The new verdict, whose `line` is 0; or the one that counts already, with its line in the file.

        Raises:
            SettingsError: the relation is none of these, or an image cannot be found.
            WorkDirError: the file cannot be written, or is not a file of verdicts.
        """
        from dedup_assets.engine.groups.repeated_verdicts import find_repeated, without_repeated
        from dedup_assets.engine.work_dir.verdict_file import dated

        row = self._decided(self._subjects, relation, a, b, note, by)
        found = Verdicts()

        def rows(present: Verdicts) -> list[GivenVerdict]:
            nonlocal found
            found = present
            return without_repeated(present, list(dated([row], present.given)))

        return next(iter(self._file.add(rows)), None) or find_repeated(found, row)

    def revoke(self, verdict_id: str, *, note: str = "", by: str = "") -> Revocation:
        """Take a verdict back. What it was stays in the file, and an older one may count again.

        Raises:
            SettingsError: there is no such verdict, or it is revoked already.
        """
        from dedup_assets.engine.groups.repeated_verdicts import count_again

        before = Verdicts()

        def rows(found: Verdicts) -> list[GivenVerdict]:
            nonlocal before
            before = found
            if verdict_id not in {row.verdict_id for row in found.given}:
                raise SettingsError(f"revoke={verdict_id!r}: {self.path!r} has no verdict of this id")
            if verdict_id in found.revoked():
                raise SettingsError(f"revoke={verdict_id!r}: this verdict is revoked already")
            return [GivenVerdict("", "", by or _user(), "", note=note, revokes=verdict_id)]

        (added,) = self._file.add(rows)
        return Revocation(**vars(added), again=count_again(before, [added]))

    def read(self) -> Verdicts:
        """All verdicts. Raises WorkDirError if the file is not one of verdicts."""
        return self._file.read()

    def table(self) -> "pl.DataFrame":
        r"""All verdicts, the oldest first: the columns of the file, `state` and `missing`.

        `state` is counts, unmatched (an image that it is about is not there, neither by its bytes nor by its pixels;
        `missing` names it), contradicted (by newer ones, see `verdict_conflicts.csv`), replaced or revoked; empty for a
        row that revokes; unknown instead of the first three if no work_dir was given. Bytes of names that are no UTF-8
        are escapes, as `\xff`.

        Raises:
            WorkDirError: the file is not one of verdicts, or a file of the work_dir is damaged.
        """
        import polars as pl

        from dedup_assets.engine.matching.verdict_states import state_verdicts

        rows = [
            {
                **{name: getattr(each.verdict, name) for name in COLUMNS},
                **{name: _text(getattr(each.verdict, name)) for name in ("a_name", "b_name")},
                "state": each.state.value,
                "missing": ", ".join(map(_text, each.missing)),
            }
            for each in state_verdicts(self.read(), self._work_dir, self.path)
        ]
        return pl.DataFrame(rows, schema=dict.fromkeys((*COLUMNS, "state", "missing"), pl.String))

    def load(self, table: Path, *, by: str = "") -> Imported:
        """Import verdicts from a CSV file: another file of verdicts, or a table of names.

        A file of verdicts keeps ids and times. Verdicts that are here already, or say what one says that counts, are
        left out. What lies beside a file of verdicts as `NAME.images` is kept beside this file, too. A table of names
        has the columns `relation`, `a` and perhaps `b`, `note`, `by`. Rows that cannot be used are named by line; the
        others are added, all or none.

        Raises:
            SettingsError: the file cannot be read, or has neither form.
            WorkDirError: as `add`.
        """
        from dedup_assets.engine.groups.repeated_verdicts import without_repeated
        from dedup_assets.engine.work_dir.verdict_file import VerdictFile, dated, read_header
        from dedup_assets.engine.work_dir.verdict_images import keep_images_beside, read_images_beside

        path = path_of("table", table)
        header = read_header(path)
        are_verdicts = header == list(COLUMNS)
        if are_verdicts:
            found = VerdictFile(path).read()
            given, bad = list(found.given), list(found.bad)
        elif {"relation", "a"} <= set(header):
            given, bad = self._named_rows(path, header, by)
        else:
            raise SettingsError(
                f"{path!r} has the columns {','.join(header)!r}; expected those of a file of verdicts "
                f"({','.join(COLUMNS)}), or relation, a and perhaps b, note, by"
            )
        known = 0

        def rows(present: Verdicts) -> list[GivenVerdict]:
            nonlocal known
            ids = {row.verdict_id for row in present.given}
            fresh = [row for row in given if not row.verdict_id or row.verdict_id not in ids]
            new = without_repeated(present, list(dated(sorted(fresh, key=lambda row: row.time), present.given)))
            known = len(given) - len(new)
            return new

        added = self._file.add(rows)
        if are_verdicts:
            keep_images_beside(self.path, read_images_beside(path))
        return Imported(added, known, bad)

    def _named_rows(self, path: str, header: list[str], by: str) -> tuple[list[GivenVerdict], list[BadVerdict]]:
        from dedup_assets.engine.work_dir.verdict_file import read_rows

        subjects, given, bad = self._subjects, [], []
        for line, row in read_rows(path):
            try:
                if isinstance(row, ValueError) or len(row) != len(header):
                    raise SettingsError(str(row) if isinstance(row, ValueError) else f"{len(row)} fields")
                values = {name: os.fsdecode(row[header.index(name)]) for name in _NAMED if name in header}
                relation, note, who = (values.get(name, "") for name in ("relation", "note", "by"))
                given.append(self._decided(subjects, relation, values["a"], values.get("b") or None, note, who or by))
            except DedupError as problem:
                bad.append(BadVerdict(line, str(problem)))
        return given, bad

    @property
    def _subjects(self) -> "Subjects":
        from dedup_assets.engine.matching.subjects import Subjects

        return Subjects(self._work_dir)

    def _decided(
        self, subjects: "Subjects", relation: str, a: Path, b: Path | None, note: str, by: str
    ) -> GivenVerdict:
        if relation not in [decision.value for decision in Decision]:
            raise SettingsError(f"relation={relation!r}: must be one of {', '.join(Decision)}")
        if Decision(relation).is_of_pair != (b is not None):
            raise SettingsError(f"{relation} is about {'two images' if b is None else 'one image'}")
        one = subjects.find(os.fsdecode(a))
        row = GivenVerdict("", "", by or _user(), relation, one.content, "", one.name, note=note)
        if b is not None:
            other = subjects.find(os.fsdecode(b))
            if other.content == one.content:
                raise SettingsError(
                    f"{os.fsdecode(a)!r} and {os.fsdecode(b)!r} have the same bytes: they are one image"
                )
            row = replace(row, b_content=other.content, b_name=other.name)
        return row


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _user() -> str:
    import getpass

    find: Callable[[], str] = getpass.getuser
    try:
        return find()
    except (OSError, KeyError, ImportError):  # a process without a user's name
        return ""
