"""What is said where S3 refuses: the variable that is missing or wrong, and an example of one that works."""

from collections.abc import Callable, Iterator

import fsspec
import pytest

from dedup_assets.engine.core.errors import DedupError
from dedup_assets.engine.inputs.listing import ListingOptions, list_images
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets_tests.support.http_server import Answer, HttpServer
from dedup_assets_tests.support.s3 import s3_environment

pytest.importorskip("s3fs")


def listed() -> None:
    list_images("s3://bucket/photos", ListingOptions())


def opened() -> None:
    WorkDir("s3://bucket/results").exists("config.json")


def written() -> None:
    with WorkDir("s3://bucket/results").publish("config.json"):
        pass


Use = Callable[[], None]
USES = pytest.mark.parametrize("use", [listed, opened, written])


@pytest.fixture(autouse=True)
def no_client_is_used_again() -> Iterator[None]:
    fsspec.filesystem("s3").clear_instance_cache()
    yield
    fsspec.filesystem("s3").clear_instance_cache()


def said(use: Use) -> str:
    with pytest.raises(DedupError) as raised:
        use()
    assert "\n" not in str(raised.value)
    assert "s3://bucket/" in str(raised.value)
    assert ".publishing" not in str(raised.value)
    return str(raised.value)


@USES
@pytest.mark.parametrize("given", [{}, {"AWS_ACCESS_KEY_ID": "AKIA"}, {"AWS_PROFILE": "nosuch"}])
def test_missing_credentials_are_named_with_an_example(
    given: dict[str, str], use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    told = said(use)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE=work", "AWS_ENDPOINT_URL", "ANON=true"):
        assert name in told
    assert all(name in told for name in given if name == "AWS_PROFILE")


@USES
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "InvalidAccessKeyId", "the store knows no such AWS_ACCESS_KEY_ID"),
        (403, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID"),
        (403, "AccessDenied", "access is denied: see that AWS_ACCESS_KEY_ID"),
        (301, "PermanentRedirect", "AWS_DEFAULT_REGION=eu-west-3"),
        (400, "AuthorizationHeaderMalformed", "AWS_DEFAULT_REGION=eu-west-3"),
        (400, "ExpiredToken", "AWS_SESSION_TOKEN has expired"),
        (403, "RequestTimeTooSkewed", "the clock of this machine is wrong"),
        (404, "NoSuchBucket", "there is no such bucket"),
    ],
)
def test_what_a_store_refuses_is_said_with_what_to_set(
    status: int, code: str, expected: str, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = f"<Error><Code>{code}</Code><Message>No.</Message><Region>eu-west-3</Region></Error>".encode()
    answer = Answer(status, content, (("Content-Type", "application/xml"), ("x-amz-bucket-region", "eu-west-3")))
    with HttpServer(lambda _path, _before: answer) as server:
        for name, value in s3_environment(server.url).items():
            monkeypatch.setenv(name, value)
        if code == "NoSuchBucket" and use is not listed:
            return  # reading finds nothing, and this server takes no objects
        assert expected in said(use)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:9", "cannot connect to http://127.0.0.1:9/bucket: is it running"),
        ("127.0.0.1:9", "Invalid endpoint: 127.0.0.1:9; such as AWS_ENDPOINT_URL=http://localhost:9000"),
    ],
)
def test_a_store_that_does_not_run_is_named(url: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_environment(url).items():
        monkeypatch.setenv(name, value)
    assert expected in said(listed)
    assert expected in said(opened)
