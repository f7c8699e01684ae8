"""Looks and comparisons survive the end of their process, and keep no more looks than they may."""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.core.records import BoundingBox, ErrorCode, Source
from dedup_assets.engine.decoders.asking import make_previews
from dedup_assets.engine.decoders.comparing import Comparer
from dedup_assets.engine.decoders.messages import LOOKS_KEPT
from dedup_assets.engine.decoders.tasks import LookTask, PreviewTask, Undecoded
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.workers import WorkerPool
from dedup_assets_tests.support import crashing_decoder
from dedup_assets_tests.support.crashing_decoder import write_deadly_picture
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


@pytest.fixture(scope="module")
def crashing() -> Iterator[WorkerPool]:
    """One decoding process at a time, whose decoder crashes at marked files."""
    pool = WorkerPool(crashing_decoder.MODULE, 1)
    yield pool
    pool.close()


def task(session: str, box: BoundingBox | None = None) -> LookTask:
    return LookTask(box, DecodingLimits(), 60.0, session)


def read(paths: dict[int, Path], **others: Undecoded) -> Callable[[Sequence[int]], list[Undecoded]]:
    """Where images are read, by their numbers; `others` have names such as `image_7`."""
    files: dict[int, Undecoded] = {
        number: Source(os.fsencode(path), path.stat().st_size, "") for number, path in paths.items()
    }
    files |= {int(name.removeprefix("image_")): other for name, other in others.items()}
    return lambda images: [files[image] for image in images]


@pytest.fixture
def images(tmp_path: Path) -> dict[int, Path]:
    """A picture, its mirror image, and another one."""
    picture = photo_like(1)
    return {
        1: save_jpeg(tmp_path / "one.jpg", picture),
        2: save_jpeg(tmp_path / "mirrored.jpg", ImageOps.mirror(picture)),
        3: save_jpeg(tmp_path / "other.jpg", photo_like(2)),
    }


def test_a_look_says_what_the_file_is(crashing: WorkerPool, images: dict[int, Path]) -> None:
    with crashing.lend() as lent:
        comparer = Comparer(task("facts"), lent, read(images))
        comparer.look([1])
    looked, content = comparer.looked[1], images[1].read_bytes()
    assert (looked.width, looked.height, looked.size_bytes, looked.frames) == (320, 240, len(content), 1)
    assert looked.content == hashlib.sha256(content).hexdigest()


def test_an_attempt_ends_at_its_first_copy(crashing: WorkerPool, images: dict[int, Path]) -> None:
    with crashing.lend() as lent:
        comparer = Comparer(task("first copy"), lent, read(images))
        (found, rest) = comparer.compare([[(1, 3, None), (1, 2, None), (2, 3, None)], [(2, 3, None)]])
    assert [(a, b) for a, b, _ in found] == [(1, 3), (1, 2)]
    relations = [compared.relation for _, _, compared in [*found, *rest] if compared]
    assert relations[1] is Relation.COPY
    assert Relation.COPY not in (relations[0], relations[2])
    assert found[1][2] is not None
    assert "mirrored" in found[1][2].kind


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGKILL])
def test_a_file_that_ends_its_process_costs_its_own_pairs_alone(
    crashing: WorkerPool, images: dict[int, Path], how: signal.Signals
) -> None:
    files = images | {4: write_deadly_picture(images[1].with_name("deadly"), images[1], how, 9)}
    with crashing.lend() as lent:
        comparer = Comparer(task(f"deadly {how}"), lent, read(files))
        found = comparer.compare([[(1, 4, None)], [(1, 2, None)], [(4, 3, None), (1, 3, None)]])
    assert comparer.looked[4].problem is not None
    assert [[compared is not None for _, _, compared in each] for each in found] == [[False], [True], [False, True]]


def test_comparisons_go_on_after_the_process_was_killed(crashing: WorkerPool, images: dict[int, Path]) -> None:
    with crashing.lend() as lent:
        comparer = Comparer(task("killed"), lent, read(images))
        comparer.look([1, 2, 3])
        os.kill(lent.worker.pid, signal.SIGKILL)
        ((found,),) = comparer.compare([[(1, 2, None)]])
    assert found[2] is not None
    assert found[2].relation is Relation.COPY


