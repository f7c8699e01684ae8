"""Which images are computed, which are found again, and what a run that ends early leaves."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import Manifest, Shard
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.extraction.offset_ranges import RangeExtractor, RangeOutcome, _merge
from dedup_assets.engine.inputs.listing import ListingOptions, list_images
from dedup_assets.engine.work_dir import WorkDir, files
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import SavePhoto

# How many collections are drawn. DEDUP_COLLECTIONS=200 ./dev test -k ranges draws more.
COLLECTIONS = int(os.environ.get("DEDUP_COLLECTIONS", "10"))


class Collection:
    """A folder of photographs, its work_dir, and runs over it."""

    def __init__(self, top: Path, save_photo: SavePhoto, work_dir: str) -> None:
        self.photos, self.work_dir, self._save = top / "photos", work_dir, save_photo
        self.model = save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=5)
        self.settings: dict[str, Any] = {}

    def add(self, *names: str) -> None:
        """Save photographs; the name decides the picture."""
        for name in names:
            self._save(self.photos / name, seed=sum(name.encode()))

    def extractor(self, **values: Any) -> RangeExtractor:
        given_settings: dict[str, Any] = {
            "input_dir": str(self.photos),
            "work_dir": self.work_dir,
            "model_path": self.model,
        }
        given_settings |= {"shard_size": 4, "num_threads": 1}
        return RangeExtractor(Settings.parse(**(given_settings | self.settings | values)))

    def listing(self, **offsets: int) -> Manifest:
        return list_images(str(self.photos), ListingOptions(**offsets))

    def run(self, manifest: Manifest | None = None, **values: Any) -> list[RangeOutcome]:
        """Complete all ranges; return what each needed."""
        manifest, extractor = manifest or self.listing(), self.extractor(**values)
        return [extractor.complete(manifest, offsets, _silent) for offsets in extractor.cut(manifest)]

    def computed(self, manifest: Manifest | None = None, **values: Any) -> list[int]:
        return [outcome.computed for outcome in self.run(manifest, **values)]

    def vectors(self, manifest: Manifest | None = None, **values: Any) -> dict[str, list[float] | None]:
        """The vector of each name in the stream; None where the image is bad."""
        found: dict[str, list[float] | None] = {}
        for shard in self.extractor(**values).stream(manifest or self.listing()).shards:
            rows = iter(shard.vectors.tolist())
            for name, code in shard.images.select("filename", "error_code").iter_rows():
                found[os.path.basename(name).decode()] = next(rows) if code is None else None  # noqa: PTH119 - bytes
            assert next(rows, None) is None
        return found

    def fresh_vectors(self) -> dict[str, list[float] | None]:
        """The same, from an empty work_dir."""
        clean = self.work_dir + "-clean-" + str(len(os.listdir(self.photos.parent)))  # noqa: PTH208 - counted
        self.run(work_dir=clean)
        return self.vectors(work_dir=clean)

    def shards(self) -> list[str]:
        return [name for name in WorkDir(self.work_dir).names("shards") if name.endswith(".parquet")]


def _silent(done: int, bad: int) -> None:
    pass


@pytest.fixture(params=["local", "store"])
def collection(request: pytest.FixtureRequest, tmp_path: Path, save_photo: SavePhoto, store: str) -> Collection:
    """Ten photographs, b0.png to b9.png, in ranges of four."""
    made = Collection(tmp_path, save_photo, str(tmp_path / "out") if request.param == "local" else f"{store}/out")
    made.add(*(f"b{number}.png" for number in range(10)))
    return made


def test_a_range_that_is_done_is_not_computed_again(collection: Collection) -> None:
    assert collection.run() == [RangeOutcome(4, 4), RangeOutcome(4, 4), RangeOutcome(2, 2)]
    before = collection.shards()
    assert collection.run() == [RangeOutcome(4, 0), RangeOutcome(4, 0), RangeOutcome(2, 0)]
    assert collection.shards() == before
    assert len(before) == 3


def test_every_image_is_told_to_the_progress_once_found_or_computed(collection: Collection) -> None:
    collection.run()
    (collection.photos / "b5.png").write_bytes(b"broken")
    manifest, extractor, told = collection.listing(), collection.extractor(), []
    for offsets in extractor.cut(manifest):
        extractor.complete(manifest, offsets, lambda done, bad: told.append((done, bad)))
    assert (sum(done for done, _ in told), sum(bad for _, bad in told)) == (10, 1)


def test_only_new_images_are_computed_and_moved_ones_are_found(collection: Collection) -> None:
    collection.run()
    collection.add("a.png", "b4_5.png")
    assert sum(collection.computed()) == 2
    assert collection.vectors() == collection.fresh_vectors()
    assert sum(collection.computed()) == 0


def test_a_file_that_was_written_again_is_computed_again_if_its_bytes_changed(collection: Collection) -> None:
    collection.run()
    before = collection.vectors()
    os.utime(collection.photos / "b1.png", ns=(1, 1))
    assert collection.run() == [RangeOutcome(4, 0, 1), RangeOutcome(4, 0), RangeOutcome(2, 0)]
    (collection.photos / "b8.png").write_bytes((collection.photos / "b1.png").read_bytes() + b"longer")
    assert collection.computed() == [0, 0, 1]
    size, times = (collection.photos / "b2.png").stat().st_size, (collection.photos / "b2.png").stat()
    (collection.photos / "b2.png").write_bytes((collection.photos / "b3.png").read_bytes().ljust(size, b"\0")[:size])
    os.utime(collection.photos / "b2.png", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert collection.computed() == [1, 0, 0]
    after = collection.vectors()
    assert after["b1.png"] == before["b1.png"]
    assert after["b8.png"] == before["b1.png"]
    assert after["b2.png"] != before["b2.png"]


def test_a_listing_that_shrank_is_found_whole_and_ranges_beyond_it_are_empty(collection: Collection) -> None:
    collection.run()
    long, extractor = collection.listing(), collection.extractor()
    for number in (0, 1, 2, 8):
        (collection.photos / f"b{number}.png").unlink()
    assert sum(collection.computed()) == 0
    assert collection.vectors() == collection.fresh_vectors()
    beyond = extractor.cut(long)[-1]
    assert extractor.complete(collection.listing(), beyond, _silent) == RangeOutcome(0, 0)


def test_another_model_crop_or_limit_finds_nothing_and_spoils_nothing(collection: Collection, tmp_path: Path) -> None:
    collection.run()
    other = save_mean_model(tmp_path / "other.onnx", ["n", 16, 16, 3], dimension=6)
    before = collection.vectors()
    for changed in ({"model_path": other}, {"bounding_box": "rows=0,cols=0,width=9,height=9"}, {"max_pixels": 10_000}):
        assert collection.computed(**changed) == [4, 4, 2]
    assert collection.computed() == [0, 0, 0]
    assert collection.vectors() == before


def test_another_width_of_ranges_finds_all_vectors(collection: Collection) -> None:
    collection.run()
    before = collection.vectors()
    assert collection.computed(shard_size=3) == [0, 0, 0, 0]
    assert collection.vectors(shard_size=3) == before


def test_images_that_could_not_be_read_are_tried_again_and_bad_ones_are_not(collection: Collection) -> None:
    (collection.photos / "b0.png").write_bytes(b"broken")
    (collection.photos / "b2.png").unlink()
    (collection.photos / "b2.png").symlink_to(collection.photos / "later.data")
    assert collection.computed() == [4, 4, 2]
    assert collection.vectors()["b2.png"] is None
    assert collection.computed() == [1, 0, 0]  # the missing file is tried again; the broken one is not
    (collection.photos / "later.data").write_bytes((collection.photos / "b3.png").read_bytes())
    assert collection.run()[0] == RangeOutcome(4, 0, 1)  # it has the bytes of b3.png
    assert collection.vectors()["b2.png"] == collection.vectors()["b3.png"]
    assert collection.computed() == [0, 0, 0]
    assert collection.vectors()["b0.png"] is None


def test_a_range_in_which_no_image_is_good_is_stored_and_found(collection: Collection) -> None:
    for number in range(4):
        (collection.photos / f"b{number}.png").write_bytes(b"broken")
    collection.run()
    assert collection.computed() == [0, 0, 0]
    assert [name for name, vector in collection.vectors().items() if vector is None] == [
        f"b{number}.png" for number in range(4)
    ]
    collection.add("a.png")
    assert sum(collection.computed()) == 1
    assert collection.vectors() == collection.fresh_vectors()


def test_offsets_compute_their_part_and_the_whole_finds_it(collection: Collection) -> None:
    assert collection.computed(collection.listing(min_offset=0, max_offset=4)) == [4]
    assert collection.computed(collection.listing(min_offset=6)) == [2, 2]
    assert collection.computed() == [0, 2, 0]
    assert collection.vectors() == collection.fresh_vectors()


# Pruning


def prune(collection: Collection) -> int:
    return collection.extractor().prune(collection.listing())


def test_pruning_deletes_what_the_same_input_used_before_and_uses_no_longer(collection: Collection) -> None:
    collection.run()
    assert prune(collection) == 0
    collection.add("a.png")
    collection.run()
    assert len(collection.shards()) == 6
    assert prune(collection) == 3
    assert collection.computed() == [0, 0, 0]
    assert collection.vectors() == collection.fresh_vectors()


def test_pruning_keeps_the_shards_of_other_inputs_and_of_workers_under_way(
    collection: Collection, save_photo: SavePhoto, tmp_path: Path
) -> None:
    collection.run()
    prune(collection)
    (tmp_path / "other").mkdir()
    other = Collection(tmp_path / "other", save_photo, collection.work_dir)
    other.add("x.png", "y.png")
    other.run()
    prune(other)
    collection.add("a.png")
    collection.run()  # a worker computes ranges of a listing that the other run does not know
    assert prune(other) == 0
    assert collection.computed() == [0, 0, 0]
    assert other.computed() == [0]


def test_pruning_keeps_the_last_four_sets_of_shards(collection: Collection) -> None:
    boxes = [f"rows=0,cols=0,width={side},height=30" for side in (20, 21, 22, 23, 24)]
    for box in boxes:
        collection.run(bounding_box=box)
        deleted = collection.extractor(bounding_box=box).prune(collection.listing())
        assert deleted == (3 if box == boxes[-1] else 0)
    assert sum(collection.computed(bounding_box=boxes[1])) == 0
    assert sum(collection.computed(bounding_box=boxes[0])) == 10


def test_pruning_deletes_what_no_run_names_after_a_week(tmp_path: Path, save_photo: SavePhoto) -> None:
    collection = Collection(tmp_path, save_photo, str(tmp_path / "out"))
    collection.add(*(f"b{number}.png" for number in range(5)))
    collection.run()
    left = "000000000000-000000000004.0123456789ab.0123456789abcdef.parquet"
    theirs = "part-00000.parquet"
    for name in (left, theirs):
        (tmp_path / "out" / "shards" / name).write_bytes(b"x")
    assert prune(collection) == 0
    for name in (left, theirs):
        os.utime(tmp_path / "out" / "shards" / name, (0, 0))
    assert prune(collection) == 1
    assert {left, theirs} & set(collection.shards()) == {theirs}


def test_pruning_deletes_the_open_shard_of_a_range_once_it_is_done(collection: Collection) -> None:
    (collection.photos / "b2.png").rename(collection.photos / "later")
    (collection.photos / "b2.png").symlink_to(collection.photos / "later.gone")
    collection.run()
    assert collection.extractor().prune(collection.listing()) == 0
    (collection.photos / "later").rename(collection.photos / "later.gone")
    manifest, extractor = collection.listing(), collection.extractor()
    collection.run(manifest)
    extractor.prune(manifest)
    assert len(collection.shards()) == 3
    assert not any(".open." in name for name in collection.shards())
    assert collection.computed(manifest) == [0, 0, 0]


def test_a_part_of_the_listing_prunes_nothing(collection: Collection) -> None:
    collection.run()
    assert collection.extractor().prune(collection.listing(min_offset=2, max_offset=5)) == 0
    assert collection.extractor().prune(collection.listing(num_images=3)) == 0
    assert len(collection.shards()) == 3


def test_pruning_deletes_no_file_of_anyone_else(collection: Collection) -> None:
    collection.run()
    with WorkDir(collection.work_dir).publish("shards/README.txt") as (file,):
        file.write(b"mine")
    assert collection.extractor().prune(collection.listing()) == 0
    assert "README.txt" in WorkDir(collection.work_dir).names("shards")


# Damage and crashes


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: b"garbage",
        lambda content: content[:-20] + b"\xff" * 12 + content[-8:],
        lambda content: b"\0" * len(content),
        lambda content: content.replace(b"error_code", b"errOr_code"),
        lambda content: content.replace(b"b5.png", b"b5.jpg", 1),
    ],
    ids=["empty", "one byte short", "half", "garbage", "footer", "zeros", "column", "a name"],
)
def test_a_damaged_shard_is_told_and_its_images_are_computed_again(
    collection: Collection, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    collection.run()
    work_dir, name = WorkDir(collection.work_dir), f"shards/{collection.shards()[1]}"
    with work_dir.open(name) as file:
        content = file.read()
    with work_dir.publish(name) as (file,):
        file.write(damage(content))
    assert collection.vectors() == collection.fresh_vectors()
    assert f"{name}' is damaged" in caplog.text
    assert sum(collection.computed()) == 0
    with work_dir.publish(name) as (file,):
        file.write(damage(content))
    collection.add("a.png")
    assert sum(collection.computed()) == 5  # its four and the new one
    assert collection.vectors() == collection.fresh_vectors()


def test_a_shard_in_which_a_single_bit_of_a_vector_has_rotted_is_computed_again(collection: Collection) -> None:
    collection.run()
    work_dir, name = WorkDir(collection.work_dir), f"shards/{collection.shards()[1]}"
    with work_dir.open(name) as file:
        content = bytearray(file.read())
    vector = np.array(collection.vectors()["b5.png"], "<f4").tobytes()
    content[content.index(vector) + 1] ^= 4
    with work_dir.publish(name) as (file,):
        file.write(bytes(content))
    assert collection.vectors() == collection.fresh_vectors()


def test_a_range_nobody_computed_is_said_while_streaming(collection: Collection) -> None:
    with pytest.raises(WorkDirError, match="materialize features again"):
        collection.vectors()


def test_a_run_that_ends_in_the_middle_leaves_ranges_and_published_features(
    collection: Collection,
) -> None:
    work_dir = WorkDir(collection.work_dir)
    collection.run()
    files.write_features(work_dir, collection.extractor().stream(collection.listing()))
    before = files.read_features(work_dir)
    names, vectors = before.names.to_list(), np.array(before.vectors)
    collection.add(*(f"a{number}x.png" for number in range(8)))
    manifest, extractor = collection.listing(), collection.extractor()
    first, second, *_ = extractor.cut(manifest)

    class StoppedError(Exception):
        pass

    def stop(done: int, bad: int) -> None:
        raise StoppedError

    extractor.complete(manifest, first, _silent)
    with pytest.raises(StoppedError):
        extractor.complete(manifest, second, stop)
    with pytest.raises(WorkDirError):
        files.write_features(work_dir, extractor.stream(manifest))
    after = files.read_features(work_dir)
    assert after.names.to_list() == names
    assert np.array_equal(after.vectors, vectors)
    assert collection.computed()[:2] == [0, 4]
    assert collection.vectors() == collection.fresh_vectors()


# Merging


def _shard(rows: list[int], bad: set[int]) -> Shard:
    """Row i of a listing, with the vector (i, i)."""
    images = pl.DataFrame(
        {"index": rows, "error_code": ["ERROR_MISSING_FILE" if row in bad else None for row in rows]},
        schema={"index": pl.Int64, "error_code": pl.String},
    )
    vectors: NDArray[np.float32] = np.array([[row, row] for row in rows if row not in bad], np.float32).reshape(-1, 2)
    return Shard(images, vectors)


@given(fates=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_known_and_fresh_rows_merge_into_the_order_of_the_listing(fates: list[tuple[bool, bool]]) -> None:
    bad = {row for row, (_, is_bad) in enumerate(fates) if is_bad}
    known = [row for row, (is_known, _) in enumerate(fates) if is_known]
    fresh = [row for row, (is_known, _) in enumerate(fates) if not is_known]
    merged = _merge(_shard(known, bad), _shard(fresh, bad))
    expected = _shard(list(range(len(fates))), bad)
    assert merged.images.equals(expected.images)
    assert np.array_equal(merged.vectors, expected.vectors)


@pytest.fixture(scope="module")
def any_collection(tmp_path_factory: pytest.TempPathFactory, save_photo: SavePhoto) -> Collection:
    """One collection for all examples of hypothesis."""
    top = tmp_path_factory.mktemp("any")
    made = Collection(top, save_photo, str(top / "out"))
    made.add("always.png")
    return made


@hypothesis_settings(
    max_examples=COLLECTIONS, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(present=st.sets(st.sampled_from("abcdefghijkl"), max_size=9), broken=st.sets(st.sampled_from("abcd")))
def test_whatever_came_and_went_the_vectors_are_those_of_a_fresh_run(
    any_collection: Collection, present: set[str], broken: set[str]
) -> None:
    for path in any_collection.photos.iterdir():
        if path.name != "always.png":
            path.unlink()
    any_collection.add(*(f"{letter}.png" for letter in present))
    for letter in present & broken:
        (any_collection.photos / f"{letter}.png").write_bytes(b"broken")
    any_collection.run()
    found = any_collection.vectors()
    assert list(found) == sorted(["always.png", *(f"{letter}.png" for letter in present)])
    assert {name for name, vector in found.items() if vector is None} == {
        f"{letter}.png" for letter in present & broken
    }
    reference = any_collection.extractor(work_dir=any_collection.work_dir + "/none")
    manifest = any_collection.listing()
    for offsets in reference.cut(manifest):
        reference.complete(manifest, offsets, _silent)
    assert any_collection.vectors(work_dir=any_collection.work_dir + "/none") == found
    reference.prune(any_collection.listing())
