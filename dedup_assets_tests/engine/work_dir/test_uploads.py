"""Unfinished multipart uploads that killed runs left on a store are aborted."""

import math

import fsspec
import pytest

from dedup_assets.engine.work_dir import WorkDir, uploads
from dedup_assets.engine.work_dir.generations import generation


def begin(bucket: str, *keys: str) -> None:
    """Begin uploads and leave them unfinished."""
    store = fsspec.filesystem("s3")
    for key in keys:
        store.call_s3("create_multipart_upload", Bucket=bucket, Key=key)


def unfinished(bucket: str) -> set[str]:
    listed = fsspec.filesystem("s3").call_s3("list_multipart_uploads", Bucket=bucket)
    return {upload["Key"] for upload in listed.get("Uploads", [])}


def test_abandoned_uploads_of_ours_are_aborted_and_all_others_stay(
    s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_bucket.removeprefix("s3://")
    ours = {"parts/out/shards/0.parquet", "parts/out/.staged/1/features.dat", "parts/out/features.dat"}
    theirs = {"parts/out/film.mp4", "parts/features.dat", "parts/output/shards/0.parquet", "parts/shards/0.parquet"}
    begin(bucket, *ours, *theirs)
    work_dir = WorkDir(f"{s3_bucket}/parts/out")
    with monkeypatch.context() as patch:
        patch.setattr(uploads, "ABANDONED_SECONDS", math.inf)
        with generation(work_dir, "a run"):
            pass
    assert unfinished(bucket) >= ours | theirs  # a worker may still be uploading them
    with generation(work_dir, "the next run"):  # the test server dates all uploads years back
        pass
    assert unfinished(bucket) & (ours | theirs) == theirs


def test_a_store_without_uploads_in_parts_is_left_alone(store: str) -> None:
    assert uploads.abort_abandoned_uploads(WorkDir(f"{store}/out")) == 0
