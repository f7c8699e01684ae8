"""Fixtures that more than one test module needs."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import fsspec
import numpy as np
import pytest
from hypothesis import settings
from PIL import Image, ImageDraw

from dedup_assets.engine.isolation import keep_decoders, open_decoders
from dedup_assets.engine.workers import WorkerPool
from dedup_assets_tests.killing import Runner

if TYPE_CHECKING:
    import dagster as dg

# A busy machine is no failure: pytest-timeout ends what hangs. CI tries the same examples each time.
settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("tests")


_DECODERS = 5  # as many as any test asks for at once
# By name, those that take longest first.
_LONGEST = (
    "test_crashes.py",
    "test_scale_out.py",
    "test_store_faults.py",
    "test_store_crashes.py",
    "test_browser.py",
    "test_modes.py",
    "test_inputs.py",
    "test_parameters.py",
    "test_assets.py",
    "test_gallery_in_browser.py",
)


def pytest_configure() -> None:
    """Hear Ctrl-C, which a shell's background jobs ignore.

    So would all that the tests start; and after a run of Dagster, which gives SIGTERM the handler of SIGINT, they would
    not hear SIGTERM either.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that take longest, so that no process is left alone with one at the end."""
    order = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


class KeptDecoders:
    """The same decoding processes for all tests, started when first needed: thousands of starts would take minutes."""

    def __init__(self) -> None:
        self._held = ExitStack()
        self._pool: WorkerPool | None = None

    def keep(self) -> None:
        """Keep them from now on; others, where a test that broke off has ended them."""
        if self._pool is None or self._pool.closed:
            self._held.close()
            self._held.enter_context(keep_decoders(_DECODERS))
            self._pool = self._held.enter_context(open_decoders(_DECODERS))

    def end(self) -> None:
        """They are needed no longer."""
        self._held.close()


@pytest.fixture(scope="session")
def kept_decoders() -> Iterator[KeptDecoders]:
    """What `decoders` looks after."""
    kept = KeptDecoders()
    yield kept
    kept.end()


@pytest.fixture(autouse=True)
def decoders(kept_decoders: KeptDecoders) -> None:
    """Decoding processes are there for the test."""
    kept_decoders.keep()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and odd pictures that may lie beside the checkout, or a skip.

    It is `../shared/data`; the environment variable DEDUP_SHARED names another place for `shared`, for a checkout that
    lies elsewhere.
    """
    beside = Path(__file__).parents[2] / "shared"
    data = Path(os.environ.get("DEDUP_SHARED", beside)) / "data"
    if not data.is_dir():
        pytest.skip(f"no pictures in {data}; DEDUP_SHARED can name the folder above them")
    return data


def photo_like(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """A picture that looks like no other seed's: smooth colours, edges and texture."""
    return _photo_like(seed, width, height).copy()


@cache  # hundreds of tests ask for the same few
def _photo_like(seed: int, width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    colours = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    picture = colours.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        left, top = rng.integers(0, width), rng.integers(0, height)
        size = rng.integers(20, 90, 2)
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape(
            (int(left), int(top), int(left + size[0]), int(top + size[1])), fill=tuple(rng.integers(0, 256, 3).tolist())
        )
    grain = rng.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def save_jpeg(path: Path, picture: Image.Image, quality: int = 92) -> Path:
    """Save a picture, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, "JPEG", quality=quality)
    return path


class SavePhoto(Protocol):
    """How `save_photo` is called."""

    def __call__(self, path: Path | bytes, seed: int = 0, *, side: int = 24) -> bytes:
        """Save it, in the format that its name says (PNG where it says none); the path's bytes."""


@pytest.fixture(scope="session")
def save_photo() -> SavePhoto:
    """A function that saves a small picture under a path of any bytes; the same seed gives the same picture."""
    return _save_photo


def _save_photo(path: Path | bytes, seed: int = 0, *, side: int = 24) -> bytes:
    name = os.fsencode(path)
    noise = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), np.uint8)
    picture = Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC)
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a Path of bytes does not exist
    os.makedirs(os.path.dirname(name), exist_ok=True)  # noqa: PTH103, PTH120 - likewise
    with open(name, "wb") as file:  # noqa: PTH123 - likewise
        picture.save(file, "JPEG" if ending in {b".jpg", b".jpeg"} else "PNG")
    return name


@pytest.fixture(scope="session")
def slow_picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good picture that takes ten seconds: its pixels are decimal numbers, which Pillow reads in Python."""
    path = tmp_path_factory.mktemp("slow") / "slow.png"
    path.write_bytes(b"P3 3000 2000 255\n" + b"10 20 30 " * 6_000_000)
    return path


@pytest.fixture(scope="session")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Runs of the command line in processes of their own, for which the libraries are loaded once."""
    with Runner(tmp_path_factory.mktemp("command line") / "watched") as runner:
        yield runner


@pytest.fixture
def instance() -> Iterator["dg.DagsterInstance"]:
    """A Dagster instance in memory: one on disk makes three databases, and one more for each run."""
    import dagster as dg  # tests of the engine start without

    with dg.DagsterInstance.ephemeral(settings={"telemetry": {"enabled": False}}) as made:
        yield made


@pytest.fixture
def store() -> Iterator[str]:
    """The URL of an empty object store in memory."""
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]
    yield "memory://bucket"
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


def s3_environment(url: str) -> dict[str, str]:
    """The usual environment variables of a client of an S3 server of the tests."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[str]:
    """URL of a bucket on a real S3 server on loopback, which the usual environment variables name meanwhile."""
    server_module = pytest.importorskip("moto.server")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it prints each request
    server = server_module.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in s3_environment(f"http://{host}:{port}").items():
                environment.setenv(name, value)
            fsspec.filesystem("s3").clear_instance_cache()  # nor a client of another server meets this one
            fsspec.filesystem("s3").makedirs("test-inputs", exist_ok=True)  # all servers of a process share buckets
            yield "s3://test-inputs"
    finally:
        fsspec.filesystem("s3").clear_instance_cache()  # no later test meets a client of this server
        server.stop()
