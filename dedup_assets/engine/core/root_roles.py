"""Roles of folders: which files are never acted upon, and which are compared with others only.

A root is written `PATH:ROLE`. The longest path that holds a file decides, after links are resolved.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.setting_values import expand_home

_STORE = "://"
_LOCAL = ("file://", "local://")


class RootRole(StrEnum):
    """What the files below a root are."""

    PROTECTED = "protected"
    """They are never acted upon."""
    REFERENCE = "reference"
    """They are never acted upon, and are compared with others, not among themselves."""
    INBOX = "inbox"
    """They may go; where there is an inbox, files outside of all inboxes are never acted upon."""


class Roots:
    """The roots of a run; files are asked for by name.

    Args:
        roots: texts `PATH:ROLE`, as settings have them.
        places: with `across_only` the inputs of the run, else none: copies inside one place or root are left alone.
    """

    def __init__(self, roots: Sequence[str], places: Iterable[str] = ()) -> None:
        parted = [root.rpartition(":") for root in roots]
        self._roles = {_resolved(os.fsencode(path)): RootRole(role) for path, _, role in parted}
        self._places = {_resolved(os.fsencode(place)) for place in places}
        self._has_inbox = RootRole.INBOX in self._roles.values()
        self._folders: dict[bytes, bytes] = {}

    @classmethod
    def stored(cls, settings: Mapping[str, Any]) -> "Roots":
        """The roots in the settings that groups were made with, as config.json has them."""
        return cls(settings.get("roots") or (), settings.get("across_only") or ())

    def __bool__(self) -> bool:
        """Whether they say anything about any file."""
        return bool(self._roles or self._places)

    def why_never(self, name: bytes) -> str:
        """Why nothing is ever done to a file, in words after "is"; empty if something may be."""
        root = _longest(self._in_folders(name), self._roles)
        role = self._roles.get(root) if root is not None else None
        if role in (RootRole.PROTECTED, RootRole.REFERENCE):
            return f"in the {role} root {_shown(root)}"
        return "outside of all inboxes" if self._has_inbox and role is not RootRole.INBOX else ""

    def why_not_beside(self, name: bytes, kept: bytes) -> str:
        """As `why_never`, for a copy of a kept file: `across_only` leaves copies inside one root alone."""
        reason = self.why_never(name)
        if reason or not self._places:
            return reason
        return "in one root with the kept file (across_only)" if self.place_of(name) == self.place_of(kept) else ""

    def is_reference(self, name: bytes) -> bool:
        """Whether a file is compared with files of other roles only."""
        root = _longest(self._in_folders(name), self._roles)
        return root is not None and self._roles[root] is RootRole.REFERENCE

    def place_of(self, name: bytes) -> bytes | None:
        """The root or input that holds a file; None for files in none."""
        return _longest(self._in_folders(name), {*self._roles, *self._places})

    def is_left_alone(self, names: Sequence[bytes]) -> bool:
        """Whether copies of one another are no finding: all of reference roots, or all inside one root."""
        if all(map(self.is_reference, names)):
            return True
        return bool(self._places) and len(set(map(self.place_of, names))) == 1

    def _in_folders(self, name: bytes) -> bytes:
        """The name, with links in its folders resolved."""
        folder, _, leaf = name.rpartition(b"/")
        if folder not in self._folders:
            self._folders[folder] = _resolved(folder or b"/")
        return self._folders[folder] + b"/" + leaf


def absolute_places(inputs: str | Sequence[str]) -> list[str]:
    """Inputs as absolute paths and URLs."""
    given = [inputs] if isinstance(inputs, str) else inputs
    return [each if _STORE in each else os.path.abspath(each) for each in given if each]  # noqa: PTH100 - text


def check_places(places: Sequence[str], roots: Sequence[str]) -> None:
    """Check that `across_only` has more than one place to compare. Raises ValueError."""
    if places and len({*places, *(root.rpartition(":")[0] for root in roots)}) == 1:
        raise ValueError("across_only=True: name at least two inputs or roots; copies across these count")


def check_roots(roots: Sequence[str]) -> None:
    """Check that local roots are there, because a name with a slip in it would protect nothing.

    Raises:
        SettingsError: one is no folder.
    """
    for path in (root.rpartition(":")[0] for root in roots):
        if _STORE not in path and not os.path.isdir(path):  # noqa: PTH112 - text, like all settings
            raise SettingsError(f"roots: {path!r} is no folder")


def _resolved(path: bytes) -> bytes:
    """A folder or prefix without links, and without a slash at its end."""
    if _STORE.encode() in path:
        scheme, _, rest = path.partition(b"://")
        return (b"s3" if scheme == b"s3a" else scheme) + b"://" + rest.rstrip(b"/")
    return os.path.realpath(path).rstrip(b"/")


def _longest(name: bytes, folders: Iterable[bytes]) -> bytes | None:
    """The nearest of the folders that holds a name."""
    while b"/" in name:
        name = name.rpartition(b"/")[0]
        if name in folders:
            return name
    return None


def _shown(root: bytes | None) -> str:
    return repr((root or b"/").decode("utf-8", "backslashreplace"))


def _listed_roots(value: Any) -> Any:  # noqa: ANN401 - users give anything; that is what this checks
    if isinstance(value, dict):
        value = [f"{path}:{role}" for path, role in value.items()]
    rows = [value] if isinstance(value, str) and value else value or []
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise ValueError("must be texts PATH:ROLE, or a mapping of paths to roles")
    found = [_checked(row) for row in rows]
    paths = [row.rpartition(":")[0] for row in found]
    if twice := next((path for path in paths if paths.count(path) > 1), None):
        raise ValueError(f"{twice!r} is given twice")
    return found


def _checked(row: str) -> str:
    path, separator, role = row.rpartition(":")
    if not (separator and path) or role not in list(RootRole):
        raise ValueError(f"{row!r} is not PATH:ROLE, with a ROLE of {', '.join(RootRole)}")
    for scheme in _LOCAL:
        path = path.removeprefix(scheme)
    return f"{path if _STORE in path else os.path.abspath(expand_home(path))}:{role}"  # noqa: PTH100 - bytes may be wild


RootTexts = Annotated[list[str], BeforeValidator(_listed_roots)]
"""Texts `PATH:ROLE` with absolute paths; a mapping of paths to roles is read too."""
