"""The store of offset ranges: this run and later ones reuse vectors that were computed once.

A shard is one Parquet file. Its name has the range, a mark of what the vectors depend on besides the files
(fingerprint), and a digest of the files (names, sizes, versions). A file with the name of a range therefore means that
the range is done. Images that moved to another range are found in the shard of their former range, by name, size and
version; files with another name, but with the bytes of a stored image, by their content. A range is kept as
`open` if some of its files could not be read, or have no version on their store: only those files are read again. A
shard holds a hash of its rows: a damaged one is deleted, with a warning, and its images are computed again.
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.image_facts import LEDGER_COLUMNS
from dedup_assets.engine.core.own_files import SHARDS as FOLDER
from dedup_assets.engine.core.records import ErrorCode, Manifest, OffsetRange, Shard
from dedup_assets.engine.work_dir.content_index import ContentIndex
from dedup_assets.engine.work_dir.file_names import SHARD
from dedup_assets.engine.work_dir.gone_images import GONE, most_gone, rows_of_gone
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.row_hashes import hash_rows
from dedup_assets.engine.work_dir.tables import LEDGER_SCHEMA, UNUSABLE, check_columns, first_line
from dedup_assets.engine.work_dir.used_sets import UsedSets

_LOG = logging.getLogger(__name__)
_PASSING = [ErrorCode.MISSING_FILE.value, ErrorCode.UNREADABLE.value]  # may go away without a change to the file
_LEDGER = list(LEDGER_COLUMNS)
_VECTOR = "vector"
_IDENTITY_SCHEMA = {name: LEDGER_SCHEMA[name] for name in ("filename", "size_bytes", "version")}
_IDENTITY = list(_IDENTITY_SCHEMA)
_SHARD = re.compile(SHARD)
_HASH = "sha256"
_FINGERPRINT = "made_with"
_FORMAT = "shards=4"
"""Part of the fingerprint: shards of another format are not used, and their images are computed again."""


class DamagedShardError(WorkDirError):
    """A shard was damaged; it is deleted, and its range can be computed again."""


@dataclass(frozen=True)
class KnownVectors:
    """Vectors of earlier shards for the images of a part of the manifest.

    Attributes:
        rows: (m,) int64, row numbers in that part, ascending.
        images: ledger rows of these images, in the order of `rows`.
        vectors: (m_good, d) float32, vectors of the good images among them, in the same order.
    """

    rows: NDArray[np.int64]
    images: pl.DataFrame
    vectors: NDArray[np.float32]


class ShardStore:
    """Shards of one work_dir made with one fingerprint (model, crop, limits).

    Args:
        work_dir: where they are kept, in the sub-folder `shards`.
        fingerprint: what the vectors depend on besides the files.
    """

    def __init__(self, work_dir: WorkDir, fingerprint: str) -> None:
        self._work_dir = work_dir
        self._fingerprint = f"{fingerprint} {_FORMAT}"
        self._mark = hashlib.sha256(self._fingerprint.encode()).hexdigest()[:12]
        self._contents = ContentIndex()
        self._sound = set[tuple[str, str]]()  # shards that were compared with their hash, and the hash

    def names(self, digest: str, offsets: OffsetRange) -> tuple[str, str]:
        """The two file names that the shard of a range may have: when it is done, and while it is open.

        Args:
            digest: digest of the part of the manifest.
            offsets: the range.
        """
        stem = f"{offsets.key}.{self._mark}.{digest[:16]}"
        return f"{stem}.parquet", f"{stem}.open.parquet"

    def has(self, digest: str, offsets: OffsetRange) -> bool:
        """Whether this range, with exactly these files, is done."""
        done, _ = self.names(digest, offsets)
        return self._work_dir.exists(f"{FOLDER}/{done}")

    def content_name(self, digest: str, offsets: OffsetRange) -> str:
        """A text that identifies the content of a range: the name of its shard; if open, with a hash of its rows.

        Raises:
            WorkDirError: the range was not written, or its file is damaged.
        """
        done, still_open = self.names(digest, offsets)
        if self._work_dir.exists(f"{FOLDER}/{done}"):
            return done
        return f"{still_open} {hash_rows(self._load(self._require(digest, offsets)))}"

    def write(self, digest: str, offsets: OffsetRange, shard: Shard) -> None:
        """Keep a computed range. An open range with the same rows as before is not written again."""
        good = shard.images["error_code"].is_null().to_numpy()
        rows = shard.vectors
        if not good.all():
            rows = np.zeros((len(good), shard.vectors.shape[1]), np.float32)
            rows[good] = shard.vectors
        table = shard.images.select(pl.col(name).cast(kind) for name, kind in LEDGER_SCHEMA.items()).with_columns(
            vector=pl.Series(rows, dtype=pl.Array(pl.Float32, rows.shape[1]))
        )
        done, still_open = self.names(digest, offsets)
        name = still_open if _is_open(table).any() else done
        if name == still_open and self._facts(still_open).get(_HASH) == hash_rows(table):
            return
        self._publish(name, table)
        self._contents.add(name, _with_content(table.with_row_index("place")))

    def read(self, digest: str, offsets: OffsetRange) -> Shard:
        """Read a range that was written.

        Raises:
            WorkDirError: it was not written.
            DamagedShardError: its file is damaged.
        """
        table = self._load(self._require(digest, offsets))
        return Shard(table.select(_LEDGER), _vectors(table.filter(pl.col("error_code").is_null())))

    def known(self, part: Manifest) -> KnownVectors:
        """Find images of this part, with the same size and version, in the shards that existed at the first call."""
        wanted = part.images.with_row_index("row").select("row", *_IDENTITY)
        hits = wanted.join(self._stored, on=_IDENTITY)
        found = []
        for (name,), group in hits.group_by("shard", maintain_order=True):
            if not self._work_dir.exists(f"{FOLDER}/{name}"):
                continue  # it was damaged, or another run has pruned it
            with suppress(DamagedShardError):
                found.append(self._load(f"{FOLDER}/{name}")[group["place"]].with_columns(group["row"]))
        return _known(found, part)

    def shares_size(self, size_bytes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which sizes an image of known content has, among shards as of `take`."""
        _ = self._stored
        return self._contents.shares_size(size_bytes)

    def holds(self, content: str) -> bool:
        """Whether a shard probably has a result for a content."""
        _ = self._stored
        return self._contents.find(content) is not None

    def take(self, contents: Sequence[str]) -> Shard:
        """The results for contents, read from shards that existed at the first call, or that this store wrote.

        Args:
            contents: each once.

        Returns:
            Rows of the contents that were found, in any order; their names are those of other files.
        """
        _ = self._stored
        places: dict[str, list[int]] = {}
        for content in contents:
            if found := self._contents.find(content):
                places.setdefault(found[0], []).append(found[1])
        tables = []
        for name, rows in places.items():
            with suppress(DamagedShardError):
                if self._work_dir.exists(f"{FOLDER}/{name}"):
                    tables.append(self._load(f"{FOLDER}/{name}")[rows])
        if not tables:
            return Shard(pl.DataFrame(schema=LEDGER_SCHEMA), np.empty((0, 0), np.float32))
        table = pl.concat(tables).filter(pl.col("content").is_in(contents))
        return Shard(table.select(_LEDGER), _vectors(table.filter(pl.col("error_code").is_null())))

    def prune(self, read: str, keep: set[str], listed: int) -> int:
        """Note which shards a run over a whole listing used, and delete those that no run needs (`used_sets`).

        Rows of images that went stay, see `gone_images`.

        Args:
            read: identifies the input of the run.
            keep: names of the shards that it used.
            listed: number of images in the listing.

        Returns:
            How many were deleted.
        """
        done = {f"{name.removesuffix('.parquet')}.open.parquet" for name in keep}
        used, key = UsedSets(self._work_dir, FOLDER), f"{self._mark} {read}"
        gone = self._keep_gone(used.names(key), keep, most_gone(listed))
        return used.note(key, sorted(keep | gone), replaced=done)

    def _keep_gone(self, former: set[str], now: set[str], most: int) -> set[str]:
        """Keep rows that only former shards have; returns the name of their shard, or none if there are none."""
        kept = {name for name in former if name.startswith(f"{GONE.key}.")}
        if former - kept == now:
            return {name for name in kept if self._work_dir.exists(f"{FOLDER}/{name}")}
        rows = rows_of_gone(former, now, self._contents_in, self._rows_with_content).head(most)
        if rows.is_empty():
            return set()
        name, _ = self.names(hashlib.sha256("".join(rows["content"]).encode()).hexdigest(), GONE)
        if not self._work_dir.exists(f"{FOLDER}/{name}"):
            self._publish(name, rows)
        return {name}

    def _contents_in(self, name: str) -> set[str]:
        """The contents of a shard with a result; none if it cannot be read, which whoever needs it reports."""
        try:
            with self._work_dir.open(f"{FOLDER}/{name}") as file:
                return set(_with_content(pl.read_parquet(file, columns=["error_code", "content"]))["content"])
        except (WorkDirError, *UNUSABLE):
            return set()

    def _rows_with_content(self, name: str) -> pl.DataFrame:
        return _with_content(self._load(f"{FOLDER}/{name}"))

    @cached_property
    def _stored(self) -> pl.DataFrame:
        """Shard and row of each known image; those of known content are added to the index of contents.

        It is read once, so that a long run does not search its own shards by name.
        """
        empty = pl.DataFrame(schema={"shard": pl.String, "place": pl.UInt32, **_IDENTITY_SCHEMA})
        names = [name for name in self._work_dir.names(FOLDER) if _SHARD.fullmatch(name)]
        ours = [name for name in names if f".{self._mark}." in name]
        if names and not ours:
            self._say_why_none_fits(names)
        ledgers = [self._locate(name) for name in reversed(ours)]  # any shard will do, in a stable order
        return pl.concat([empty, *ledgers]).unique(_IDENTITY, keep="first", maintain_order=True)

    def _say_why_none_fits(self, names: list[str]) -> None:
        then, now = self._facts(names[-1]).get(_FINGERPRINT, ""), self._fingerprint
        differing = [f"{word} then" for word in then.split() if word not in now.split()]
        differing += [f"{word} now" for word in now.split() if word not in then.split()]
        _LOG.warning(
            "none of %d ranges in %r can be used again: they were computed %s; all images are computed",
            len(names),
            self._work_dir.path(FOLDER),
            f"otherwise ({', '.join(differing)})" if then else "by an earlier version of this tool",
        )

    def _locate(self, name: str) -> pl.DataFrame:
        columns = [*_IDENTITY, "error_code", "content"]
        try:
            ledger = self._scan(f"{FOLDER}/{name}", columns)[0].with_row_index("place")
        except DamagedShardError:
            ledger = pl.DataFrame(schema={"place": pl.UInt32, **{each: LEDGER_SCHEMA[each] for each in columns}})
        self._contents.add(name, _with_content(ledger))
        lasting = ledger.filter(~_is_open(ledger))
        return lasting.select(pl.lit(name).alias("shard"), "place", *_IDENTITY)

    def _publish(self, name: str, table: pl.DataFrame) -> None:
        facts = {_HASH: hash_rows(table), _FINGERPRINT: self._fingerprint}
        with self._work_dir.publish(f"{FOLDER}/{name}") as (file,):
            table.write_parquet(file, compression="uncompressed", statistics=False, metadata=facts)

    def _require(self, digest: str, offsets: OffsetRange) -> str:
        names = [f"{FOLDER}/{name}" for name in self.names(digest, offsets)]
        return self._work_dir.require(*names, remedy="materialize features again")

    def _facts(self, name: str) -> dict[str, str]:
        """The metadata of a shard; empty if the shard does not exist or cannot be read."""
        try:
            with self._work_dir.open(f"{FOLDER}/{name}") as file:
                return pl.read_parquet_metadata(file)
        except (WorkDirError, *UNUSABLE):
            return {}

    def _load(self, path: str) -> pl.DataFrame:
        """All of a shard, compared with its hash when it is first read: a run reads each some six times."""
        table, facts = self._scan(path, [*_LEDGER, _VECTOR])
        known = (path, facts.get(_HASH, ""))
        if known not in self._sound:
            if known[1] != hash_rows(table):
                raise self._damaged(path, "its content is not what was written")
            self._sound.add(known)
        return table

    def _scan(self, path: str, columns: list[str]) -> tuple[pl.DataFrame, dict[str, str]]:
        """Some columns of a shard, and its metadata."""
        try:
            with self._work_dir.open(path) as file:
                table = pl.read_parquet(file, columns=columns)
                check_columns(table.schema, {name: LEDGER_SCHEMA[name] for name in columns if name != _VECTOR})
                if _VECTOR in columns and not _is_of_vectors(table):
                    raise pl.exceptions.SchemaError(f"the column {_VECTOR!r} is {table.schema[_VECTOR]}")
                file.seek(0)
                return table, pl.read_parquet_metadata(file)
        except UNUSABLE as error:
            raise self._damaged(path, first_line(error)) from None

    def _damaged(self, path: str, shown: str) -> DamagedShardError:
        """Delete a damaged shard with a warning, and return the error for it."""
        _LOG.warning("%r is damaged (%s): deleted, its images are computed again", self._work_dir.path(path), shown)
        self._work_dir.remove(path)
        return DamagedShardError(f"{self._work_dir.path(path)!r} was damaged ({shown}); run again")


