"""Fixtures that more than one test module needs."""

import gc
import logging
import os
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pytest
from hypothesis import HealthCheck, settings

from dedup_assets.engine.decoders.asking import keep_decoders, open_decoders
from dedup_assets.engine.workers import WorkerPool
from dedup_assets.engine.workers.cores import usable_cores
from dedup_assets_tests.support.killing import Runner
from dedup_assets_tests.support.pictures import SavePhoto, save_photo_as_named
from dedup_assets_tests.support.places import ROOT
from dedup_assets_tests.support.s3 import s3_environment

if TYPE_CHECKING:
    import dagster as dg

# No deadline and no check of speed: a busy machine is no failure, and pytest-timeout ends what hangs. CI tries the same
# examples each time. For more: DEDUP_EXAMPLES=1000 ./dev test -k groups
_BUSY, _EXAMPLES = [HealthCheck.too_slow], int(os.environ.get("DEDUP_EXAMPLES", "25"))
settings.register_profile(
    "tests",
    deadline=None,
    max_examples=_EXAMPLES,
    derandomize="CI" in os.environ,
    suppress_health_check=_BUSY,
)
settings.load_profile("tests")


# Tests start hundreds of interpreters, and pytest rewrites each test module: compiling all that anew takes a minute.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

_DECODERS = 5  # the most that a test uses at once
_RARELY = 1000  # collections of the middle generation between two of the oldest one
# Modules by name, the longest first.
_LONGEST = (
    "test_verdicts.py",
    "test_ui.py",
    "test_scale_out.py",
    "test_crashes.py",
    "test_main.py",
    "test_store_faults.py",
    "test_incremental.py",
    "test_documents.py",
    "test_same_input.py",
    "test_modes.py",
    "test_remembering.py",
    "test_store_crashes.py",
    "test_inputs.py",
    "test_cleaning_crashes.py",
    "test_runs.py",
    "test_assets.py",
    "test_evidence_ranges.py",
    "test_publishing.py",
    "test_increments.py",
    "test_histories.py",
    "test_parameters.py",
    "test_turned_copies.py",
    "test_consistency.py",
    "test_crowds.py",
    "test_asking.py",
    "test_in_browser.py",
    "test_groups_in_browser.py",
    "test_building.py",
    "test_group_ids.py",
    "test_decoding.py",
    "test_secrets.py",
    "test_exporting.py",
    "test_many_workers.py",
    "test_inverted_file.py",
    "test_offset_ranges.py",
    "test_holes.py",
    "test_enlargements.py",
    "test_loading.py",
    "test_cleaning.py",
    "test_surroundings.py",
    "test_notes.py",
    "test_never_phones_home.py",
    "test_leaks.py",
    "test_reuse.py",
    "test_definitions.py",
    "test_generations.py",
    "test_versions.py",
)


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist there is no such hook
def pytest_xdist_auto_num_workers() -> int:
    """Two workers more than there are cores, because tests also wait: for servers, browsers, stores that stall."""
    return usable_cores() + 2


def pytest_configure() -> None:
    """Handle SIGINT also where the tests run as a background job of a shell, which ignores it.

    Processes that the tests start would inherit that; and Dagster gives SIGTERM the handler of SIGINT, so they would
    ignore SIGTERM as well.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without garbage collections: they visit the trees of all modules, and take a third of the time.

    During tests the oldest generation is visited rarely: 800,000 objects of these modules stay in it. They are not
    frozen, because each run of the pipeline counts frozen objects one by one, which takes a tenth of its time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.set_threshold(*gc.get_threshold()[:2], _RARELY)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest modules, so that none of them runs alone at the end."""
    order = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


class KeptDecoders:
    """Decoding processes that all tests share, because thousands of starts would take minutes."""

    def __init__(self) -> None:
        self._held = ExitStack()
        self._pool: WorkerPool | None = None

    def keep(self) -> None:
        """Start them if they are not running, also after a failed test has ended them."""
        if self._pool is None or self._pool.closed:
            self._held.close()
            self._held.enter_context(keep_decoders(_DECODERS))
            self._pool = self._held.enter_context(open_decoders(_DECODERS))

    def end(self) -> None:
        """End them."""
        self._held.close()


@pytest.fixture(scope="session")
def kept_decoders() -> Iterator[KeptDecoders]:
    """The decoding processes of the session."""
    kept = KeptDecoders()
    yield kept
    kept.end()


@pytest.fixture(autouse=True)
def decoders(kept_decoders: KeptDecoders) -> None:
    """Make sure that decoding processes run."""
    kept_decoders.keep()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and odd pictures beside the checkout, `../shared/data`; skips without it.

    The environment variable DEDUP_SHARED can name another place for `shared`.
    """
    beside = ROOT.parent / "shared"
    data = Path(os.environ.get("DEDUP_SHARED", beside)) / "data"
    if not data.is_dir():
        pytest.skip(f"no pictures in {data}; DEDUP_SHARED can name the folder above them")
    return data


@pytest.fixture(scope="session")
def save_photo() -> SavePhoto:
    """A function that saves a small picture under a path of any bytes; a seed always gives the same picture."""
    return save_photo_as_named


@pytest.fixture(scope="session")
def slow_picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good picture that takes seconds of CPU time: its pixels are decimal numbers, which Pillow parses in Python."""
    path = tmp_path_factory.mktemp("slow") / "slow.png"
    path.write_bytes(b"P3 3000 2000 255\n" + b"10 20 30 " * 6_000_000)
    return path


@pytest.fixture(scope="session")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Runs of the command line in processes of their own; the libraries are loaded once for all."""
    with Runner(tmp_path_factory.mktemp("command line")) as runner:
        yield runner


@pytest.fixture
def instance() -> Iterator["dg.DagsterInstance"]:
    """A Dagster instance in memory: it keeps events of assets and checks alone, and no snapshots."""
    from dedup_assets_tests.support.light_instance import light_instance  # tests of the engine start without Dagster

    with light_instance({"telemetry": {"enabled": False}}) as made:
        yield made


@pytest.fixture
def whole_instance() -> Iterator["dg.DagsterInstance"]:
    """A Dagster instance in memory that answers each question, not only those of a run."""
    import dagster as dg

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


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[str]:
    """The URL of a bucket on a real S3 server on loopback; the usual environment variables name the server."""
    server_module = pytest.importorskip("moto.server")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it prints each request
    server = server_module.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in s3_environment(f"http://{host}:{port}").items():
                environment.setenv(name, value)
            fsspec.filesystem("s3").clear_instance_cache()  # no client of an earlier server is used here
            fsspec.filesystem("s3").makedirs("test-inputs", exist_ok=True)  # servers of one process share buckets
            yield "s3://test-inputs"
    finally:
        fsspec.filesystem("s3").clear_instance_cache()  # no later test uses a client of this server
        server.stop()
