"""Copies of local files with times, permissions and extended attributes, and clones that share disk blocks."""

import errno
import hashlib
import os
from contextlib import suppress

from dedup_assets.engine.core.errors import SkippedError
from dedup_assets.engine.work_dir.apply_journal import Act
from dedup_assets.engine.work_dir.folders import Folder

try:
    import fcntl
except ImportError:  # Windows, where `applying` refuses
    fcntl = None  # type: ignore[assignment]

NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.ENOTTY, errno.EINVAL}
"""What a file system says that has no hard links, or no clones."""

_FICLONE = 0x40049409  # linux/fs.h
_BLOCK_BYTES = 1 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def copy_file(source: int, folder: Folder, name: str, act: Act) -> None:
    """Copy an open file to a new name, with the times and permissions that an act noted; it is on the disk afterwards.

    Args:
        source: descriptor of the file.
        folder: of the copy.
        name: of the copy.
        act: says what the bytes must be.

    Raises:
        SkippedError: the bytes are not those of the act; there is no copy then.
        OSError: the copy cannot be written; likewise.
    """
    target = folder.open(name, _NEW)
    try:
        content = _copy_bytes(source, target)
        keep_metadata(source, target, act)
        os.fsync(target)
    except BaseException:
        with suppress(OSError):
            folder.remove(name)
        raise
    finally:
        os.close(target)
    if content != act.content:
        folder.remove(name)
        raise SkippedError(f"{act.filename.decode('utf-8', 'backslashreplace')!r} changed while it was copied")


def _copy_bytes(source: int, target: int) -> str:
    """Copy all bytes of an open file; gives their SHA-256 in hex."""
    sha, place = hashlib.sha256(), 0
    while block := os.pread(source, _BLOCK_BYTES, place):
        sha.update(block)
        place += len(block)
        while block:
            block = block[os.write(target, block) :]
    return sha.hexdigest()


def clone(source: int, folder: Folder, name: str, own: int) -> None:
    """Make a clone of a file that shares its disk blocks.

    Args:
        source: descriptor of the file.
        folder: of the clone.
        name: of the clone.
        own: descriptor of the file whose times and permissions the clone gets.

    Raises:
        OSError: the file system has no clones, or both are on different ones.
    """
    target = folder.open(name, _NEW)
    try:
        fcntl.ioctl(target, _FICLONE, source)
        facts = os.fstat(own)
        _copy_attributes(own, target)
        with suppress(PermissionError):
            os.fchown(target, facts.st_uid, facts.st_gid)
        os.fchmod(target, facts.st_mode & 0o7777)
        os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        os.fsync(target)
    finally:
        os.close(target)


def keep_metadata(source: int, target: int, act: Act) -> None:
    """Give a copy the owner, the permissions and the times of an act, and the extended attributes of its source."""
    _copy_attributes(source, target)
    with suppress(PermissionError):
        os.fchown(target, act.uid, act.gid)
    os.fchmod(target, act.mode)
    os.utime(target, ns=(act.atime_ns, act.mtime_ns))


def _copy_attributes(source: int, target: int) -> None:
    if not hasattr(os, "listxattr"):  # macOS
        return
    with suppress(OSError):  # a file system without them
        for name in os.listxattr(source):
            with suppress(OSError):  # those of the system may be set by root alone
                os.setxattr(target, name, os.getxattr(source, name))
