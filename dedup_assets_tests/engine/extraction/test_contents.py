"""Of exact copies one is decoded, whatever their names; files that moved are recognised by their content."""

import hashlib
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dedup_assets.engine.core.records import Shard
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.extraction.offset_ranges import RangeExtractor, RangeOutcome, head_start
from dedup_assets.engine.inputs.listing import list_images
from dedup_assets.engine.work_dir import WorkDir, files, ledger_file
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import SavePhoto, photo_like
from dedup_assets_tests.support.videos import save_video

THREADS = (1, 4)


class Photos:
    """A folder of photographs, a work_dir, and runs."""

    def __init__(self, top: Path, save_photo: SavePhoto) -> None:
        self.top, self.folder, self._save = top, top / "photos", save_photo
        self.model = save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=5)

    def add(self, *names: str, seed: int = 0) -> None:
        for number, name in enumerate(names, seed):
            self._save(self.folder / name, number, side=20 + number)

    def copy(self, name: str, *others: str) -> None:
        for other in others:
            (self.folder / other).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.folder / name, self.folder / other)

    def run(self, work_dir: str = "out", **values: Any) -> tuple[int, int]:
        """Images that were computed, and those that were copied."""
        outcomes = self.outcomes(work_dir, **values)
        return sum(each.computed for each in outcomes), sum(each.copied for each in outcomes)

    def outcomes(self, work_dir: str = "out", **values: Any) -> list[RangeOutcome]:
        extractor, manifest = self.extractor(work_dir, **values), list_images(str(self.folder))
        outcomes = [extractor.complete(manifest, offsets, lambda *_: None) for offsets in extractor.cut(manifest)]
        extractor.prune(manifest)
        return outcomes

    def extractor(self, work_dir: str = "out", **values: Any) -> RangeExtractor:
        common = {"input_dir": str(self.folder), "work_dir": str(self.top / work_dir), "model_path": self.model}
        return RangeExtractor(Settings.parse(**(common | {"num_threads": 2} | values)))

    def shards(self, work_dir: str = "out", **values: Any) -> list[Shard]:
        return list(self.extractor(work_dir, **values).stream(list_images(str(self.folder))).shards)

    def contents(self, work_dir: str = "out", **values: Any) -> dict[str, str | None]:
        shards = self.shards(work_dir, **values)
        rows = (row for shard in shards for row in shard.images.select("filename", "content").iter_rows())
        return {Path(name.decode()).name: content for name, content in rows}

    def vectors(self, work_dir: str = "out", **values: Any) -> NDArray[np.float32]:
        return np.concatenate([shard.vectors for shard in self.shards(work_dir, **values)])


@pytest.fixture
def photos(tmp_path: Path, save_photo: SavePhoto) -> Photos:
    """Twenty photographs of different sizes, in the folder `a`."""
    made = Photos(tmp_path, save_photo)
    made.add(*(f"a/{number:02d}.png" for number in range(20)))
    return made


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def expect_as_if_new(photos: Photos) -> None:
    """Expect the rows and vectors of a run into an empty work_dir."""
    photos.run("clean")
    for found, clean in zip(photos.shards(), photos.shards("clean"), strict=True):
        assert found.images.equals(clean.images)
        assert np.array_equal(found.vectors, clean.vectors)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("shard_size", [7, 5000])
def test_of_exact_copies_one_is_computed_whatever_their_names(photos: Photos, threads: int, shard_size: int) -> None:
    for number in range(0, 20, 2):
        photos.copy(f"a/{number:02d}.png", f"a/{number:02d} copy.png", f"b/other {number}.jpg")
    settings = {"num_threads": threads, "shard_size": shard_size}
    assert photos.run(**settings) == (20, 20)
    vectors = photos.vectors(**settings)
    assert len(vectors) == 40
    assert len(np.unique(vectors, axis=0)) == 20


