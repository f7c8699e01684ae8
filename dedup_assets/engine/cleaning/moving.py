"""A local file moves to another folder, also across disks; where a step is refused, it stays in one place."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from dedup_assets.engine.cleaning.copying import NO_LINKS, copy_file
from dedup_assets.engine.cleaning.touching import quoted
from dedup_assets.engine.core.errors import SkippedError
from dedup_assets.engine.work_dir.apply_journal import Act
from dedup_assets.engine.work_dir.folders import Folder

READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)


def move(source: Folder, name: str, target: Folder, new_name: str, act: Act) -> None:
    """Move a file without replacing another one. On the way across disks the copy is verified before the file goes."""
    try:
        source.link(name, target, new_name)
    except OSError as error:
        if error.errno == errno.EEXIST:
            raise SkippedError(
                f"{quoted(os.fsencode(new_name))} is there already, and nothing is overwritten"
            ) from None
        if error.errno in NO_LINKS:
            if target.facts(new_name) is not None:
                raise SkippedError(f"{quoted(os.fsencode(new_name))} is there already") from None
            source.rename(name, target, new_name)
            return
        if error.errno != errno.EXDEV:
            raise
    else:
        with _leaving_no_second(source, name, target, new_name):
            source.remove(name)
        return
    incomplete = partial(new_name, act)
    with ExitStack() as undo, opened_in(source, name, act.filename) as descriptor:
        undo.callback(_remove_quietly, target, incomplete)
        copy_file(descriptor, target, incomplete, act)
        target.rename(incomplete, target, new_name)
        target.sync()
        with _leaving_no_second(source, name, target, new_name, os.fstat(descriptor)):
            source.remove(name)


@contextmanager
def _leaving_no_second(
    source: Folder, name: str, target: Folder, new_name: str, moved: os.stat_result | None = None
) -> Iterator[None]:
    """Remove the new name of a file whose old name cannot be removed, for example from a folder without permission.

    Args:
        source: the folder that keeps the file.
        name: its old name.
        target: the folder that it was to go to.
        new_name: its new name, which is there.
        moved: the file that was copied; None where both are names of one file.

    Raises:
        OSError: that of the block.
    """
    try:
        yield
    except OSError:
        stays, second = source.facts(name), target.facts(new_name)
        original = moved or second
        if stays is not None and original is not None and os.path.samestat(stays, original):
            _remove_quietly(target, new_name)
        raise


@contextmanager
def opened_in(folder: Folder, leaf: str, name: bytes) -> Iterator[int]:
    """Open a regular file in an open folder; gives its descriptor. Raises SkippedError, or OSError."""
    try:
        descriptor = folder.open(leaf, READ)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EMLINK}:
            raise SkippedError(f"{quoted(name)} is a link, and nothing is done through links") from None
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SkippedError(f"{quoted(name)} is a folder or a device, no regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def partial(leaf: str, act: Act) -> str:
    """The name of a copy that is not complete: always the same for one act and place."""
    digest = hashlib.sha256(os.fsencode(leaf) + act.filename + act.to).hexdigest()[:32]
    return f".{digest}.dedup-assets.tmp"


def _remove_quietly(folder: Folder, name: str) -> None:
    with suppress(OSError):
        folder.remove(name)
