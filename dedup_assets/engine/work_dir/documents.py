"""A page in a folder that a caller names: a gallery function's, which may hold other files of the same name."""

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.ownership import find

_MARK = b" dedup_assets</title>"  # in every page of every version
_HEAD_BYTES = 1 << 16


def write_document(folder: WorkDir, name: str, html: str) -> None:
    """Write one HTML document in UTF-8, in place of a page that this package wrote, and of nothing else.

    Raises:
        WorkDirError: something else has this name, or the folder cannot be written.
    """
    check_replaceable(folder, name)
    with folder.publish(name) as (file,):
        file.write(html.encode("utf-8"))


def check_replaceable(folder: WorkDir, name: str) -> None:
    """Check that a name is free or that of a page of ours.

    Raises:
        WorkDirError: something else has this name.
    """
    facts = find(folder, name)
    if facts is None:
        return
    if facts["type"] == "file" and not facts.get("islink"):
        with folder.open(name) as file:
            if _MARK in file.read(_HEAD_BYTES):
                return
    raise WorkDirError(
        f"save_path={folder.url!r} holds {name!r}, which this package has not written and does not replace; "
        "move it away, or name another folder"
    )
