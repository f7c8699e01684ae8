"""Every documented file has the documented bytes and is read back as written."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import fsspec
import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import (
    BadImages,
    Components,
    FeatureStream,
    ImageLedger,
    Manifest,
    Neighbors,
    Pairs,
    Shard,
    Similarity,
)
from dedup_assets.engine.inputs.listing import list_images
from dedup_assets.engine.results.bad_images import find_bad_images
from dedup_assets.engine.work_dir import WorkDir, files, index_file, ledger_file, manifest_file, match_files
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.identity import Result, file_records, read_config, record_results
from dedup_assets_tests.support.ledgers import unknown_columns

names_of_any_bytes = st.binary(min_size=1, max_size=60).map(
    lambda name: b"n" + name.replace(b"\0", b"").replace(b"/", b"") + b".jpg"
)


@pytest.fixture
def work_dir(tmp_path: Path) -> WorkDir:
    return WorkDir(str(tmp_path))


def shard_of(manifest: Manifest, bad: set[int], dimension: int = 4) -> Shard:
    """Row i has the vector (i, i, ...); the bad ones have none."""
    rows = range(len(manifest))
    images = manifest.images.with_columns(
        pl.Series("error_code", ["ERROR_CORRUPT_IMAGE" if row in bad else None for row in rows], pl.String),
        pl.Series("error", ['broken, "quite"\nso' if row in bad else None for row in rows], pl.String),
        *unknown_columns(),
    )
    vectors = [[row] * dimension for row in rows if row not in bad]
    return Shard(images, np.array(vectors, np.float32).reshape(-1, dimension))


def stream_of(*shards: Shard) -> FeatureStream:
    return FeatureStream(shards, "0" * 64, 4)


def manifest_of(*names: bytes) -> Manifest:
    schema = {"index": pl.Int64, "filename": pl.Binary, "size_bytes": pl.Int64, "version": pl.String}
    rows = [(row, name, 10 + row, str(row)) for row, name in enumerate(names)]
    return Manifest(pl.DataFrame(rows, schema=schema, orient="row"), len(names), "digest")


def pairs_of(*rows: tuple[bytes, bytes, float]) -> Pairs:
    schema = {"from": pl.Binary, "to": pl.Binary, "distance": pl.Float64}
    return Pairs(pl.DataFrame(list(rows), schema=schema, orient="row"))


# Names from disk to CSV and back


@settings(max_examples=25)
@given(names=st.lists(names_of_any_bytes, min_size=2, max_size=6, unique=True))
@example([b"a\nb.jpg", b'"quoted".jpg', b"comma,.jpg", b"cr\r.jpg", b"\xff\xfe.jpg", b" space .jpg"])
def test_names_of_any_bytes_survive_from_the_disk_to_every_file_and_back(
    tmp_path_factory: pytest.TempPathFactory, names: list[bytes]
) -> None:
    top = tmp_path_factory.mktemp("any")
    for name in names:
        with open(os.fsencode(top) + b"/" + name, "wb") as file:  # noqa: PTH123 - a Path of bytes does not exist
            file.write(b"x")
    manifest, work_dir = list_images(str(top)), WorkDir(str(top / "out"))
    manifest_file.write_manifest(work_dir, manifest)
    shard = shard_of(manifest, bad={0})
    files.write_features(work_dir, stream_of(shard))
    listed = manifest.images["filename"].to_list()
    pairs = pairs_of(*((left, right, 0.9) for left in listed for right in listed if left != right))
    files.write_outliers(work_dir, pairs)
    files.write_similarity(work_dir, Similarity(Neighbors(pl.DataFrame({"from": [0]}), len(listed)), pairs))
    bad = find_bad_images(ledger_file.read_ledger(work_dir))
    files.write_bad_images(work_dir, bad)

    assert set(listed) == {os.fsencode(top) + b"/" + name for name in names}
    assert manifest_file.read_manifest(work_dir).images.equals(manifest.images)
    assert files.read_features(work_dir).names.to_list() == listed[1:]
    assert files.read_pairs(work_dir, "similarity.csv").rows.equals(pairs.rows)
    assert files.read_pairs(work_dir, "outliers.csv").rows.equals(pairs.rows)
    assert files.read_bad_images(work_dir).rows.equals(bad.rows)
    assert bad.rows["filename"].to_list() == listed[:1]


# features.dat


def write(work_dir: WorkDir, stream: FeatureStream) -> None:
    """Write and record features, as a run does."""
    with generation(work_dir, "a run") as view:
        files.write_features(view, stream)
        recorded = file_records(view.written) or read_config(view).result("features").files
        record_results(view, {"features": Result(files=recorded, made_of=stream.digest)}, {}, {})


def test_features_that_are_there_already_are_left_as_they_are(work_dir: WorkDir, tmp_path: Path) -> None:
    stream = replace(stream_of(shard_of(manifest_of(b"a.jpg", b"b.jpg"), set())), digest="these")
    table = tmp_path / "features.dat.csv"

    def written(given: FeatureStream) -> int:
        write(work_dir, given)
        return table.stat().st_ino

    first = written(stream)
    assert written(stream) == first
    os.utime(tmp_path / "features.dat", ns=(0, 0))  # content decides, never a time
    assert written(stream) == first
    assert written(replace(stream, digest="others")) != first
    unknown = written(replace(stream, digest=""))
    assert written(replace(stream, digest="")) != unknown


@pytest.mark.parametrize("name", ["features.dat", "features.dat.csv", "image_ledger.parquet"])
def test_features_of_which_a_byte_has_changed_are_written_again(
    work_dir: WorkDir, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    stream = replace(stream_of(shard_of(manifest_of(b"a.jpg", b"b.jpg"), set())), digest="these")
    write(work_dir, stream)
    path = tmp_path / name
    content, facts = path.read_bytes(), path.stat()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    write(work_dir, stream)
    assert path.read_bytes() == content
    assert "is not what was written; they are written again from the ranges in shards" in caplog.text


def test_features_are_raw_little_endian_rows_and_a_csv_with_positions(work_dir: WorkDir, tmp_path: Path) -> None:
    first, second = manifest_of(b"a.jpg", b"b,.jpg", b"c.jpg"), manifest_of(b"d.jpg")
    files.write_features(work_dir, stream_of(shard_of(first, {0}), shard_of(second, set())))
    assert (tmp_path / "features.dat").read_bytes() == np.repeat([1, 2, 0], 4).astype("<f4").tobytes()
    assert (tmp_path / "features.dat.csv").read_bytes() == b'index,filename\n0,"b,.jpg"\n1,c.jpg\n2,d.jpg\n'
    features = files.read_features(work_dir)
    assert features.vectors.shape == (3, 4)
    assert features.names.to_list() == [b"b,.jpg", b"c.jpg", b"d.jpg"]
    assert files.read_feature_files(work_dir).ledger.rows.height == 4


def test_a_run_without_a_good_image_is_refused_and_leaves_the_last_features(work_dir: WorkDir, tmp_path: Path) -> None:
    files.write_features(work_dir, stream_of(shard_of(manifest_of(b"a.jpg"), set())))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(WorkDirError, match=r"none of 1 images.*'b\.jpg': ERROR_CORRUPT_IMAGE"):
        files.write_features(work_dir, stream_of(shard_of(manifest_of(b"b.jpg"), {0})))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_failure_in_the_stream_leaves_the_last_features(work_dir: WorkDir, tmp_path: Path) -> None:
    files.write_features(work_dir, stream_of(shard_of(manifest_of(b"a.jpg"), set())))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def broken() -> Any:
        yield shard_of(manifest_of(b"b.jpg"), set())
        raise WorkDirError("a range is damaged")

    with pytest.raises(WorkDirError, match="a range is damaged"):
        files.write_features(work_dir, FeatureStream(broken(), "", 4))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("size", [0, 5, 17])
def test_features_whose_size_does_not_fit_the_names_are_refused(work_dir: WorkDir, tmp_path: Path, size: int) -> None:
    files.save_features(work_dir, [b"a", b"b"], np.zeros((2, 4), np.float32))
    (tmp_path / "features.dat").write_bytes(b"\0" * size)
    with pytest.raises(WorkDirError, match=rf"{size} bytes.*2 names in features\.dat\.csv"):
        files.read_features(work_dir)


def test_features_without_names_or_without_vectors_are_refused(work_dir: WorkDir, tmp_path: Path) -> None:
    with pytest.raises(WorkDirError, match=r"no features\.dat or atrain_features\.dat"):
        files.read_features(work_dir)
    files.save_features(work_dir, [b"a"], np.zeros((1, 4), np.float32))
    (tmp_path / "features.dat.csv").unlink()
    with pytest.raises(WorkDirError, match=r"no features\.dat\.csv"):
        files.read_features(work_dir)


def test_features_in_a_store_are_read(store: str) -> None:
    work_dir = WorkDir(f"{store}/out")
    files.write_features(work_dir, stream_of(shard_of(manifest_of(b"a.jpg", b"b.jpg"), set())))
    assert files.read_features(work_dir).vectors.tolist() == [[0] * 4, [1] * 4]
    listed = fsspec.filesystem("memory").ls("/bucket/out", detail=False)
    assert sorted(path for path in listed if "/." not in path) == [
        "/bucket/out/features.dat",
        "/bucket/out/features.dat.csv",
        "/bucket/out/image_facts.parquet",
        "/bucket/out/image_ledger.parquet",
    ]


# fastdup's work_dirs


def test_the_names_that_fastdup_gives_its_files_are_read(work_dir: WorkDir, tmp_path: Path) -> None:
    vectors = np.eye(3, 576, dtype="<f4")
    (tmp_path / "atrain_features.dat").write_bytes(vectors.tobytes())
    # Its index is the position in the full listing: bad images leave gaps.
    (tmp_path / "atrain_features.dat.csv").write_text("index,filename\n0,/p/a.jpg\n2,/p/c.jpg\n3,/p/d.jpg\n")
    (tmp_path / "atrain_features.bad.csv").write_text(
        "index,filename,error_code,filesize\n1,/p/b.jpg,ERROR_ZERO_SIZE_FILE,0\n4,/p/e.jpg,ERROR_MISSING_FILE,-1\n"
    )
    (tmp_path / "component_info.csv").write_text("component_id,count,mean,min,max\n0,4,0.97,0.96,0.98\n")
    (tmp_path / "connected_components.csv").write_text(
        "__id,component_id,count,mean_distance,min_distance,max_distance\n0,0,4,0.97,0.96,0.98\n2,0,4,0.97,0.96,0.98\n"
    )
    index = faiss.index_factory(576, "HNSW32", faiss.METRIC_INNER_PRODUCT)
    index.add(vectors)
    faiss.write_index(index, str(tmp_path / "nnf.index"))

    for place in (work_dir, WorkDir(str(tmp_path / "atrain_features.dat"))):
        features = files.read_features(place)
        assert features.names.to_list() == [b"/p/a.jpg", b"/p/c.jpg", b"/p/d.jpg"]
        assert np.array_equal(features.vectors, vectors)
    assert files.read_bad_images(work_dir).rows.rows() == [
        (1, b"/p/b.jpg", "ERROR_ZERO_SIZE_FILE", 0, ""),
        (4, b"/p/e.jpg", "ERROR_MISSING_FILE", -1, ""),
    ]
    # Its ids are positions in the listing too, and its counts twice the edges.
    components = files.read_components(work_dir)
    assert components.images["__id"].to_list() == [0, 1]
    assert components.info["count"].to_list() == [2]
    assert len(index_file.read_index(work_dir, "cosine")) == 3


def test_our_own_names_come_before_those_of_fastdup(work_dir: WorkDir, tmp_path: Path) -> None:
    files.save_features(work_dir, [b"ours"], np.zeros((1, 4), np.float32))
    for name in ("features.dat", "features.dat.csv"):
        (tmp_path / f"atrain_{name}").write_bytes((tmp_path / name).read_bytes().replace(b"ours", b"theirs"))
    assert files.read_features(work_dir).names.to_list() == [b"ours"]


# Bad images


def test_bad_images_stand_in_both_files_with_code_size_and_reason(work_dir: WorkDir, tmp_path: Path) -> None:
    rows = shard_of(manifest_of(b"a.jpg", b"b\n.jpg", b"c.jpg"), {1, 2}).images
    bad = find_bad_images(ImageLedger(rows))
    files.write_bad_images(work_dir, bad)
    assert (tmp_path / "features.bad.csv").read_bytes() == (
        b"index,filename,error_code,filesize,error\n"
        b'1,"b\n.jpg",ERROR_CORRUPT_IMAGE,11,"broken, ""quite""\nso"\n'
        b'2,c.jpg,ERROR_CORRUPT_IMAGE,12,"broken, ""quite""\nso"\n'
    )
    assert (tmp_path / "features.dat.bad").read_bytes() == b'"b\n.jpg"\nc.jpg\n'
    assert files.read_bad_images(work_dir).rows.equals(bad.rows)


def test_no_bad_images_are_files_with_a_header_alone_and_no_file_is_no_bad_image(
    work_dir: WorkDir, tmp_path: Path
) -> None:
    assert len(files.read_bad_images(work_dir)) == 0
    files.write_bad_images(work_dir, BadImages(files.read_bad_images(work_dir).rows))
    assert (tmp_path / "features.bad.csv").read_bytes() == b"index,filename,error_code,filesize,error\n"
    assert (tmp_path / "features.dat.bad").read_bytes() == b""
    assert len(files.read_bad_images(work_dir)) == 0


# Pairs, components, index, configuration, gallery


def test_pairs_have_six_decimals_in_the_order_given(work_dir: WorkDir, tmp_path: Path) -> None:
    files.write_outliers(work_dir, pairs_of((b"a", b"b", 1.0), (b"b", b"a", 0.123456), (b"c", b"a", 0.0)))
    assert (tmp_path / "outliers.csv").read_bytes() == b"from,to,distance\na,b,1.000000\nb,a,0.123456\nc,a,0.000000\n"


@settings(max_examples=25)
@given(st.lists(st.integers(-1_000_000, 1_000_000).map(lambda millionths: millionths / 1_000_000), max_size=20))
def test_similarities_of_six_decimals_come_back_as_the_same_number(
    tmp_path_factory: pytest.TempPathFactory, scores: list[float]
) -> None:
    work_dir = WorkDir(str(tmp_path_factory.mktemp("pairs")))
    files.write_outliers(work_dir, pairs_of(*((b"a", b"b", score) for score in scores)))
    assert files.read_pairs(work_dir, "outliers.csv").rows["distance"].to_list() == scores


def test_a_neighbour_graph_comes_back_with_what_is_known_of_it(work_dir: WorkDir) -> None:
    edges = pl.DataFrame(
        {"from": [0], "to": [1], "similarity": [0.5]},
        schema={"from": pl.UInt32, "to": pl.UInt32, "similarity": pl.Float32},
    )
    for recall in (None, 0.25):
        files.write_similarity(work_dir, Similarity(Neighbors(edges, 7, recall), pairs_of()))
        found = files.read_neighbors(work_dir)
        assert (found.images, found.recall_at_k) == (7, recall)
        assert found.edges.equals(edges)


def test_numbers_of_components_come_back_as_numbers_however_many_images_stand_alone(work_dir: WorkDir) -> None:
    count = 300
    described = [None] * (count - 2) + [0.93, 0.93]
    images = pl.DataFrame(
        {"__id": range(count), "component_id": range(count), "pagerank": [1.0] * count, "mean_distance": described},
        schema={"__id": pl.Int64, "component_id": pl.Int64, "pagerank": pl.Float64, "mean_distance": pl.Float64},
    )
    info = pl.DataFrame(
        {"component_id": [0], "count": [1], "mean": [None], "min": [None], "max": [None]},
        schema={"component_id": pl.Int64, "count": pl.Int64, "mean": pl.Float64, "min": pl.Float64, "max": pl.Float64},
    )
    files.write_components(work_dir, Components(images, info))
    found = files.read_components(work_dir)
    assert found.images.equals(images)
    assert found.images.schema == images.schema
    assert found.info.schema == info.schema
    assert found.info.equals(info)


DAMAGED = {
    "image_manifest.parquet": manifest_file.read_manifest,
    "image_ledger.parquet": ledger_file.read_ledger,
    "neighbors.parquet": files.read_neighbors,
    "components_info.csv": files.read_components,
    "evidence.parquet": match_files.read_evidence,
    "groups.parquet": match_files.read_groups,
    "connected_components.csv": files.read_components,
    "features.bad.csv": files.read_bad_images,
    "similarity.csv": lambda work_dir: files.read_pairs(work_dir, "similarity.csv"),
    "config.json": read_config,
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize(
    "content",
    [b"", b"PAR1 and no more PAR1", b"index,filename,error_code,filesize,error,from,to,distance\nx,,,,,,,x\n"],
)
def test_a_damaged_file_is_named_in_an_error_of_ours(
    work_dir: WorkDir, tmp_path: Path, name: str, content: bytes
) -> None:
    for other in ("components_info.csv", "connected_components.csv"):
        (tmp_path / other).write_text("component_id,count\n")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WorkDirError, match=name.replace(".", r"\.")):
        DAMAGED[name](work_dir)


@pytest.mark.parametrize("name", sorted(DAMAGED.keys() - {"features.bad.csv", "config.json"}))
def test_a_missing_file_is_named_with_what_makes_it(work_dir: WorkDir, name: str) -> None:
    with pytest.raises(WorkDirError, match=r"has no .*; (materialize|run)"):
        DAMAGED[name](work_dir)
