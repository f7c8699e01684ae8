"""Decoding processes work under any limits and state of their parent, or report in one sentence why not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and forks of POSIX")

HEAD = """
import os, resource, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from dedup_assets.engine.core.errors import DedupError
from dedup_assets.engine.core.records import Source
from dedup_assets.engine.decoders.asking import decode_all, keep_decoders, open_decoders
from dedup_assets.engine.decoders.tasks import DecodingTask
from dedup_assets.engine.pictures.decoding import DecodingLimits

TASK = DecodingTask((16, 16), None, DecodingLimits(), 60.0)

def decode_some(pool, _=None):
    with pool.lend() as lent:
        return decode_all([Source(os.fsencode(sys.argv[1]), -1, "")] * 3, TASK, lent).problems

def open_files():
    return len(os.listdir("/dev/fd"))
"""


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 30), (200, 30, 90)).save(path)
    return path


def run_script(body: str, picture: Path, **options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", "-c", HEAD + body, str(picture)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)  # type: ignore[call-overload,no-any-return]


def said_by(body: str, picture: Path, **options: object) -> str:
    done = run_script(body, picture, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_few_file_descriptors_are_shared_by_fewer_processes(picture: Path) -> None:
    body = """
resource.setrlimit(resource.RLIMIT_NOFILE, (130, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
with keep_decoders(64), open_decoders(64) as pool, ThreadPoolExecutor(16) as threads:
    problems = list(threads.map(lambda _: decode_some(pool), range(32)))
print(pool.size < 8, all(problem is None for some in problems for problem in some), len(problems))
"""
    assert said_by(body, picture) == "True True 32"


def test_a_limit_on_open_files_that_allows_no_process_is_named(picture: Path) -> None:
    body = """
resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + 6, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
try:
    with open_decoders(2) as pool:
        decode_some(pool)
except DedupError as error:
    print(error)
"""
    said = said_by(body, picture)
    assert "the limit on open files is" in said
    assert "raise the limit with `ulimit -n 1024`" in said


def test_a_limit_on_address_space_that_allows_no_run_is_named(picture: Path) -> None:
    body = """
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))
try:
    with open_decoders(2) as pool:
        pass
except DedupError as error:
    print(error)
"""
    assert said_by(body, picture).startswith("the limit on address space is 1048576 KiB, and a run needs ")


def test_all_file_descriptors_are_closed_with_the_pool(picture: Path) -> None:
    body = """
before = open_files()
for _ in range(3):
    with open_decoders(2) as pool:
        decode_some(pool)
print(open_files() - before)
"""
    assert said_by(body, picture) == "0"


def test_a_process_that_cannot_be_started_leaves_no_file_descriptor_open(picture: Path) -> None:
    body = """
before, sys.executable = open_files(), "/no/such/python"
try:
    with open_decoders(1) as pool:
        decode_some(pool)
except DedupError as error:
    print(open_files() - before, error)
"""
    assert said_by(body, picture).startswith("0 a decoding process cannot be started: [Errno 2] No such file")


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_standard_streams_do_no_harm(picture: Path, tmp_path: Path, closed: tuple[int, ...]) -> None:
    body = f"""
for stream in {closed!r}:
    os.close(stream)
with open_decoders(2) as pool:
    problems = decode_some(pool)
Path({str(tmp_path / "said")!r}).write_text(repr(problems))
os._exit(0)  # without flushing streams that are closed
"""
    run_script(body, picture)
    assert (tmp_path / "said").read_text() == "[None, None, None]"


def test_no_folder_that_can_be_written_is_needed_on_linux(picture: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("others keep the messages of a process in a temporary file")
    body = """
import tempfile
tempfile.gettempdir = tempfile._get_default_tempdir = None  # whoever asks for a temporary folder fails
with open_decoders(1) as pool:
    print(decode_some(pool))
"""
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "TMPDIR")}
    assert said_by(body, picture, env=environment) == "[None, None, None]"


def test_a_temporary_folder_whose_name_is_not_utf8_does_no_harm(picture: Path, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/t\xff"
    os.mkdir(folder)  # noqa: PTH102 - a Path of bytes does not exist
    environment = os.environ | {"TMPDIR": os.fsdecode(folder)}
    body = "with open_decoders(1) as pool: print(decode_some(pool))"
    assert said_by(body, picture, env=environment) == "[None, None, None]"


FORK = """
def in_child(work):
    child = os.fork()
    if not child:
        try:
            print("child:", work(), flush=True)
        except DedupError as error:
            print("child:", error, flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_a_fork_has_processes_of_its_own_and_leaves_those_of_its_parent_alone(picture: Path) -> None:
    body = f"""{FORK}
with keep_decoders(2):
    def decode_in_kept():
        with open_decoders(1) as pool:
            return decode_some(pool), pool.owner == os.getpid()
    print("parent:", decode_in_kept())
    in_child(decode_in_kept)
    print("parent:", decode_in_kept())
"""
    assert said_by(body, picture).splitlines() == [
        "parent: ([None, None, None], True)",
        "child: ([None, None, None], True)",
        "parent: ([None, None, None], True)",
    ]


def test_a_pool_of_the_parent_is_refused_in_a_fork_even_while_threads_use_it(picture: Path) -> None:
    body = f"""{FORK}
with open_decoders(2) as pool:
    with pool._changed:  # as another thread may hold it at the moment of the fork
        in_child(lambda: decode_some(pool))
    print("parent:", decode_some(pool))
"""
    assert said_by(body, picture).splitlines() == [
        "child: the decoding processes belong to the process that this one was forked from",
        "parent: [None, None, None]",
    ]


def test_a_fork_that_leaves_the_block_does_not_end_the_processes_of_its_parent(picture: Path) -> None:
    body = f"""{FORK}
child = None
with open_decoders(1) as pool:
    first = decode_some(pool)
    (worker,) = pool._all
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        print("parent:", decode_some(pool), [other.pid for other in pool._all] == [worker.pid])
if not child:
    os._exit(0)
"""
    assert said_by(body, picture) == "parent: [None, None, None] True"


@pytest.mark.skipif(sys.platform != "linux", reason="the signal of the lifeline")
def test_processes_end_with_their_parent_though_a_fork_of_it_lives_on(picture: Path) -> None:
    body = """
import signal
with open_decoders(1) as pool:
    decode_some(pool)
    ready, done = os.pipe()
    (worker,) = pool._all
    if not os.fork():
        os.close(ready)
        watched = os.pidfd_open(worker.pid)
        os.write(done, b"x")
        import select
        ended = select.select([watched], [], [], 60)[0]
        print("ended" if ended else "lives", flush=True)
        os._exit(0)
    os.read(ready, 1)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = run_script(body, picture)
    assert done.stdout.strip() == "ended", done.stderr
