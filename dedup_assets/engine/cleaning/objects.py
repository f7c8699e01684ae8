"""Acts on objects of S3. A move is a copy within the store, verified by reading it, then a conditional deletion."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dedup_assets.engine.cleaning.touching import Files, Seen, cannot_restore, quoted
from dedup_assets.engine.core.errors import SkippedError
from dedup_assets.engine.core.plan_records import Action
from dedup_assets.engine.stores import describe_object, object_info, open_store, read_object, reason_of
from dedup_assets.engine.work_dir.apply_journal import Act


class StoredObjects(Files):
    """Objects of S3, by their URLs. Their version is the ETag."""

    def find(self, name: bytes) -> Seen | None:
        """See `Files.find`."""
        filesystem, path = open_store(os.fsdecode(name))
        try:
            facts = object_info(filesystem, path)
        except FileNotFoundError:
            return None
        if facts.get("type") != "file":
            return None
        size, version = describe_object(facts)
        if not version:
            raise SkippedError(f"{quoted(name)}: the store says no version, so a change would go unnoticed")
        return Seen(size, version)

    def listed(self, folder: bytes) -> list[bytes]:
        """See `Files.listed`."""
        filesystem, path = open_store(os.fsdecode(folder))
        found = filesystem.ls(path, detail=False, refresh=True)
        return [os.fsencode(each.rstrip("/").rpartition("/")[2]) for each in found]

    def hashed(self, name: bytes) -> tuple[Seen, str]:
        """See `Files.hashed`."""
        seen, data = self._read_unchanged(name)
        return seen, hashlib.sha256(data).hexdigest()

    def read(self, name: bytes) -> bytes:
        """See `Files.read`."""
        return self._read_unchanged(name)[1]

    def verify(self, name: bytes, content: str, *, keep_bytes: bool = False) -> tuple[Seen, bytes]:
        """See `Files.verify`."""
        seen, data = self._read_unchanged(name)
        if hashlib.sha256(data).hexdigest() != content:
            raise SkippedError(f"{quoted(name)} has changed since the plan was made")
        return seen, data if keep_bytes else b""

    def _read_unchanged(self, name: bytes) -> tuple[Seen, bytes]:
        before = self.find(name)
        if before is None:
            raise SkippedError(f"{quoted(name)} is gone")
        data = self._read(name, before.size_bytes)
        after = self.find(name)
        if after is None or not before.is_unchanged(after):
            raise SkippedError(f"{quoted(name)} has changed since the plan was made")
        return after, data

    @contextmanager
    def unchanged(self, name: bytes, seen: Seen, *, exclusive: bool) -> Iterator[None]:
        """See `Files.unchanged`. A store has no locks: the condition of the deletion does their work."""
        del exclusive
        now = self.find(name)
        if now is None or not seen.is_unchanged(now):
            raise SkippedError(f"{quoted(name)} has changed since it was verified")
        yield

    def act(self, act: Act, seen: Seen) -> None:
        """See `Files.act`."""
        if act.action != Action.DELETE:
            if self.find(act.to) is not None:
                raise SkippedError(f"{quoted(act.to)} is there already, and nothing is overwritten")
            self._copy(act.filename, act.to, seen.version)
            if not self._has_content(act.to, act.content):
                self._delete(act.to)
                raise SkippedError(f"{quoted(act.to)}: the copy is not what was copied")
        try:
            self._delete(act.filename, seen.version)
        except OSError as error:
            if act.action != Action.DELETE and self.find(act.filename) is not None:
                self._delete(act.to)
            raise SkippedError(f"{quoted(act.filename)} was not deleted: {reason_of(error)}") from None

    def settle(self, act: Act) -> None:
        """See `Files.settle`."""
        if act.action == Action.DELETE:
            return
        here, there = self.find(act.filename), self.find(act.to)
        if here is not None and there is not None and self._has_content(act.filename, act.content):
            self._delete(act.to, there.version)

    def restore(self, act: Act) -> bool:
        """See `Files.restore`."""
        here = self.find(act.filename)
        if act.action == Action.DELETE:
            if here is not None:
                return False
            raise cannot_restore(act.filename, "was deleted, which cannot be undone")
        there = self.find(act.to)
        if there is None:
            if here is not None and self._has_content(act.filename, act.content):
                return False
            raise cannot_restore(act.filename, f"is not at {quoted(act.to)} any more")
        is_there = self._has_content(act.to, act.content)
        if here is None and not is_there:
            raise cannot_restore(act.to, "has changed since it was put there; it stays there")
        if here is None:
            self._copy(act.to, act.filename, there.version)
        if not self._has_content(act.filename, act.content):
            why = f"is not put back, because another object has its name; it is {quoted(act.to)}"
            raise cannot_restore(act.filename, why)
        if not is_there:
            return False  # it never went: another object had the name in the trash
        self._delete(act.to, there.version)
        return True

    def _has_content(self, name: bytes, content: str) -> bool:
        found = self.find(name)
        return found is not None and hashlib.sha256(self._read(name, found.size_bytes)).hexdigest() == content

    def _read(self, name: bytes, size: int) -> bytes:
        filesystem, path = open_store(os.fsdecode(name))
        return read_object(filesystem, path, size=size) if size else b""

    def _copy(self, source: bytes, target: bytes, version: str) -> None:
        """Copy an object, if it has this version, to a name that is free."""
        filesystem, bucket, key = _place(source)
        _, to_bucket, to_key = _place(target)
        filesystem.call_s3(
            "copy_object",
            Bucket=to_bucket,
            Key=to_key,
            CopySource={"Bucket": bucket, "Key": key},
            CopySourceIfMatch=version,
            IfNoneMatch="*",
        )

    def _delete(self, name: bytes, version: str = "") -> None:
        """Delete an object; if a version is named, on condition that it has it."""
        filesystem, bucket, key = _place(name)
        condition = {"IfMatch": version} if version else {}
        filesystem.call_s3("delete_object", Bucket=bucket, Key=key, **condition)


def _place(name: bytes) -> tuple[Any, str, str]:
    """The filesystem of an object, its bucket and its key."""
    filesystem, path = open_store(os.fsdecode(name))
    bucket, _, key = path.partition("/")
    return filesystem, bucket, key
