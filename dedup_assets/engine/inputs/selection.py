"""Which files of an input count: neither hidden, nor made by a program for itself, nor left out by a pattern.

Each file or folder that is passed over is counted with its reason, so that nothing is skipped in silence.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from wcmatch import glob

from dedup_assets.engine.inputs.kinds import EXTRAS, TABLES, Kind, extension_of, is_installed
from dedup_assets.engine.stores import near_path

EXCLUDED = "excluded by pattern"
HIDDEN = "hidden"
OWN_RESULTS = "results of dedup-assets"
NO_EXTENSION = "no extension"
EMPTY_CELLS = "cells of tables without an image"
OTHER_EXTENSIONS = "other extensions"

# Folders in which systems and programs keep thumbnails, deleted files and metadata of the files beside them.
_FOREIGN_FOLDERS = {
    b"@eaDir", b"@Recycle", b"@Recently-Snapshot", b"#recycle", b"#snapshot", b"$RECYCLE.BIN", b"__MACOSX",
    b"System Volume Information", b"lost+found",
}  # fmt: skip
_COUNTED_BY_NAME = (
    b".thumbnails",
    b".Trash",
    b".DS_Store",
    b"._",
    b".dedup-trash",
    b".staged",
)  # hidden, and well known
_FLAGS = glob.GLOBSTAR | glob.DOTGLOB | glob.FORCEUNIX
_PLAIN_EXTENSION = re.compile(r"\.[\w+~-]{1,12}", re.ASCII)
_MOST_KINDS = 200  # counted separately
_MOST_SHOWN = 6  # reasons, in a sentence


class Selection:
    """Which files of an input count, and how many do not.

    Args:
        include: glob patterns; where there are any, only images and videos that match one count.
        exclude: glob patterns of files and folders that do not count, whatever `include` says.

    Attributes:
        left_out: how many files, or folders where these are not entered, were passed over, by reason.
    """

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._included, self._excluded = _compiled(include), _compiled(exclude)
        self._is_plain = not (self._included or self._excluded)
        self.left_out: Counter[str] = Counter()

    def enters(self, name: bytes, path: bytes) -> bool:
        """Whether a folder is looked into.

        Args:
            name: of the folder.
            path: of the folder, relative to the input.
        """
        return self._passes(name, path, is_folder=True)

    def admits_plainly(self, name: bytes, kind: Kind) -> bool:
        """Whether name and kind alone let a file count: nearly every one, and listings have millions."""
        return kind is Kind.IMAGE and self._is_plain and name[:1] != b"."

    def admits(self, name: bytes, path: bytes, kind: Kind) -> bool:
        """Whether a file counts.

        Args:
            name: of the file.
            path: of the file, relative to the input or to the archive that holds it.
            kind: what the file is.
        """
        if self.admits_plainly(name, kind):
            return True
        if not self._passes(name, path, is_folder=False):
            return False
        if kind is Kind.OTHER:
            self.left_out[self._label(extension_of(name))] += 1
        elif self._included and kind is not Kind.ARCHIVE and not _matches(self._included, path):
            self.left_out[EXCLUDED] += 1
        else:
            return True
        return False

    def admits_path(self, path: bytes, kind: Kind) -> bool:
        """As `admits`, for a file that was found without entering its folders one after the other."""
        *folders, name = path.split(b"/")
        places = (b"/".join(folders[: depth + 1]) for depth in range(len(folders)))
        return all(map(self.enters, folders, places)) and self.admits(name, path, kind)

    def _label(self, extension: bytes) -> str:
        """An extension as people see it; unusual ones share a label, because names may hold anything."""
        if not extension:
            return NO_EXTENSION
        text = extension.decode("ascii", "replace")
        is_known = text in self.left_out or len(self.left_out) < _MOST_KINDS
        return text if is_known and _PLAIN_EXTENSION.fullmatch(text) else OTHER_EXTENSIONS

    def _passes(self, name: bytes, path: bytes, *, is_folder: bool) -> bool:
        reason = _reason(name, is_folder=is_folder)
        if not reason and self._excluded and _matches(self._excluded, path):
            reason = EXCLUDED
        if reason:
            self.left_out[reason] += 1
        return not reason


def is_ignored(path: bytes) -> bool:
    """Whether a path leads to a file that never counts, whatever a user asks for."""
    *folders, name = path.split(b"/")
    return bool(_reason(name, is_folder=False)) or any(_reason(folder, is_folder=True) for folder in folders)


def describe_left_out(counts: Mapping[str, int]) -> str:
    """What was passed over, in a few words, the most frequent first; empty where nothing was.

    Args:
        counts: as `Selection.left_out`.
    """
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    parts = [f"{count:,} {reason}{_needs(reason)}" for reason, count in ordered[:_MOST_SHOWN]]
    if rest := ordered[_MOST_SHOWN:]:
        parts.append(f"{sum(count for _, count in rest):,} of {len(rest)} other kinds")
    return ", ".join(parts)


def _needs(reason: str) -> str:
    """Which extra would read files of an extension."""
    missing = (
        extra.name for extra in (*EXTRAS, TABLES) if reason.encode() in extra.extensions and not is_installed(extra)
    )
    return next((f" (needs the extra {name!r})" for name in missing), "")


def _reason(name: bytes, *, is_folder: bool) -> str:
    """Why a file or a folder never counts; empty where it does."""
    if name.startswith(b".") and name not in {b".", b".."}:
        known = next((prefix for prefix in _COUNTED_BY_NAME if name.startswith(prefix)), b"")
        return known.decode() or HIDDEN
    return name.decode() if is_folder and name in _FOREIGN_FOLDERS else ""


def _compiled(patterns: Iterable[str]) -> list[re.Pattern[bytes]]:
    """Patterns without a slash match the name at any depth, others the path from the input on."""
    found = []
    for pattern in patterns:
        bare = pattern.rstrip("/")
        anywhere = 0 if "/" in bare else glob.MATCHBASE
        (expression,), _ = glob.translate(bare.lstrip("/").encode("utf-8", "surrogateescape"), flags=_FLAGS | anywhere)
        found.append(re.compile(expression))
    return found


def _matches(patterns: Iterable[re.Pattern[bytes]], path: bytes) -> bool:
    return any(pattern.match(path) for pattern in patterns)


def hint_of_missing(name: str) -> str:
    """What to do about an input that does not exist, as the end of a sentence."""
    if not any(sign in name for sign in "*?["):
        return "" if "://" in name else near_path(name)
    folder, _, pattern = name.rpartition("/")
    return f"; patterns are not expanded: name the folder, {folder or '.'!r}, and include={[pattern]!r}"
