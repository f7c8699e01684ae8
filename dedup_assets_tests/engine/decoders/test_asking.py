"""A file that crashes its decoder, hangs it or fills its memory harms no other file. Decoders and signals are real."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dedup_assets.engine.core.errors import ImageError, WorkerError
from dedup_assets.engine.core.records import ErrorCode, Source
from dedup_assets.engine.decoders.asking import decode_all
from dedup_assets.engine.decoders.tasks import Decoded, DecodingTask, Undecoded
from dedup_assets.engine.inputs.containers import DECODER
from dedup_assets.engine.pictures.decoding import DecodingLimits, decode
from dedup_assets.engine.pictures.resizing import resize
from dedup_assets.engine.workers import Ended, Request, WorkerPool
from dedup_assets_tests.support import crashing_decoder
from dedup_assets_tests.support.crashing_decoder import count_crashes, write_deadly_picture
from dedup_assets_tests.support.deadly import busy_seconds, children_of, ended_seconds, is_alive, repeating
from dedup_assets_tests.support.pictures import SavePhoto

SIZE = (16, 12)
TASK = DecodingTask(SIZE, None, DecodingLimits(), 60.0)


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    """One decoding process at a time; a test that ends it replaces it."""
    pool = WorkerPool(DECODER, 1)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def crashing() -> Iterator[WorkerPool]:
    """As `pool`, with a decoder that crashes at marked files."""
    pool = WorkerPool(crashing_decoder.MODULE, 1)
    yield pool
    pool.close()


@pytest.fixture
def photos(tmp_path: Path, save_photo: SavePhoto) -> list[Path]:
    """Three small photographs."""
    return [Path(os.fsdecode(save_photo(tmp_path / f"{number}.jpg", number))) for number in range(3)]


@pytest.fixture
def slow(slow_picture: Path) -> Source:
    """The picture that takes ten seconds."""
    return source(slow_picture)


def source(path: Path | bytes) -> Source:
    """A file of unknown size, which has a reply of its own."""
    return Source(os.fsencode(path), -1, "")


def small(image: Source) -> Source:
    """The same image with a small size, so that it shares a reply with others."""
    return image._replace(size_bytes=1)


def codes(decoded: Decoded) -> list[ErrorCode | None]:
    return [problem.code if problem else None for problem in decoded.problems]


def expect_pictures(decoded: Decoded, names: Sequence[bytes | Path]) -> None:
    expected = [resize(decode(Path(os.fsdecode(name)).read_bytes(), at_least=SIZE), SIZE) for name in names]
    assert np.array_equal(decoded.pictures, np.stack(expected))


def test_pictures_are_those_of_this_process_whatever_bytes_their_names_hold(
    tmp_path: Path, save_photo: SavePhoto, pool: WorkerPool
) -> None:
    folder = os.fsencode(tmp_path)
    names = [save_photo(folder + b"/" + name, number) for number, name in enumerate([b"a\xff\n.jpg", b"\xc3\xa4 .png"])]
    given: list[Undecoded] = [source(names[0]), Path(os.fsdecode(names[1])).read_bytes(), source(names[1])]
    broken = ImageError(ErrorCode.MISSING_FILE, "no such member")
    with pool.lend() as lent:
        decoded = decode_all([*given[:1], broken, b"nonsense", *given[1:]], TASK, lent)
    assert codes(decoded) == [None, ErrorCode.MISSING_FILE, ErrorCode.UNSUPPORTED_FORMAT, None, None]
    expect_pictures(decoded, [names[0], names[1], names[1]])


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        (signal.SIGSEGV, ErrorCode.CORRUPT_IMAGE, "crashed, twice: the process ended by SIGSEGV"),
        (signal.SIGKILL, ErrorCode.UNREADABLE, "killed, twice, maybe for lack of memory: it ended by SIGKILL"),
    ],
)
def test_a_file_that_ends_its_process_twice_is_bad_and_those_around_it_are_good(
    photos: list[Path], crashing: WorkerPool, how: signal.Signals, code: ErrorCode, said: str
) -> None:
    deadly = write_deadly_picture(photos[0].with_name("deadly"), photos[0], how, 9)
    with crashing.lend() as lent:
        decoded = decode_all([source(path) for path in (photos[0], deadly, *photos[1:])], TASK, lent)
        assert count_crashes(deadly) == 2
    assert codes(decoded) == [None, code, None, None]
    assert said in str(decoded.problems[1])
    expect_pictures(decoded, photos)


@pytest.mark.parametrize("crashes", [2, 3])
def test_of_files_with_one_reply_only_the_one_that_ends_its_process_twice_is_bad(
    photos: list[Path], crashing: WorkerPool, crashes: int
) -> None:
    """The first crash does not show which file caused it."""
    deadly = write_deadly_picture(photos[0].with_name("deadly"), photos[2], signal.SIGSEGV, crashes)
    with crashing.lend() as lent:
        decoded = decode_all([small(source(path)) for path in (photos[0], deadly, photos[1])], TASK, lent)
        assert count_crashes(deadly) == crashes
    is_good = crashes == 2
    assert codes(decoded) == [None, None if is_good else ErrorCode.CORRUPT_IMAGE, None]
    expect_pictures(decoded, [photos[0], *([photos[2]] if is_good else []), photos[1]])


def test_of_files_with_one_reply_the_one_that_takes_too_long_is_bad(
    tmp_path: Path, save_photo: SavePhoto, pool: WorkerPool, slow: Source
) -> None:
    names = [save_photo(tmp_path / f"{number}.jpg", number) for number in range(2)]
    task = DecodingTask(SIZE, None, DecodingLimits(), 1.5)
    with pool.lend() as lent:
        decoded = decode_all([small(source(names[0])), small(slow), small(source(names[1]))], task, lent)
    assert codes(decoded) == [None, ErrorCode.UNREADABLE, None]
    assert str(decoded.problems[1]) == "decoding took more than 1.5 seconds and was ended"
    expect_pictures(decoded, names)


def test_answers_for_many_files_at_once_are_those_for_each(
    tmp_path: Path, save_photo: SavePhoto, pool: WorkerPool
) -> None:
    names = [save_photo(tmp_path / f"{number}.jpg", number) for number in range(3)]
    (tmp_path / "bad.jpg").write_bytes(b"nonsense")
    sources = [source(name) for name in (names[0], tmp_path / "bad.jpg", tmp_path / "missing.jpg", *names[1:])]
    with pool.lend() as lent:
        alone = decode_all(sources, TASK, lent)
        one_by_one = codes(alone), [str(problem) for problem in alone.problems], alone.pictures.copy()
        together = decode_all([small(image) for image in sources], TASK, lent)
        assert (codes(together), [str(problem) for problem in together.problems]) == one_by_one[:2]
        assert np.array_equal(together.pictures, one_by_one[2])
    assert codes(together) == [None, ErrorCode.UNSUPPORTED_FORMAT, ErrorCode.MISSING_FILE, None, None]


def test_a_file_whose_process_is_killed_once_is_tried_again_and_good(photos: list[Path], crashing: WorkerPool) -> None:
    deadly = write_deadly_picture(photos[0].with_name("deadly"), photos[1], signal.SIGSEGV, 1)
    with crashing.lend() as lent:
        decoded = decode_all([source(deadly)], TASK, lent)
        assert count_crashes(deadly) == 1
    assert codes(decoded) == [None]
    expect_pictures(decoded, [photos[1]])


def test_a_file_that_takes_too_long_is_bad_and_the_next_is_good(
    tmp_path: Path, save_photo: SavePhoto, pool: WorkerPool, slow: Source
) -> None:
    name = save_photo(tmp_path / "a.jpg")
    task = DecodingTask(SIZE, None, DecodingLimits(), 1.5)
    with pool.lend() as lent:
        before = ended_seconds()
        decoded = decode_all([slow, source(name)], task, lent)
        assert ended_seconds() - before < 5  # the picture takes ten seconds
    assert codes(decoded) == [ErrorCode.UNREADABLE, None]
    assert str(decoded.problems[0]) == "decoding took more than 1.5 seconds and was ended"
    expect_pictures(decoded, [name])


def test_a_file_that_needs_more_memory_than_a_process_may_have_is_too_large(tmp_path: Path, pool: WorkerPool) -> None:
    Image.new("1", (10_000, 6_000)).save(tmp_path / "large.png")
    Image.new("RGB", (40, 40)).save(tmp_path / "small.png")
    names = [tmp_path / "large.png", tmp_path / "small.png"]
    request = request_for(*map(source, names), memory_bytes=200 << 20)
    with pool.lend() as lent:
        worker = lent.ready()
        worker.memory.view(request["memory_size"])
        answers = list(worker.ask(request))
    assert [answer[0] for answer in answers] == ["ERROR_IMAGE_TOO_LARGE", None]  # small.png is black


def test_a_process_that_waits_long_for_its_first_request_is_not_out_of_time(
    tmp_path: Path, save_photo: SavePhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts before the run imports and lists, which may take longer than a start may take."""
    monkeypatch.setattr("dedup_assets.engine.workers.process._START_SECONDS", 2.0)
    early = WorkerPool(DECODER, 1)
    early.start()
    began = time.monotonic()
    with early.lend() as lent:
        select.select([lent.worker._answers], [], [], 60)
        time.sleep(max(0.0, began + 3.0 - time.monotonic()))
        decoded = decode_all([source(save_photo(tmp_path / "a.png", 1))], TASK, lent)
    early.close()
    assert decoded.problems == [None]


