"""Tables that hold images, as data sets are shared: Parquet and Arrow files of which a column is images.

pyarrow reads them, from the extra `parquet`. Formats: Apache Parquet; Arrow IPC, streams and files. `image_columns`
says which columns hold images.

An image is named `TABLE/ROW/COLUMN/FILE`: the number of its row from 0, of a list also its number there, and the name
of the file that the table has beside the bytes, if it has one.
"""

import weakref
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, Any

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.inputs.containers import member
from dedup_assets.engine.inputs.containers.budget import Budget
from dedup_assets.engine.inputs.containers.image_columns import BYTES, PATH, ImageColumn, image_columns
from dedup_assets.engine.inputs.containers.member import MAX_MEMBER_BYTES, Member, too_many
from dedup_assets.engine.inputs.kinds import extension_of
from dedup_assets.engine.stores import is_url, open_file

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 32  # decoded at once
_BUFFER_BYTES = 1 << 20
_COLUMN_BITS, _NUMBER_BITS = 8, 16  # of a place: which column, and which image of a cell with a list
_PARQUET = b".parquet"
_FILE_MAGIC = b"ARROW1"  # of an Arrow file; a stream has none


class NoImagesError(Exception):
    """No column of a table holds images."""


class TableArchive:
    """The images of a table. Rows are read forwards; an earlier one is read from the start of its part.

    Args:
        name: path or URL of the file.

    Raises:
        NoImagesError: it holds none.
        Exception: it is no such table, or cannot be read.
    """

    def __init__(self, name: bytes) -> None:
        self._table = open_table(name)
        self._columns = image_columns(self._table.schema, self._first_rows)
        if not self._columns:
            raise NoImagesError
        self._lock = Lock()
        self._part, self._first = -1, 0  # which part is read, and the row that the held ones begin with
        self._rows: Iterator[pa.RecordBatch] = iter(())  # of the part, after the held ones
        self._held: pa.RecordBatch | None = None
        self.damage: ImageError | None = None
        self.empty_cells = 0

    def members(self, seconds: float) -> Iterator[Member]:
        """List the images by row. Afterwards `damage` says whether the table could be read to its end."""
        self.damage, self.empty_cells = None, 0
        budget, left = Budget(seconds), member.MOST_MEMBERS
        try:
            for found in self._members(budget):
                if not left:
                    self.damage = too_many()
                    return
                left -= 1
                yield found
        except ImageError as problem:
            self.damage = problem
        except Exception as error:  # noqa: BLE001 - pyarrow has many on hostile input
            self.damage = _damaged(error)

    def read(self, place: int, _size: int, seconds: float) -> bytes:
        """Read the image at a place. Raises ImageError if the table holds no bytes there."""
        rest, number = divmod(place, 1 << _NUMBER_BITS)
        row, index = divmod(rest, 1 << _COLUMN_BITS)
        column = self._columns[index]
        with self._lock:
            try:
                cell = self._cell(row, column.name, Budget(seconds))
            except ImageError:
                raise
            except Exception as error:  # noqa: BLE001 - pyarrow has many on hostile input
                raise _damaged(error) from None
        if column.is_list and number >= len(cell or []):
            raise ImageError(ErrorCode.MISSING_FILE, "the table has changed: there is no such image now")
        return _bytes_of(cell[number] if column.is_list else cell, column)

    def _first_rows(self, columns: list[str]) -> "pa.RecordBatch | None":
        return next(self._table.read(0, columns), None) if self._table.firsts else None

    def _members(self, budget: Budget) -> Iterator[Member]:
        row = 0
        for part in range(len(self._table.firsts)):
            for rows in self._table.read(part, self._table.names_of(self._columns)):
                budget.spend(rows.nbytes)
                of_column = [_images(column, rows.column(column.name)) for column in self._columns]
                for offset, cells in enumerate(zip(*of_column, strict=True)):
                    for index, images in enumerate(cells):
                        self.empty_cells += not images
                        yield from (
                            _member(row + offset, index, self._columns[index], number, file) for number, file in images
                        )
                row += rows.num_rows

    def _cell(self, row: int, column: str, budget: Budget) -> Any:  # noqa: ANN401 - bytes, a struct or a list of these
        """The cell of a row: of those that are held, of one after them, or of the part that holds it, read anew."""
        part = bisect_right(self._table.firsts, row) - 1
        is_ahead = self._held is not None and part == self._part and row >= self._first
        if not is_ahead:
            names = [each.name for each in self._columns]
            self._part, self._rows = part, iter(self._table.read(part, names))
            self._first, self._held = self._table.firsts[part], next(self._rows, None)
        while self._held is not None and row >= self._first + self._held.num_rows:
            self._first += self._held.num_rows
            self._held = next(self._rows, None)
            budget.spend(self._held.nbytes if self._held else 0)
        if self._held is None:
            raise ImageError(ErrorCode.MISSING_FILE, "the table has changed: there is no such row now")
        return self._held.column(column)[row - self._first].as_py()


def open_table(name: bytes) -> "_ParquetTable | _IpcTable":
    """Open a table, by its name a Parquet or an Arrow file. Raises any exception where it is none, or unreadable."""
    return _ParquetTable(name) if extension_of(name) == _PARQUET else _IpcTable(name)


def row_of(place: int) -> int:
    """The row, from 0, in which the image at a place is."""
    return place >> _COLUMN_BITS + _NUMBER_BITS


