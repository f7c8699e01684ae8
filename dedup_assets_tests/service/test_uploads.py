"""Forms are read as RFC 7578 has them, and damaged ones are refused."""

import pytest

from dedup_assets.service.replies import RefusedError
from dedup_assets.service.uploads import Part, split
from dedup_assets_tests.support.service import form

GOOD = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nbytes\r\n--x--\r\n'


def test_files_and_texts_of_a_form_are_told_apart_and_keep_all_bytes() -> None:
    body, kind = form(("image", b"\r\n--no\x00\r\n\r\nboundary\r\n"), ("b", "a name"))
    parts = split(body, kind.partition(";")[2], 2)
    assert parts == [
        Part("image", "image.jpg", b"\r\n--no\x00\r\n\r\nboundary\r\n"),
        Part("b", None, b"a name"),
    ]


def test_quotes_in_names_and_a_quoted_boundary_are_understood() -> None:
    body = b'--a b\r\ncontent-disposition: form-data; name="x"; filename="my \\"best\\".jpg"\r\n\r\n1\r\n--a b--'
    assert split(body, 'boundary="a b"', 1) == [Part("x", 'my "best".jpg', b"1")]


@pytest.mark.parametrize(
    ("body", "parameters", "status"),
    [
        (GOOD, "", 400),
        (GOOD, "boundary=y", 400),
        (GOOD[:-6], "boundary=x", 400),
        (b"--x--", "boundary=x", 400),
        (b"", "boundary=x", 400),
        (b"--x\r\nno headers\r\n--x--", "boundary=x", 400),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--", "boundary=x", 400),
        (b"--x\r\n" + b"a" * 5000 + b"\r\n\r\n1\r\n--x--", "boundary=x", 400),
        (GOOD[:-6] + b"\r\n" + GOOD[:-6] + b"\r\n" + GOOD, "boundary=x", 413),
        (b"--x\r\n" * 100, "boundary=x", 413),
    ],
)
def test_what_is_no_form_or_has_too_many_parts_is_refused(body: bytes, parameters: str, status: int) -> None:
    with pytest.raises(RefusedError) as refused:
        split(body, parameters, 2)
    assert refused.value.response.status_code == status


def test_as_many_parts_as_are_allowed_are_read() -> None:
    body, kind = form(*[("image", b"1")] * 3)
    assert len(split(body, kind, 3)) == 3
    with pytest.raises(RefusedError):
        split(body, kind, 2)