def test_copies_have_the_rows_and_vectors_that_each_alone_has(photos: Photos) -> None:
    photos.copy("a/03.png", "b/03.png", "c.jpg")
    (photos.folder / "b/bad.png").write_bytes(b"broken")
    photos.copy("b/bad.png", "a/bad.png")
    assert photos.run() == (21, 3)
    contents = photos.contents()
    for path in photos.folder.rglob("*.*"):
        assert contents[path.name] == sha256(path)
    alone = [photos.extractor(f"alone-{name}") for name in ("b/03.png", "a/bad.png")]
    for extractor, name in zip(alone, ("b/03.png", "a/bad.png"), strict=True):
        manifest = list_images(str(photos.folder / name))
        extractor.complete(manifest, extractor.cut(manifest)[0], lambda *_: None)
        (shard,) = extractor.stream(manifest).shards
        together = photos.shards()[0]
        row = together.images.join(shard.images.select("filename"), on="filename", how="semi")
        assert row.drop("index").equals(shard.images.drop("index"))


def test_equal_sizes_with_other_bytes_are_computed_each(photos: Photos) -> None:
    size = (photos.folder / "a/05.png").stat().st_size
    for number in range(6):
        content = (photos.folder / f"a/0{number}.png").read_bytes()[:size]
        (photos.folder / f"a/0{number}.png").write_bytes(content.ljust(size, b"\0"))
    assert photos.run() == (20, 0)


def test_a_renamed_folder_and_renamed_files_cost_no_vector(photos: Photos) -> None:
    photos.run()
    vectors = photos.vectors()
    (photos.folder / "a").rename(photos.folder / "holiday")
    assert photos.run() == (0, 20)
    assert np.array_equal(photos.vectors(), vectors)
    for number in range(20):
        (photos.folder / "holiday" / f"{number:02d}.png").rename(photos.folder / f"{99 - number} new.png")
    assert photos.run() == (0, 20)
    assert np.array_equal(photos.vectors(), vectors[::-1])
    assert photos.run() == (0, 0)
    expect_as_if_new(photos)


def test_moves_copies_edits_and_bad_files_give_what_a_new_work_dir_gives(photos: Photos) -> None:
    (photos.folder / "a/bad.png").write_bytes(b"broken")
    photos.run(shard_size=6)
    (photos.folder / "a/03.png").rename(photos.folder / "z.png")
    (photos.folder / "a/bad.png").rename(photos.folder / "0.png")
    photos.copy("a/07.png", "a/00.png", "y/08.png")
    photos.add("a/05.png", seed=40)
    assert photos.run(shard_size=5000) == (1, 4)
    expect_as_if_new(photos)


def test_members_of_an_archive_are_recognised_in_another_one_and_as_files(photos: Photos) -> None:
    photos.run()
    with zipfile.ZipFile(photos.folder / "all.zip", "w") as archive:
        for path in sorted((photos.folder / "a").iterdir()):
            archive.write(path, path.name)
    assert photos.run() == (0, 20)
    shutil.rmtree(photos.folder / "a")
    (photos.folder / "all.zip").rename(photos.folder / "moved.zip")
    assert photos.run() == (0, 20)
    assert None not in photos.contents().values()
    expect_as_if_new(photos)


def test_frames_are_recognised_by_their_video_and_moment(tmp_path: Path, save_photo: SavePhoto) -> None:
    photos = Photos(tmp_path, save_photo)
    photos.add("x.png")
    save_video(photos.folder / "a.mp4", [photo_like(seed, 64, 48) for seed in range(3)])
    photos.copy("a.mp4", "b.mp4")
    computed, copied = photos.run()
    assert computed == copied + 1 > 1
    video = sha256(photos.folder / "a.mp4")
    assert photos.contents()["a.mp4#t=00:00:01.000"] == f"{video}#t=1000"
    (photos.folder / "a.mp4").unlink()
    (photos.folder / "b.mp4").rename(photos.folder / "c.mp4")
    assert photos.run() == (0, copied)
    expect_as_if_new(photos)