def test_a_process_that_cannot_start_is_one_clear_error(tmp_path: Path) -> None:
    pool = WorkerPool("dedup_assets.no_such_module", 1)
    try:
        said = "cannot start: ended with exit code 1; it said: ModuleNotFoundError"
        with pool.lend() as lent, pytest.raises(WorkerError, match=said):
            decode_all([source(tmp_path / "a.jpg")], TASK, lent)
    finally:
        pool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="writes through /proc")
def test_what_a_library_printed_last_goes_into_the_reason_not_to_the_terminal(
    pool: WorkerPool, slow: Source, capfd: pytest.CaptureFixture[str]
) -> None:
    with pool.lend() as lent:
        answers = lent.ready().ask(request_for(slow))
        threading.Timer(0.3, end_with_last_words, [lent.worker.pid]).start()
        with pytest.raises(Ended, match=r"ended by SIGABRT; it said: free\(\): invalid pointer"):
            list(answers)
        lent.replace()
    assert capfd.readouterr() == ("", "")


def end_with_last_words(pid: int) -> None:
    """Print a last line and abort, as glibc does."""
    with Path(f"/proc/{pid}/fd/2").open("ab") as file:
        file.write(b"some warning\nfree(): invalid pointer\n")
    os.kill(pid, signal.SIGABRT)


