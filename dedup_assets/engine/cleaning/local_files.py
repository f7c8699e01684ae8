"""Acts on local files. Each path is opened part by part from the root of the disk, so that no link is followed."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from dedup_assets.engine.cleaning.copying import NO_LINKS, clone, copy_file
from dedup_assets.engine.cleaning.moving import move, opened_in, partial
from dedup_assets.engine.cleaning.touching import Files, Seen, cannot_restore, quoted
from dedup_assets.engine.core.errors import PlanError, SkippedError, WorkDirError
from dedup_assets.engine.core.plan_records import Action
from dedup_assets.engine.inputs.reading import MAX_FILE_BYTES
from dedup_assets.engine.work_dir.apply_journal import Act
from dedup_assets.engine.work_dir.folders import Folder, open_folder

try:
    import fcntl
except ImportError:  # Windows, where `applying` refuses
    fcntl = None  # type: ignore[assignment]

_BLOCK_BYTES = 1 << 20
_REPLACES = (Action.HARDLINK, Action.REFLINK)


def temporary_beside(name: bytes, run: str) -> bytes:
    """The temporary name beside a file that an apply replaces: always the same, so that a later process finds it."""
    return _in_folder_of(name, f".{hashlib.sha256(run.encode() + name).hexdigest()[:32]}.dedup-assets.tmp")


class LocalFiles(Files):
    """Files on local disks."""

    def find(self, name: bytes) -> Seen | None:
        """See `Files.find`."""
        try:
            with _beside(name) as (folder, leaf):
                facts = folder.facts(leaf)
        except FileNotFoundError:
            return None
        if facts is None:
            return None
        if stat.S_ISLNK(facts.st_mode):
            raise SkippedError(f"{quoted(name)} is a link, and nothing is done through links")
        if not stat.S_ISREG(facts.st_mode):
            raise SkippedError(f"{quoted(name)} is a folder or a device, no regular file")
        return _seen(facts)

    def listed(self, folder: bytes) -> list[bytes]:
        """See `Files.listed`."""
        return os.listdir(folder or b"/")  # noqa: PTH208 - bytes

    def hashed(self, name: bytes) -> tuple[Seen, str]:
        """See `Files.hashed`."""
        seen, content, _ = self._read(name, keep_bytes=False)
        return seen, content

    def read(self, name: bytes) -> bytes:
        """See `Files.read`."""
        return self._read(name, keep_bytes=True)[2]

    def verify(self, name: bytes, content: str, *, keep_bytes: bool = False) -> tuple[Seen, bytes]:
        """See `Files.verify`."""
        seen, found, data = self._read(name, keep_bytes=keep_bytes)
        if found != content:
            raise SkippedError(f"{quoted(name)} has changed since the plan was made")
        return seen, data

    def _read(self, name: bytes, *, keep_bytes: bool) -> tuple[Seen, str, bytes]:
        """A file as it was read, its hash, and its bytes if they are wanted."""
        with _opened(name) as (folder, leaf, descriptor):
            before = _seen(os.fstat(descriptor))
            if keep_bytes and before.size_bytes > MAX_FILE_BYTES:
                raise SkippedError(f"{quoted(name)} has {before.size_bytes} bytes: more than {MAX_FILE_BYTES}")
            sha, blocks = hashlib.sha256(), []
            while block := os.read(descriptor, _BLOCK_BYTES):
                sha.update(block)
                if keep_bytes:
                    blocks.append(block)
            after, named = _seen(os.fstat(descriptor)), folder.facts(leaf)
            is_same = named is not None and before.is_unchanged(after) and after.is_unchanged(_seen(named))
            if not is_same:
                raise SkippedError(f"{quoted(name)} has changed since the plan was made")
            return after, sha.hexdigest(), b"".join(blocks)

    @contextmanager
    def unchanged(self, name: bytes, seen: Seen, *, exclusive: bool) -> Iterator[None]:
        """See `Files.unchanged`."""
        with _opened(name) as (_, _, descriptor):
            try:
                fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SkippedError(f"{quoted(name)} is in use by another apply") from None
            except OSError:  # a file system without locks, where the lock of the trash folder must do
                pass
            if not seen.is_unchanged(_seen(os.fstat(descriptor))):
                raise SkippedError(f"{quoted(name)} has changed since it was verified")
            yield

    def act(self, act: Act, seen: Seen) -> None:
        """See `Files.act`."""
        action = Action(act.action)
        with _beside(act.filename) as (folder, leaf):
            if action is Action.DELETE:
                folder.remove(leaf)
            elif action in _REPLACES:
                self._replace(act, folder, leaf)
            else:
                with _beside(act.to, create=True) as (target, new_name):
                    if target.facts(new_name) is not None:
                        raise SkippedError(f"{quoted(act.to)} is there already, and nothing is overwritten")
                    move(folder, leaf, target, new_name, act)
                    moved = target.facts(new_name)
                    if moved is not None and seen.device == moved.st_dev and seen.inode != moved.st_ino:
                        move(target, new_name, folder, leaf, act)  # replaced between the last look and the move
                        raise SkippedError(f"{quoted(act.filename)} was replaced meanwhile")

    def _replace(self, act: Act, folder: Folder, leaf: str) -> None:
        """Put a link to the kept file, or a clone of it, in the place of a file."""
        temporary = _leaf(act.to)
        with _opened(act.keep) as (keep_folder, keep_leaf, keep):
            with suppress(FileNotFoundError):
                folder.remove(temporary)
            try:
                if act.action == Action.HARDLINK:
                    keep_folder.link(keep_leaf, folder, temporary)
                else:
                    with _opened(act.filename) as (_, _, own):
                        clone(keep, folder, temporary, own)
                folder.rename(temporary, folder, leaf)
            except OSError as error:
                with suppress(OSError):
                    folder.remove(temporary)
                if act.action == Action.REFLINK and error.errno in NO_LINKS:
                    raise PlanError(f"the file system of {quoted(act.filename)} has no clones (reflinks)") from None
                if error.errno in {errno.EXDEV, errno.EMLINK, *NO_LINKS}:
                    why = error.strerror or str(error)
                    raise SkippedError(
                        f"{quoted(act.filename)}: no {act.action} of {quoted(act.keep)}: {why}"
                    ) from None
                raise
        folder.sync()

    def settle(self, act: Act) -> None:
        """See `Files.settle`."""
        if act.action == Action.DELETE:
            return
        if act.action in _REPLACES:
            with suppress(FileNotFoundError), _beside(act.to) as (folder, leaf):
                folder.remove(leaf)
            return
        here, there = self.find(act.filename), self.find(act.to)
        with suppress(FileNotFoundError), _beside(act.to) as (folder, leaf):
            with suppress(FileNotFoundError):
                folder.remove(partial(leaf, act))
            if here is None or there is None:
                return
            is_twin = self._has_content(act.filename, act.content) and self._has_content(act.to, act.content)
            if here.is_same_file(there) or is_twin:
                folder.remove(leaf)

    def restore(self, act: Act) -> bool:
        """See `Files.restore`."""
        here = self.find(act.filename)
        if act.action in _REPLACES:
            return self._restore_replaced(act, here)
        if act.action == Action.DELETE:
            if here is not None:
                return False
            raise cannot_restore(act.filename, "was deleted, which cannot be undone")
        there = self.find(act.to)
        if here is not None and _is_as_noted(here, act) and not (there is not None and here.is_same_file(there)):
            return False  # it never went, or is back
        if there is None:
            if here is not None and self._has_content(act.filename, act.content):
                return False
            raise cannot_restore(act.filename, f"is not at {quoted(act.to)} any more")
        with _beside(act.to) as (source, leaf), _beside(act.filename, create=True) as (folder, name):
            with suppress(FileNotFoundError):
                folder.remove(partial(name, act))
            if here is None:
                if not (_is_as_noted(there, act) or self._has_content(act.to, act.content)):
                    raise cannot_restore(act.to, "has changed since it was put there; it stays there")
                move(source, leaf, folder, name, act)
                return True
            is_twin = here.mtime_ns == act.mtime_ns and self._has_content(act.filename, act.content)
            if here.is_same_file(there) or (is_twin and self._has_content(act.to, act.content)):
                source.remove(leaf)  # a second name or copy: it never went, or a killed undo had put it back already
                return False
        raise cannot_restore(
            act.filename, f"is not put back, because another file has its name; it is {quoted(act.to)}"
        )

    def _restore_replaced(self, act: Act, here: Seen | None) -> bool:
        """Make a file independent again of the kept one, with its former times and permissions."""
        if here is None:
            raise cannot_restore(act.filename, "is gone")
        if (here.device, here.inode) == (act.device, act.inode):
            return False  # it was never replaced
        kept = self.find(act.keep)
        if not self._has_content(act.filename, act.content):
            raise cannot_restore(act.filename, "has changed since it was replaced; it stays as it is")
        if kept is None or not here.is_same_file(kept):
            return False
        with _opened(act.filename) as (folder, leaf, descriptor):
            temporary = partial(leaf, act)
            with suppress(FileNotFoundError):
                folder.remove(temporary)
            copy_file(descriptor, folder, temporary, act)
            folder.rename(temporary, folder, leaf)
            folder.sync()
        return True

    def _has_content(self, name: bytes, content: str) -> bool:
        try:
            self.verify(name, content)
        except SkippedError:
            return False
        return True


@contextmanager
def _beside(name: bytes, *, create: bool = False) -> Iterator[tuple[Folder, str]]:
    """Open the folder of a file; gives the name of the file in it, too.

    Raises:
        SkippedError: a part of the path is a link, or the path is not absolute.
        FileNotFoundError: the folder does not exist.
    """
    path = os.fsdecode(name)
    parent, _, leaf = path.rpartition("/")
    if not path.startswith("/") or {".", ".."} & set(path.split("/")) or not leaf:
        raise SkippedError(f"{quoted(name)} is no plain absolute path")
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(open_folder("/", parent or "/", create=create))
        except WorkDirError:
            raise SkippedError(f"{quoted(name)} is reached through a link: a folder above it is one") from None
        except NotADirectoryError:
            raise SkippedError(f"{quoted(name)} is inside of a file") from None
        yield folder, leaf


@contextmanager
def _opened(name: bytes) -> Iterator[tuple[Folder, str, int]]:
    """Open a regular file; gives its folder, its name in it and its descriptor. Raises SkippedError."""
    with ExitStack() as stack:
        try:
            folder, leaf = stack.enter_context(_beside(name))
            descriptor = stack.enter_context(opened_in(folder, leaf, name))
        except FileNotFoundError:
            raise SkippedError(f"{quoted(name)} is gone") from None
        except OSError as error:
            raise SkippedError(f"{quoted(name)} cannot be read: {error.strerror or error}") from None
        yield folder, leaf, descriptor


def _seen(facts: os.stat_result) -> Seen:
    return Seen(
        facts.st_size,
        f"{facts.st_mtime_ns}-{facts.st_ctime_ns}",
        facts.st_dev,
        facts.st_ino,
        stat.S_IMODE(facts.st_mode),
        facts.st_uid,
        facts.st_gid,
        facts.st_mtime_ns,
        facts.st_atime_ns,
    )


def _is_as_noted(found: Seen, act: Act) -> bool:
    noted = (act.device, act.inode, act.size_bytes, act.mtime_ns)
    return (found.device, found.inode, found.size_bytes, found.mtime_ns) == noted


def _leaf(name: bytes) -> str:
    return os.fsdecode(name).rpartition("/")[2]


def _in_folder_of(name: bytes, leaf: str) -> bytes:
    return name[: name.rfind(b"/") + 1] + leaf.encode()
