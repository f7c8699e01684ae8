"""config.json of every version is read, and a file that is no record of ours is not."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.identity import (
    Config,
    FeatureFacts,
    FileRecord,
    GalleryFacts,
    Result,
    identity_of,
    read_config,
    record_results,
)

texts = st.text(max_size=12)
paths = st.binary(max_size=12).map(os.fsdecode)  # a path may hold any byte
values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(0, 1) | paths, st.lists, max_leaves=4)
results = st.builds(
    Result,
    files=st.dictionaries(texts, st.builds(FileRecord, size_bytes=st.integers(0, 2**50), sha256=texts), max_size=3),
    made_from=st.dictionaries(texts, texts, max_size=3),
    settings=st.dictionaries(texts, values, max_size=3),
    versions=st.dictionaries(texts, texts, max_size=3),
    made_of=texts,
    features=st.none() | st.builds(FeatureFacts, model_sha256=texts, dimension=st.integers(0, 9999), listing=texts),
    gallery=st.none() | st.builds(GalleryFacts, folder=texts, size_bytes=st.integers(0, 2**50)),
)
RECORD = Result(files={"similarity.csv": FileRecord(size_bytes=1, sha256="a")}, made_from={"features": "f"})


def record(work_dir: WorkDir, settings: dict[str, Any] | None = None, **results: Result) -> None:
    with generation(work_dir, "a run") as view:
        record_results(view, results, settings or {}, {"numpy": "2"})


@given(made=st.dictionaries(st.sampled_from(["features", "faiss_index", "gallery", "image_manifest"]), results))
def test_records_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, made: dict[str, Result]
) -> None:
    work_dir = WorkDir(str(tmp_path_factory.mktemp("config")))
    with generation(work_dir, "a run") as view:
        record_results(view, made, {}, {})
        assert read_config(view).results == made
    assert read_config(work_dir).results == made


def test_a_record_takes_the_place_of_the_former_one_and_the_others_stay(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    record(work_dir, {"threshold": 0.8}, similarity=RECORD, outliers=RECORD)
    changed = RECORD.model_copy(update={"made_of": "other"})
    record(work_dir, {"threshold": 0.9}, similarity=changed)
    assert read_config(work_dir).results == {"similarity": changed, "outliers": RECORD}
    assert read_config(work_dir).settings == {"threshold": 0.9}


def test_steps_that_record_at_the_same_time_lose_nothing_of_one_another(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    with generation(work_dir, "a run") as view:
        first, second = (work_dir.in_generation(view.generation) for _ in range(2))
        seen = read_config(first), read_config(second)  # both steps have read before either writes
        assert seen == (Config(), Config())
        record_results(first, {"bad_images": RECORD}, {}, {})
        record_results(second, {"faiss_index": RECORD}, {}, {})
    assert read_config(work_dir).results.keys() == {"bad_images", "faiss_index"}


def test_the_same_records_again_leave_config_json_as_it_is(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    record(work_dir, similarity=RECORD)
    before = (tmp_path / "config.json").stat()
    record(work_dir, similarity=RECORD)
    after = (tmp_path / "config.json").stat()
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


def test_credentials_are_not_written(tmp_path: Path) -> None:
    listed = Result(settings={"input_dir": "https://me:s3cr3t@example.com/a?sig=s3cr3t"})
    record(WorkDir(str(tmp_path)), {"input_dir": ["https://me:s3cr3t@example.com/"]}, image_manifest=listed)
    assert "s3cr3t" not in (tmp_path / "config.json").read_text()


def test_a_later_version_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"format": "dedup-assets work_dir", "format_version": 3, "new": {}}')
    with pytest.raises(WorkDirError, match=r"has format_version=3; this version .* reads up to 2: upgrade"):
        read_config(WorkDir(str(tmp_path)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"format": "dedup-assets work_dir", "format_version": 2, "results": {"a": {"files": 7}}}', "results.a.files"),
        ('{"format": "dedup-assets work_dir", "format_version": 2, "results": {"a": {"fils": {}}}}', "results.a.fils"),
        ('{"format": "dedup-assets work_dir"}', "format_version=None"),
        ("{", "is not JSON"),
        ("", "is not JSON"),
    ],
)
def test_damaged_records_are_an_error_that_says_where(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(WorkDirError, match=rf"config\.json'.*{said}"):
        read_config(WorkDir(str(tmp_path)))


@pytest.mark.parametrize("content", ["[]", "{}", "7", '{"architectures": ["Bert"], "settings": {"a": 1}}'])
def test_the_file_of_another_program_is_read_as_no_records(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    assert read_config(WorkDir(str(tmp_path))) == Config()


FORMER: dict[str, Any] = {
    "settings": {"input_dir": "in", "work_dir": "out", "run_mode": 0},
    "versions": {"numpy": "1"},
    "features": {"model_sha256": "m", "dimension": 576, "gathered": True, "written": {"features.dat": "12 34"}},
    "index": {"made_of": "x", "written": "1 2"},
    "gallery": {"made_of": "x", "folder": "files-1", "pages": {}, "bytes": 9},
    "results": {
        "features": {
            "files": {
                name: {"size_bytes": 8, "sha256": name}
                for name in ("features.dat", "features.dat.csv", "image_ledger.parquet")
            },
            "made_from": {"image_manifest": "i"},
            "settings": {"bounding_box": ""},
        },
        "similarity": {
            "files": {"similarity.csv": {"size_bytes": 1, "sha256": "s"}},
            "made_from": {},
            "settings": {},
        },
    },
}


def former_identity() -> str:
    import hashlib

    return hashlib.sha256(json.dumps(FORMER["results"]["features"]["files"], sort_keys=True).encode()).hexdigest()


def test_the_records_of_the_former_version_are_read_as_far_as_they_are_true(tmp_path: Path) -> None:
    FORMER["results"]["similarity"]["made_from"]["features"] = former_identity()
    (tmp_path / "config.json").write_text(json.dumps(FORMER))
    config = read_config(WorkDir(str(tmp_path)))
    assert config.is_former
    assert config.features == FeatureFacts(model_sha256="m", dimension=576, gathered=True)
    assert config.result("features").files["features.dat"] == FileRecord(size_bytes=8, sha256="features.dat")
    assert config.result("similarity").made_from == {"features": identity_of(config, "features")}
    assert all(result.made_of == "" for result in config.results.values())  # modification times are no reason to reuse
    record(WorkDir(str(tmp_path)), similarity=RECORD)
    assert not read_config(WorkDir(str(tmp_path))).is_former


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["settings", "features", "results", "files", "made_from", "format", "gallery", "index"])
                | st.text(max_size=5),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_is_an_internal_error(tmp_path_factory: pytest.TempPathFactory, found: object) -> None:
    folder = tmp_path_factory.mktemp("json")
    (folder / "config.json").write_text(json.dumps(found))
    read_config(WorkDir(str(folder)))