def request_for(*sources: Source, memory_bytes: int = 1 << 30) -> Request:
    return {
        "do": "decode", "size": SIZE, "box": None, "limits": [1, 10**9], "thumbnails": [],
        "memory_size": len(sources) * SIZE[0] * SIZE[1] * 3,
        "sources": [[os.fsdecode(source.name), 1, "", None, None] for source in sources],
        "memory_bytes": memory_bytes, "seconds": 60.0,
    }  # fmt: skip


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_process_outlives_the_one_that_started_it(slow: Source, how: signal.Signals) -> None:
    script = f"""
from dedup_assets.engine.core.records import Source
from dedup_assets.engine.decoders.asking import decode_all, open_decoders
from dedup_assets.engine.decoders.tasks import DecodingTask
from dedup_assets.engine.inputs.containers import DECODER
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.workers import keep_workers
task = DecodingTask((16, 16), None, DecodingLimits(), 60.0)
with keep_workers(DECODER, 2, early=True), open_decoders(2) as pool, pool.lend() as lent:  # no __main__ guard
    decode_all([{source(Path(__file__))!r}], task, lent)
    print("busy", flush=True)
    decode_all([{slow!r}] * 5, task, lent)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"busy\n"
        while not any(busy_seconds(pid) > 0.5 for pid in children_of(parent.pid)):  # one decodes
            time.sleep(0.05)
        workers = children_of(parent.pid)
        assert len(workers) == 2
        parent.send_signal(how)
        parent.wait(60)
        deadline = time.monotonic() + 60
        while any(map(is_alive, workers)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [pid for pid in workers if is_alive(pid)] == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
# libde265 decodes in a thread of its own, while the calling thread waits.
@pytest.mark.parametrize(("ending", "threads"), [("heic", 2), ("avif", 1)])
def test_a_decoder_computes_in_one_thread(pool: WorkerPool, shared_data: Path, ending: str, threads: int) -> None:
    largest = max((shared_data / "odd").rglob(f"*.{ending}"), key=lambda path: path.stat().st_size)
    most = 0

    def look() -> None:
        nonlocal most
        most = max(most, len(list(Path(f"/proc/{lent.worker.pid}/task").iterdir())))

    with pool.lend() as lent:
        lent.ready()
        with repeating(look, 0.002):
            decode_all([source(largest)] * 5, TASK, lent)
    assert 1 <= most <= threads


def test_the_module_that_processes_run_imports_no_more_than_decoding_needs() -> None:
    heavy = ("dagster", "polars", "faiss", "onnxruntime", "fsspec", "av", "pydantic", "jinja2", "igraph")
    code = f"import sys, {DECODER}; print([name for name in {heavy!r} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