def test_objects_of_a_store_are_recognised_under_other_names(photos: Photos, store: str) -> None:
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(store)
    filesystem.put(str(photos.folder / "a"), f"{path}/one", recursive=True)
    extractor = photos.extractor()
    manifest = list_images(f"{store}/one")
    first = extractor.complete(manifest, extractor.cut(manifest)[0], lambda *_: None)
    filesystem.mv(f"{path}/one", f"{path}/two", recursive=True)
    extractor, manifest = photos.extractor(), list_images(f"{store}/two")
    second = extractor.complete(manifest, extractor.cut(manifest)[0], lambda *_: None)
    assert (first, second) == (RangeOutcome(20, 20), RangeOutcome(20, 0, 20))


def test_large_copies_are_hashed_in_blocks_and_read_again(photos: Photos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dedup_assets.engine.extraction.contents._MOST_BYTES", 1)
    photos.copy("a/03.png", "b/03.png", "c.jpg")
    assert photos.run() == (20, 2)
    expect_as_if_new(photos)


def test_a_damaged_shard_is_no_source_of_vectors(photos: Photos) -> None:
    photos.run()
    (shard,) = (photos.top / "out" / "shards").glob("*.parquet")
    content = bytearray(shard.read_bytes())
    content[200] ^= 1  # in the first column, which the index of contents does not read
    shard.write_bytes(content)
    (photos.folder / "a").rename(photos.folder / "b")
    assert photos.run() == (20, 0)
    expect_as_if_new(photos)


def test_a_head_start_decodes_no_copy_and_changes_no_bit(photos: Photos) -> None:
    for number in range(20):
        photos.copy(f"a/{number:02d}.png", f"a/{number:02d}b.png")
    values = {"input_dir": str(photos.folder), "work_dir": str(photos.top / "out"), "model_path": photos.model}
    with head_start(Settings.parse(**values, num_threads=2)):
        assert photos.run() == (20, 20)
    expect_as_if_new(photos)


def test_contents_of_the_features_are_read_by_name(photos: Photos) -> None:
    (photos.folder / "a/bad.png").write_bytes(b"broken")
    photos.run()
    work_dir = WorkDir(str(photos.top / "out"))
    files.write_features(work_dir, photos.extractor().stream(list_images(str(photos.folder))))
    names = files.read_features(work_dir).names
    assert ledger_file.read_content(work_dir, names).to_list() == [sha256(Path(name.decode())) for name in names]
    assert ledger_file.read_content(work_dir, names.reverse()).null_count() == 20


def test_images_that_come_back_from_a_backup_cost_no_vector(photos: Photos) -> None:
    photos.copy("a/03.png", "b/03.png")
    photos.run(shard_size=6)
    vectors, contents = photos.vectors(shard_size=6), photos.contents(shard_size=6)
    shutil.copytree(photos.folder, photos.top / "backup")
    for name in ("a/02.png", "a/03.png", "a/07.png", "a/19.png"):
        (photos.folder / name).unlink()
    photos.add("a/05.png", seed=40)
    assert photos.run(shard_size=6)[0] == 1
    assert photos.run(shard_size=6) == (0, 0)
    (photos.folder / "a/11.png").unlink()
    photos.run(shard_size=6)
    shutil.rmtree(photos.folder)
    shutil.copytree(photos.top / "backup", photos.folder)
    assert photos.run(shard_size=6)[0] == 0
    assert np.array_equal(photos.vectors(shard_size=6), vectors)
    assert photos.contents(shard_size=6) == contents


def test_no_more_images_that_went_are_kept_than_have_room(photos: Photos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dedup_assets.engine.work_dir.gone_images._LEAST", 3)
    photos.run()
    shutil.copytree(photos.folder, photos.top / "backup")
    for name in ("a/01.png", "a/02.png"):
        (photos.folder / name).unlink()
    photos.run()
    for name in ("a/03.png", "a/04.png"):
        (photos.folder / name).unlink()
    photos.run()
    shutil.rmtree(photos.folder)
    shutil.copytree(photos.top / "backup", photos.folder)
    assert photos.run() == (1, 19)
    expect_as_if_new(photos)
