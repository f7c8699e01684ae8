"""Inputs on an S3 server that other programs write to at the same time."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from dedup_assets.engine.core.records import Source
from dedup_assets.engine.inputs.listing import list_images
from dedup_assets.engine.inputs.reading import read_source
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets_tests.support.faulty_server import faulty_bucket


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """An empty bucket named `photos`; tests write to it through boto3, as another program does."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    s3fs.S3FileSystem.clear_instance_cache()  # a cached client would ask the server of another module
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        made = boto3.resource("s3").Bucket("photos")
        made.create()
        yield made
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_images_that_others_upload_are_listed_by_the_next_run(bucket: Any) -> None:
    put = bucket.put_object
    put(Key="p/a.jpg", Body=b"x")
    assert len(list_images("s3://photos/p")) == 1
    put(Key="p/b.jpg", Body=b"longer")
    put(Key="p/a.jpg", Body=b"changed")
    manifest = list_images("s3://photos/p")
    assert manifest.images.select("filename", "size_bytes").rows() == [
        (b"s3://photos/p/a.jpg", 7),
        (b"s3://photos/p/b.jpg", 6),
    ]


def test_files_that_other_workers_publish_are_seen_at_once(bucket: Any) -> None:
    ours = WorkDir("s3://photos/out")
    with ours.publish("shards/a.parquet", "shards/empty") as (file, _):
        file.write(b"first")
    assert ours.names("shards") == ["a.parquet", "empty"]
    bucket.put_object(Key="out/shards/b.parquet", Body=b"second")
    assert ours.names("shards") == ["a.parquet", "b.parquet", "empty"]
    assert ours.exists("shards/b.parquet")
    with ours.open_local("shards/b.parquet") as file:
        assert file.read() == b"second"
    bucket.Object("out/shards/a.parquet").delete()
    assert not ours.exists("shards/a.parquet")
    assert WorkDir("s3://photos/out").names("shards") == ["b.parquet", "empty"]


def test_a_file_that_others_replaced_is_read_in_its_new_length(bucket: Any) -> None:
    ours = WorkDir("s3://photos/replaced")
    bucket.put_object(Key="replaced/a", Body=b"short")
    assert ours.names("") == ["a"]
    bucket.put_object(Key="replaced/a", Body=b"much longer")
    with ours.open("a") as file:
        assert file.read() == b"much longer"
    assert ours.size("a") == 11


def test_an_error_while_publishing_leaves_no_object(bucket: Any) -> None:
    ours = WorkDir("s3://photos/failed")
    with pytest.raises(ZeroDivisionError), ours.publish("a", "b") as (a, _):  # noqa: PT012 - the block is the subject
        a.write(b"new")
        raise ZeroDivisionError
    assert [stored.key for stored in bucket.objects.filter(Prefix="failed/") if "/." not in stored.key] == []
    assert [stored.key for stored in bucket.objects.filter(Prefix="failed/.staged/")] == []


KEYS = [
    "col::on.jpg",
    "hash#1.jpg",
    "q?v=1.jpg",
    "pct%20lit.jpg",
    "br[0].jpg",
    "star*.jpg",
    "ü 写真.jpg",
]


def test_keys_of_any_characters_are_listed_and_read(bucket: Any) -> None:
    for key in KEYS:
        bucket.put_object(Key=f"odd/set::4/{key}", Body=key.encode())
    prefix = "s3://photos/odd/set::4"
    found = [Source(*row) for row in list_images(prefix).images.drop("index").iter_rows()]
    assert {source.name.decode(): read_source(source).decode() for source in found} == {
        f"{prefix}/{key}": key for key in KEYS
    }
    rows = [f"{prefix}/{key}" for key in KEYS]
    assert list_images([*rows, f"{prefix}/none::x.jpg"]).images["size_bytes"].to_list().count(-1) == 1
    assert len(list_images(rows[0])) == 1


def test_a_listed_image_and_a_small_file_of_the_work_dir_cost_few_requests() -> None:
    with faulty_bucket("photos") as (server, bucket):
        bucket.put_object(Key="in/a.jpg", Body=b"x" * 1000)
        listed = list_images("s3://photos/in").images.row(0, named=True)
        work_dir = WorkDir("s3://photos/out", "run")
        with work_dir.publish("config.json") as (file,):
            file.write(b"{}")
        server.asked.clear()
        assert read_source(Source(listed["filename"], listed["size_bytes"], listed["version"])) == b"x" * 1000
        assert work_dir.read_if_any("config.json") == b"{}"
        assert work_dir.size_if_any("config.json") == 2
        assert server.asked == {
            ("GET", "/photos/in/a.jpg"): 1,
            ("GET", "/photos"): 1,  # whether it is there still; a run keeps a copy of what it wrote
        }
