"""CSV fields of any bytes are read back as written, by us and by other parsers."""

import csv
import io

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.csv_rows import field, read_columns, read_table, write_rows, write_table

fields = st.binary(max_size=40)
ODD = [b"", b" ", b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"a\rb", b"\xff\xfe", b"\x85\x0b\x1c\0", b" x ", b"#x"]


def written(rows: list[list[bytes]], header: str) -> bytes:
    file = io.BytesIO()
    write_rows(file, header, (b",".join(field(value) for value in row) for row in rows))
    return file.getvalue()


@given(st.lists(st.tuples(fields, fields), max_size=10))
@example([(value, other) for value in ODD for other in (b"x", value)])
def test_fields_of_any_bytes_come_back_as_they_were(rows: list[tuple[bytes, bytes]]) -> None:
    content = written([list(row) for row in rows], "a,b")
    assert list(read_columns(io.BytesIO(content), "file.csv", "a", "b")) == rows
    assert list(read_columns(io.BytesIO(content), "file.csv", "b", "a")) == [(b, a) for a, b in rows]


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=5))
def test_the_csv_module_of_python_reads_text_as_it_was(rows: list[tuple[str, str]]) -> None:
    rows = [(a.encode("utf-8", "replace").decode(), b.encode("utf-8", "replace").decode()) for a, b in rows]
    content = written([[a.encode(), b.encode()] for a, b in rows], "a,b").decode()
    assert [tuple(row) for row in csv.reader(io.StringIO(content, newline=""))] == [("a", "b"), *rows]


names = st.one_of(fields, st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace")))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
numbers = st.floats(-1e6, 1e6)


@given(
    st.lists(
        st.tuples(names, st.none() | texts, st.none() | numbers, st.none() | st.lists(numbers, min_size=1, max_size=9)),
        max_size=8,
    )
)
@example([(b"plain.jpg", 'kept, "sharper"', 0.1234565, [1.0, 1e-7]), (b"b", None, None, None)])
@example([(b"\xff,", "a\rb", -0.0, [-0.0])])
def test_tables_with_names_of_any_bytes_come_back_as_they_were(
    rows: list[tuple[bytes, str | None, float | None, list[float] | None]],
) -> None:
    schema = {"name": pl.Binary, "text": pl.String, "number": pl.Float64, "list": pl.List(pl.Float64)}
    file = io.BytesIO()
    write_table(file, pl.DataFrame(rows, schema=schema, orient="row"))
    file.seek(0)
    assert list(read_columns(file, "file.csv", *schema)) == [
        (
            name,
            (text or "").encode(),
            b"" if number is None else b"%.6f" % number,
            b" ".join(b"%.9g" % value for value in some or ()),
        )
        for name, text, number, some in rows
    ]


@given(st.lists(st.tuples(names, texts, st.integers(0, 9), st.integers(-99, 99).map(float)), max_size=5))
@example([(b"a.jpg", "", 1, 0.5)])
@example([(b"a, b.jpg", "train", 1, 0.5)])
def test_a_table_is_read_as_it_was_written(rows: list[tuple[bytes, str, int, float]]) -> None:
    schema = {"name": pl.Binary, "text": pl.String, "count": pl.Int64, "number": pl.Float64}
    table, file = pl.DataFrame(rows, schema=schema, orient="row"), io.BytesIO()
    write_table(file, table)
    file.seek(0)
    assert read_table(file, "file.csv", schema).equals(table)


def test_only_fields_that_need_quotes_have_them() -> None:
    assert field(b"plain name.jpg") == b"plain name.jpg"
    assert field(b'a,"b"') == b'"a,""b"""'


def test_a_missing_column_is_named_with_the_header_there_is() -> None:
    with pytest.raises(WorkDirError, match=r"'file\.csv' has no column b; its header is 'a,c'"):
        list(read_columns(io.BytesIO(b"a,c\n1,2\n"), "file.csv", "a", "b"))
    with pytest.raises(WorkDirError, match="has no column a"):
        list(read_columns(io.BytesIO(b""), "file.csv", "a"))


def test_a_row_with_too_few_fields_is_named_by_its_line() -> None:
    with pytest.raises(WorkDirError, match=r"line 3: 1 fields, expected 2"):
        list(read_columns(io.BytesIO(b"a,b\n1,2\n3\n"), "file.csv", "b"))


def test_a_field_without_end_is_an_error_of_ours() -> None:
    with pytest.raises(WorkDirError, match=r"'file\.csv', line"):
        list(read_columns(io.BytesIO(b'a\n"' + b"x" * 200_000), "file.csv", "a"))


def test_blank_lines_are_passed_over() -> None:
    assert list(read_columns(io.BytesIO(b"a,b\r\n\r\n1,2\r\n"), "file.csv", "a")) == [(b"1",)]