def _images(column: ImageColumn, values: "pa.Array") -> list[list[tuple[int, bytes]]]:
    """For each cell its images: the number of each, and the name of its file, which may be empty."""
    import pyarrow.compute as pc

    items = values.flatten() if column.is_list else values
    has_name = column.is_struct and items.type.get_field_index(PATH) >= 0
    paths = items.field(PATH).to_pylist() if has_name else [None] * len(items)
    names = [
        _file_name(path) if there else None for path, there in zip(paths, items.is_valid().to_pylist(), strict=True)
    ]
    counts = pc.list_value_length(values).to_pylist() if column.is_list else [1] * len(values)
    ends = list(accumulate(count or 0 for count in counts))
    return [
        [(number, name) for number, name in enumerate(names[end - (count or 0) : end]) if name is not None]
        for end, count in zip(ends, counts, strict=True)
    ]


def _file_name(path: object) -> bytes:
    """The last part of a path, of this system or another one, without what names cannot hold."""
    text = path if isinstance(path, str) else ""
    return text.replace("\\", "/").rpartition("/")[2].encode("utf-8", "surrogateescape")


def _member(row: int, index: int, column: ImageColumn, number: int, file: bytes) -> Member:
    steps = [b"%08d" % row, column.name.replace("/", "_").encode("utf-8", "surrogateescape")]
    steps += [b"%d" % number] if column.is_list else []
    steps += [file] if file else []
    place = ((row << _COLUMN_BITS) + index << _NUMBER_BITS) + number
    return Member(b"/".join(steps), -1, str(place), place)


def _bytes_of(image: Any, column: ImageColumn) -> bytes:  # noqa: ANN401 - as `_cell` gives it
    content = image.get(BYTES) if column.is_struct and image else image
    if content:
        if len(content) > MAX_MEMBER_BYTES:
            raise ImageError(ErrorCode.IMAGE_TOO_LARGE, f"{len(content)} bytes: more than {MAX_MEMBER_BYTES}")
        return bytes(content)
    if path := (image or {}).get(PATH) if column.is_struct else None:
        reason = f"the table names a file, {path!r:.200}, and does not hold its bytes; list the file itself"
        raise ImageError(ErrorCode.MISSING_FILE, reason)
    raise ImageError(ErrorCode.ZERO_SIZE_FILE, "the table holds no bytes here")


def _damaged(error: Exception) -> ImageError:
    return ImageError(ErrorCode.CORRUPT_IMAGE, f"the table is damaged: {error!r:.200}")


class _ParquetTable:
    """A Parquet file, read in parts: its row groups.

    Attributes:
        schema: of its columns.
        firsts: the number of the first row of each part, ascending from 0.
    """

    def __init__(self, name: bytes) -> None:
        import pyarrow.parquet as pq

        file = open_file(name)
        weakref.finalize(self, file.close)
        # Without a buffer pyarrow reads the whole row group before the first row: ten times as long for one image.
        self._file = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        self.schema = self._file.schema_arrow
        metadata = self._file.metadata
        counts = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self.firsts = [0, *accumulate(counts)][: len(counts)]

    def names_of(self, columns: Sequence[ImageColumn]) -> list[str]:
        """The fields beside the bytes, where there are some: these are read alone."""
        paths = [self._file.schema.column(index).path for index in range(len(self._file.schema))]
        chosen = []
        for column in columns:
            leaves = [path for path in paths if path == column.name or path.startswith(f"{column.name}.")]
            chosen += [path for path in leaves if not path.endswith(f".{BYTES}")] or leaves
        return chosen

    def read(self, part: int, columns: Sequence[str]) -> "Iterator[pa.RecordBatch]":
        """Decoded page by page, by this thread."""
        yield from self._file.iter_batches(_BATCH_ROWS, row_groups=[part], columns=list(columns), use_threads=False)


class _IpcTable:
    """An Arrow file or stream. A local file is mapped, and its parts are record batches; on a store it is one part.

    Attributes:
        schema: as that of `_ParquetTable`.
        firsts: likewise.
    """

    def __init__(self, name: bytes) -> None:
        import pyarrow as pa

        self._name = name
        self._batches: list[pa.RecordBatch] | None = None
        self.firsts: Sequence[int] = [0]
        if is_url(name):
            with open_file(name) as file:
                self.schema = self._open(pa.PythonFile(file, mode="r")).schema
            return
        with open_file(name):  # says why it cannot be opened
            source = pa.memory_map(name.decode("utf-8", "surrogateescape"))
        reader = self._open(source)
        self.schema, self._batches = reader.schema, reader.read_all().to_batches()
        counts = [batch.num_rows for batch in self._batches]
        self.firsts = [0, *accumulate(counts)][: len(counts)]

    @staticmethod
    def _open(source: "pa.NativeFile") -> Any:  # noqa: ANN401 - pyarrow's readers share no type
        from pyarrow import ipc

        is_file = source.read(len(_FILE_MAGIC)) == _FILE_MAGIC
        source.seek(0)
        return ipc.open_file(source) if is_file else ipc.open_stream(source)

    def names_of(self, columns: Sequence[ImageColumn]) -> list[str]:
        """The columns: nothing of them is copied."""
        return [column.name for column in columns]

    def read(self, part: int, columns: Sequence[str]) -> "Iterator[pa.RecordBatch]":
        """Record batches as they lie in the file."""
        import pyarrow as pa

        if self._batches is not None:
            yield _checked(self._batches[part], columns)
            return
        with open_file(self._name) as file:
            reader = self._open(pa.PythonFile(file, mode="r"))
            count = getattr(reader, "num_record_batches", None)
            for batch in reader if count is None else map(reader.get_batch, range(count)):
                yield _checked(batch, columns)


def _checked(batch: "pa.RecordBatch", columns: Sequence[str]) -> "pa.RecordBatch":
    """Some columns of a record batch, whose offsets a file may have made up."""
    chosen = batch.select(list(columns))
    chosen.validate(full=True)
    return chosen
