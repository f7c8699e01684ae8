"""Credentials in URLs are hidden wherever a text is shown; everything else stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.core.errors import DedupError, ImageError, InputError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.core.redaction import holds_secrets, redacted, redacted_name, redacted_values

SECRET = "hunter2SECRET"  # noqa: S105 - that is what must not be seen

WITH_SECRETS = [
    f"https://user:{SECRET}@host/a.jpg",
    f"https://{SECRET}@host/a.jpg",
    f"ftp://anna:{SECRET}@host:21/a.jpg",
    f"sftp://anna:p@{SECRET}@host/a.jpg",
    f"s3://key:{SECRET}@bucket/a.jpg",
    f"https://b.s3.amazonaws.com/a.jpg?X-Amz-Date=1&X-Amz-Credential={SECRET}%2F2026&X-Amz-Signature={SECRET}",
    f"https://b.s3.amazonaws.com/a.jpg?AWSAccessKeyId={SECRET}&Signature={SECRET}%3D&Expires=1",
    f"https://storage.googleapis.com/b/a.jpg?X-Goog-Signature={SECRET}",
    f"https://a.blob.core.windows.net/c/a.jpg?sv=2020&sig={SECRET}%2B&se=2027",
    f"https://host/a.jpg?access_token={SECRET}",
    f"https://host/a.jpg?w=3&api_key={SECRET}&h=4",
    f"https://host/a.jpg?apikey={SECRET}",
    f"https://d.cloudfront.net/a.jpg?Policy={SECRET}&Signature={SECRET}&Key-Pair-Id={SECRET}",
    f"simplecache::https://u:{SECRET}@host/a.jpg",
]

WITHOUT = [
    "s3://bucket/photos/a@b:c.jpg",
    "/photos/a?token=5&sig=6.jpg",
    "abfs://container@account.dfs.core.windows.net/a.jpg",
    "https://host/a.jpg?width=300&page=2",
    "https://host:8080/a@b/c.jpg",
    "C:\\photos\\a.jpg",
    "memory://bucket/a.jpg#t=00:00:01.000",
    "threshold=7: must be from 0 to 1",
]


@pytest.mark.parametrize("url", WITH_SECRETS)
@pytest.mark.parametrize("around", ["{}", "cannot open '{}': 403", 'see <a href="{}">it</a>', "first {}\nthen {}"])
def test_credentials_in_a_url_are_hidden_whatever_text_it_stands_in(url: str, around: str) -> None:
    text = around.replace("{}", url)
    assert SECRET not in redacted(text)
    assert "host" in redacted(text) or "host" not in text
    assert redacted(redacted(text)) == redacted(text)
    assert holds_secrets(url.encode())


def test_a_url_inside_html_is_hidden_too() -> None:
    assert SECRET not in redacted(f"<td>https://h/a.jpg?w=1&amp;X-Amz-Signature={SECRET}&amp;h=2</td>")
    assert SECRET not in redacted(f'{{"name": "https://h/a.jpg?w=1\\u0026sig={SECRET}"}}')


@pytest.mark.parametrize(
    "name",
    [
        f"https://me:{SECRET} and a space@host/a.jpg",
        f"https://host/a b'\"<c>.jpg?token={SECRET}",
        f"https://host/two\nlines.jpg?sig=1 {SECRET}",
        f"https://host/a.jpg?sig={SECRET}\udcff{SECRET}",
        f"simplecache::https://{SECRET}@host/a.jpg",
    ],
)
def test_a_name_is_one_url_to_its_end_also_where_a_message_quotes_it(name: str) -> None:
    raw = name.encode("utf-8", "surrogateescape")
    assert SECRET.encode() not in redacted_name(raw)
    assert b"host" in redacted_name(raw)
    assert holds_secrets(raw)
    assert SECRET not in redacted(f"cannot read {name!r}: 403")


@given(st.binary())
def test_a_name_without_a_url_stays_as_it_is(name: bytes) -> None:
    assert redacted_name(name) == name or b"://" in name


@pytest.mark.parametrize("text", WITHOUT)
def test_a_text_without_credentials_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text
    assert not holds_secrets(text.encode())


@given(st.text())
def test_a_text_without_a_url_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text or "://" in text


@pytest.mark.parametrize("url", WITH_SECRETS)
def test_no_error_of_ours_tells_credentials(url: str) -> None:
    for error in (InputError(f"cannot open {url!r}"), ImageError(ErrorCode.UNREADABLE, f"403 at {url}")):
        assert SECRET not in str(error)
        assert SECRET not in repr(error)
        assert isinstance(error, DedupError)


def test_values_of_a_configuration_are_hidden_at_any_depth() -> None:
    config = {"settings": {"input_dir": WITH_SECRETS[0], "threshold": 0.9}, "more": [WITH_SECRETS[5], None, True]}
    assert SECRET not in str(redacted_values(config))
    assert redacted_values(config)["settings"]["threshold"] == 0.9
