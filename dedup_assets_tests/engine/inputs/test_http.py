"""Lists of URLs: each failure of a server has its error code, and requests run in parallel."""

import threading
from collections.abc import Iterator

import pytest

from dedup_assets.engine.core.errors import ImageError, InputError
from dedup_assets.engine.core.records import ErrorCode, Manifest, Source
from dedup_assets.engine.inputs.listing import ListingOptions, list_images
from dedup_assets.engine.inputs.reading import read_source
from dedup_assets.engine.stores import patience
from dedup_assets_tests.support.http_server import Answer, HttpServer

PHOTO = b"\xff\xd8\xff\xe0 photo"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Busy servers are asked again at once, and failures of one test's server do not count in another test."""
    monkeypatch.setattr(patience, "_WAITS", (0.0, 0.0, 0.0))
    patience._failures.clear()
    yield
    patience._failures.clear()


def sources(manifest: Manifest) -> list[Source]:
    return [Source(*row) for row in manifest.images.drop("index").iter_rows()]


def outcome(url: str) -> tuple[ErrorCode, str]:
    """Error code and message of a bad row beside a good one."""
    with HttpServer(lambda _path, _before: Answer(200, PHOTO)) as good:
        found = {source.name.decode(): source for source in sources(list_images([f"{good.url}/good.jpg", url]))}
        assert read_source(found.pop(f"{good.url}/good.jpg")) == PHOTO
        (bad,) = found.values()
        with pytest.raises(ImageError) as caught:
            read_source(bad)
        return caught.value.code, str(caught.value)


@pytest.mark.parametrize("status", [404, 410])
def test_a_url_that_its_server_does_not_have_is_missing(status: int) -> None:
    with HttpServer(lambda _path, _before: Answer(status)) as server:
        assert outcome(f"{server.url}/a.jpg") == (ErrorCode.MISSING_FILE, "no such file")


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 502, 503])
def test_a_url_that_its_server_refuses_is_unreadable_with_the_status(status: int) -> None:
    with HttpServer(lambda _path, _before: Answer(status)) as server:
        code, reason = outcome(f"{server.url}/a.jpg")
        assert code is ErrorCode.UNREADABLE
        assert f"the server answered {status}" in reason


def test_a_server_that_is_not_there_and_one_without_tls_are_unreadable() -> None:
    assert outcome("http://127.0.0.1:1/a.jpg")[0] is ErrorCode.UNREADABLE
    with HttpServer(lambda _path, _before: Answer(200, PHOTO)) as server:
        code, reason = outcome(f"{server.url.replace('http://', 'https://')}/a.jpg")
    assert code is ErrorCode.UNREADABLE
    assert "TLS" in reason


def test_a_host_without_a_name_is_unreadable_and_says_so() -> None:
    code, reason = outcome("http://no-such-host.invalid/a.jpg")
    assert code is ErrorCode.UNREADABLE
    assert "the name of the server is not known" in reason


BAD_ROWS = [
    "htp://typo/a.jpg",
    "unknown://x/y.jpg",
    "zip://a.jpg::file://nothing.zip",
    "simplecache::file://nothing.jpg",
    "reference://x.jpg",
    "data://;base64,AAAA",
    "gs://bucket/x.jpg",
    "sftp://user@127.0.0.1:1/x.jpg",
    "ftp://127.0.0.1:1/x.jpg",
]


@pytest.mark.parametrize("row", BAD_ROWS)
def test_a_row_that_no_store_opens_is_one_bad_image(row: str) -> None:
    assert outcome(row)[0] in {ErrorCode.UNREADABLE, ErrorCode.MISSING_FILE}


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_busy_is_asked_again(status: int) -> None:
    def answer(_path: str, before: int) -> Answer:
        return Answer(200, PHOTO) if before % 3 == 2 else Answer(status, headers=(("Retry-After", "0"),))

    with HttpServer(answer) as server:
        (source,) = sources(list_images([f"{server.url}/a.jpg"]))
        assert source.size_bytes == len(PHOTO)
        assert read_source(source) == PHOTO


def test_a_dead_host_is_given_up_after_some_rows_and_believed_again_once_it_answers() -> None:
    alive = threading.Event()
    with HttpServer(lambda _path, _before: Answer(200 if alive.is_set() else 503, PHOTO)) as server:
        rows = [f"{server.url}/{number}.jpg" for number in range(200)]
        found = sources(list_images(rows))
        assert len(found) == 200
        assert server.asked.total() < 200 * 4
        alive.set()
        assert read_source(found[-1]) == PHOTO


def test_rows_are_asked_side_by_side() -> None:
    together = threading.Barrier(16, timeout=100)  # no answer before 16 requests have arrived
    with HttpServer(lambda _path, _before: Answer(200, PHOTO), together) as server:
        found = sources(list_images([f"{server.url}/{number:02}.jpg" for number in range(32)]))
    assert [source.size_bytes for source in found] == [len(PHOTO)] * 32


def test_only_the_rows_that_are_wanted_are_asked_for() -> None:
    with HttpServer(lambda _path, _before: Answer(200, PHOTO)) as server:
        rows = [f"{server.url}/{number:03}.jpg" for number in range(200)]
        manifest = list_images(rows, ListingOptions(num_images=5))
        assert (len(manifest), manifest.listed) == (5, 200)
        assert sorted(server.asked) == [f"/{number:03}.jpg" for number in range(5)]


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ((("ETag", '"1"'),), True),
        ((("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT"),), True),
        ((("Last-Modified", "Mon, 01 Jan 2999 00:00:00 GMT"),), False),  # the file may change again within that second
        ((("Last-Modified", "yesterday"),), False),
        ((), False),
    ],
)
def test_a_version_is_what_changes_with_the_content_or_unknown(
    headers: tuple[tuple[str, str], ...], known: bool
) -> None:
    with HttpServer(lambda _path, _before: Answer(200, PHOTO, headers)) as server:
        (source,) = sources(list_images([f"{server.url}/a.jpg"]))
    assert bool(source.version) is known


def test_a_single_url_that_cannot_be_listed_says_why() -> None:
    with HttpServer(lambda _path, _before: Answer(403)) as server, pytest.raises(InputError, match="answered 403"):
        list_images(f"{server.url}/x.zip")
