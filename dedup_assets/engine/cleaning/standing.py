"""Whether a file is on its own where its name says: no link, no archive, no place that cannot be changed."""

import os
import stat

from dedup_assets.engine.core.plan_records import Action
from dedup_assets.engine.inputs.containers import split_frame
from dedup_assets.engine.stores import is_url

CHANGEABLE = (b"s3://", b"s3a://")
"""Stores that can delete an object on condition that it is unchanged."""
IN_CONTAINER = "inside of an archive or a video"
LINKED = "reached through a link"


class Standing:
    """Looks at files by name, and at each folder once.

    Args:
        action: what would be done to them, or to copies of them.
    """

    def __init__(self, action: Action) -> None:
        self._action = action
        self._linked: dict[bytes, bool] = {}

    def why_not(self, name: bytes, size_bytes: int | None) -> str:
        """Why a plan leaves a file out, in words after "is"; empty if it does not.

        Args:
            name: of the file.
            size_bytes: its size when it was compared; None or -1 if unknown.
        """
        return self._why_not_object(name) if is_url(name) else self._why_not_local(name, size_bytes)

    def _why_not_object(self, name: bytes) -> str:
        if not name.startswith(CHANGEABLE):
            return "on a server whose files are only read"
        is_possible = self._action in (Action.TRASH, Action.DELETE)
        return "" if is_possible else f"on a store, where {self._action} is not possible"

    def _why_not_local(self, name: bytes, size_bytes: int | None) -> str:
        try:
            facts = os.lstat(name)
        except NotADirectoryError:
            return IN_CONTAINER
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                return f"not readable ({error.strerror or error})"
            return "gone" if split_frame(name) is None else IN_CONTAINER
        if stat.S_ISLNK(facts.st_mode) or self._is_linked(os.path.dirname(name)):  # noqa: PTH120 - bytes
            return LINKED
        is_same = stat.S_ISREG(facts.st_mode) and size_bytes in (None, -1, facts.st_size)
        return "" if is_same else "changed since the run"

    def _is_linked(self, folder: bytes) -> bool:
        if folder not in self._linked:
            self._linked[folder] = os.path.realpath(folder) != folder
        return self._linked[folder]
