"""The image that a verdict is about, found by its name: by its bytes if it can be read, else by what is known of it."""

import os
import re
from dataclasses import dataclass

import polars as pl

from dedup_assets.engine.core.errors import ImageError, SettingsError
from dedup_assets.engine.inputs.containers import split_frame
from dedup_assets.engine.matching.deciding import contents_known, hash_image
from dedup_assets.engine.stores import is_url
from dedup_assets.engine.work_dir import WorkDir, match_files

_CONTENT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Subject:
    """An image by content.

    Attributes:
        content: SHA-256 of its bytes, in hex.
        name: its name, absolute; empty if only the content was given and no image has it.
        is_listed: whether the work_dir has an image of this content.
    """

    content: str
    name: bytes
    is_listed: bool


class Subjects:
    """Finds images.

    Args:
        work_dir: whose images are known; None if there is none.

    Raises:
        WorkDirError: a file of the work_dir is damaged.
    """

    def __init__(self, work_dir: WorkDir | None) -> None:
        empty = pl.DataFrame(schema={"filename": pl.Binary, "content": pl.String})
        tables = [empty]
        if work_dir is not None:
            tables.append(contents_known(work_dir).select(empty.columns))
            if work_dir.exists(match_files.EVIDENCE_IMAGES):
                tables.append(match_files.read_evidence(work_dir).images.select(empty.columns))
        self._known = pl.concat(tables).drop_nulls().unique("filename", keep="first").sort("filename")

    def find(self, given: str) -> Subject:
        """The image of a path, a URL, a name in the work_dir, or a SHA-256 in hex.

        Raises:
            SettingsError: there is none, or it has no bytes of its own.
        """
        if _CONTENT.fullmatch(given) and not os.path.lexists(given):
            names = self._known.filter(pl.col("content") == given)["filename"]
            return Subject(given, names[0] if len(names) else b"", bool(len(names)))
        raw = os.fsencode(given)
        name = raw if is_url(raw) else os.path.abspath(raw)  # noqa: PTH100 - a Path of bytes does not exist
        if split_frame(name) is not None and not os.path.lexists(name):
            raise SettingsError(
                f"{given!r} is a frame of a video, which has no bytes of its own; verdicts are about files"
            )
        content = self._content(name, given)
        return Subject(content, name, content in self._known["content"])

    def _content(self, name: bytes, given: str) -> str:
        problem = ""
        try:
            return hash_image(name)
        except ImageError as error:
            problem = str(error)
        known = self._known.filter(pl.col("filename") == name)["content"]
        if len(known):
            return str(known[0])
        raise SettingsError(
            f"{given!r}: {problem}, and the work_dir knows no image of this name; name a file or a SHA-256"
        )