def test_looks_that_a_process_has_dropped_are_made_again(crashing: WorkerPool, images: dict[int, Path]) -> None:
    many = dict.fromkeys(range(10, 10 + LOOKS_KEPT + 8), images[1])
    with crashing.lend() as lent:
        comparer = Comparer(task("dropped"), lent, read(images | many))
        comparer.look([1, 2])
        comparer.look(many)
        ((found,),) = comparer.compare([[(1, 2, None)]])
    assert found[2] is not None


def test_looks_that_were_forgotten_because_pages_are_made_are_made_again(
    crashing: WorkerPool, images: dict[int, Path]
) -> None:
    with crashing.lend() as lent:
        comparer = Comparer(task("pages"), lent, read(images))
        comparer.look([1, 2])
        (page,) = make_previews(read(images)([1]), PreviewTask(64, DecodingLimits(), 60.0), lent)
        ((found,),) = comparer.compare([[(1, 2, None)]])
    assert page.thumbnail is not None
    assert found[2] is not None


def test_an_attempt_of_more_pairs_than_looks_are_kept_is_compared_whole(
    crashing: WorkerPool, images: dict[int, Path]
) -> None:
    many = dict.fromkeys(range(10, 10 + LOOKS_KEPT + 8), images[3])
    with crashing.lend() as lent:
        comparer = Comparer(task("attempt"), lent, read(images | many))
        ((*others, last),) = comparer.compare([[*((1, image, None) for image in many), (1, 2, None)]])
    assert [image for _, image, compared in others if compared is not None] == list(many)
    assert last[2] is not None
    assert last[2].relation is Relation.COPY


def test_pixels_are_equal_where_only_the_bytes_differ(crashing: WorkerPool, images: dict[int, Path]) -> None:
    with Image.open(images[1]) as opened:
        opened.save(images[1].with_suffix(".png"))
    files = read(images | {5: images[1].with_suffix(".png")}, image_6=b"no picture")
    with crashing.lend() as lent:
        one, two, png, nothing = Comparer(task("pixels"), lent, files).hash_pixels([1, 2, 5, 6])
    assert one == png != two
    assert nothing is None


def test_detail_of_a_large_file_that_is_decoded_whole_is_measured_with_its_look(
    crashing: WorkerPool, tmp_path: Path
) -> None:
    large = photo_like(3, 1200, 900)
    large.save(tmp_path / "large.png")
    large.resize((600, 450)).save(tmp_path / "small.png")
    paths = {1: tmp_path / "large.png", 2: tmp_path / "small.png", 3: save_jpeg(tmp_path / "large.jpg", large)}
    with crashing.lend() as lent:
        comparer = Comparer(task("detail"), lent, read(paths))
        comparer.look(paths)
        measured = comparer.measure_fineness([1])
    assert comparer.looked[1].detail == measured != [None]
    assert [len(comparer.looked[image].detail) for image in (2, 3)] == [0, 0]


def test_a_crop_applies_to_looks_and_other_sessions_have_looks_of_their_own(
    crashing: WorkerPool, images: dict[int, Path]
) -> None:
    with crashing.lend() as lent:
        comparer = Comparer(task("crop", BoundingBox(10, 20, 100, 50)), lent, read(images))
        comparer.look([1])
        other = Comparer(task("none"), lent, read(images))
        other.look([1])
    assert [(each.looked[1].width, each.looked[1].height) for each in (comparer, other)] == [(100, 50), (320, 240)]


def test_a_file_that_is_gone_is_unreadable(crashing: WorkerPool, images: dict[int, Path], tmp_path: Path) -> None:
    gone = Source(os.fsencode(tmp_path / "gone.jpg"), 9, "")
    with crashing.lend() as lent:
        comparer = Comparer(task("gone"), lent, read(images, image_7=gone))
        comparer.look([7])
    problem = comparer.looked[7].problem
    assert problem is not None
    assert problem.code is ErrorCode.MISSING_FILE