def _is_of_vectors(table: pl.DataFrame) -> bool:
    kind = table.schema[_VECTOR]
    return isinstance(kind, pl.Array) and kind.inner == pl.Float32 and not table[_VECTOR].null_count()


def _is_open(table: pl.DataFrame) -> pl.Series:
    """Which rows are read again: files that could not be read, and files without a version on their store."""
    return _has_failed(table) | (table["version"] == "")


def _has_failed(table: pl.DataFrame) -> pl.Series:
    """Which rows say no more than that a file could not be read."""
    return table["error_code"].is_in(_PASSING).fill_null(value=False)


def _with_content(table: pl.DataFrame) -> pl.DataFrame:
    """The rows whose result any file with the same bytes has."""
    return table.filter(~_has_failed(table) & pl.col("content").is_not_null())


def _known(found: list[pl.DataFrame], part: Manifest) -> KnownVectors:
    if not found:
        return KnownVectors(np.empty(0, np.int64), pl.DataFrame(), np.empty((0, 0), np.float32))
    table = pl.concat(found).sort("row")
    rows = table["row"].to_numpy().astype(np.int64)
    images = table.select(_LEDGER).with_columns(index=part.images["index"].gather(rows))
    return KnownVectors(rows, images, _vectors(table.filter(pl.col("error_code").is_null())))


def _vectors(table: pl.DataFrame) -> NDArray[np.float32]:
    kind = table.schema[_VECTOR]
    width = kind.size if isinstance(kind, pl.Array) else 0
    return table[_VECTOR].to_numpy().reshape(-1, width).astype("<f4", copy=False)
