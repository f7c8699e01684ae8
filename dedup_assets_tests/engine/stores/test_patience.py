"""A store that fails is given up for itself alone: each host, account and bucket is counted apart."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.asyn import AsyncFileSystem

from dedup_assets.engine.stores import open_store, patience, read_object

SEVERAL = 4  # attempts


class Flaky(AsyncFileSystem):  # type: ignore[misc]  # fsspec is untyped
    """Objects on a store with buckets, as S3, GCS and Azure have them. Each answer comes at the second request."""

    protocol = "flaky"
    dead: str = ""
    asked: ClassVar[Counter[str]] = Counter()

    def __init__(self, account: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._account = account

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.partition("://")[2].rpartition("@")[2]

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, str]:
        account, is_named, _ = path.partition("://")[2].rpartition("@")
        return {"account": account} if is_named else {}

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: object) -> bytes:
        key = f"{self._account}@{path}"
        self.asked[key] += 1
        if key.startswith(self.dead) or self.asked[key] < 2:
            raise TimeoutError
        return b"content"


@pytest.fixture(autouse=True)
def _store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    monkeypatch.setattr(patience, "_WAITS", (0.0,) * (SEVERAL - 1))
    monkeypatch.setattr(Flaky, "asked", Counter())
    patience._failures.clear()
    yield
    patience._failures.clear()


@pytest.mark.parametrize(
    ("dead", "living"),
    [("flaky://one", "flaky://other"), ("flaky://a@one", "flaky://b@one"), ("flaky://one", "flaky://a@one")],
)
def test_a_bucket_that_is_given_up_makes_no_other_bucket_lose_its_attempts(
    dead: str, living: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Flaky, "dead", dead.removeprefix("flaky://") if "@" in dead else f"@{dead.removeprefix('flaky://')}"
    )
    for number in range(20):
        with pytest.raises(TimeoutError):
            read_object(*open_store(f"{dead}/{number}.jpg"))
    assert Flaky.asked.total() < 20 * SEVERAL  # it is asked once for each object from now on
    assert read_object(*open_store(f"{living}/a.jpg")) == b"content"
