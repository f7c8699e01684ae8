"""Images in the tables of data sets are found and read in place; damaged tables do no harm."""

import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup_assets
from dedup_assets.engine.core.errors import ImageError, InputError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.inputs.listing import list_images
from dedup_assets.engine.inputs.reading import read, read_source
from dedup_assets_tests.support.containers import outcomes, sources
from dedup_assets_tests.support.pictures import photo_like

HEADS = [b"\xff\xd8\xff content %d" % number for number in range(100)]
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, row_group_size=7)


def write_stream(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)


def write_file(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)


KINDS: dict[str, Callable[[pa.Table, Path], None]] = {
    "train.parquet": write_parquet,
    "data.arrow": write_stream,
    "data.feather": write_file,
}


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where a table is written to; its name decides the kind."""
    return tmp_path / str(request.param)


def write(path: Path, columns: dict[str, Any], features: dict[str, Any] | None = None) -> Path:
    """Write a table; `features` declares types as Hugging Face's datasets does."""
    table = pa.table(columns)
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    KINDS[path.name](table, path)
    return path


def images(contents: list[bytes | None], names: list[str | None]) -> pa.Array:
    pairs = zip(contents, names, strict=True)
    return pa.array([{"bytes": content, "path": name} for content, name in pairs], IMAGE)


def jpeg(seed: int) -> bytes:
    file = io.BytesIO()
    photo_like(seed).save(file, "JPEG")
    return file.getvalue()


def test_each_row_is_an_image_named_by_row_column_and_file(place: Path) -> None:
    names = [f"dir/{number}.jpg" for number in range(99)] + [None]
    path = write(place, {"label": list(range(100)), "image": images(HEADS, names)})
    expected = {f"{row:08d}/image/{row}.jpg": HEADS[row] for row in range(99)} | {"00000099/image": HEADS[99]}
    assert outcomes(path) == expected
    assert {source.container for source in sources(path).values()} == {os.fsencode(path)}
    assert outcomes(path.parent).keys() == {f"{path.name}/{name}" for name in expected}


def test_rows_are_read_in_any_order_and_by_name_alone(place: Path) -> None:
    found = list(sources(write(place, {"image": HEADS})).items())
    random.Random(3).shuffle(found)  # noqa: S311 - the same order each time
    for name, source in found:
        assert read_source(source) == HEADS[int(name[:8])]
    for name, _ in found[:20]:
        assert read(os.fsencode(place / name)) == HEADS[int(name[:8])]


def test_columns_of_bytes_and_lists_count_if_they_begin_as_images(place: Path) -> None:
    columns = {
        "words": [b"no", b"image"],
        "sound": images([b"RIFF....WAVE", b""], ["a.wav", "b.wav"]),
        "png": [b"\x89PNG\r\n\x1a\n1", b"\x89PNG\r\n\x1a\n2"],
        "views": pa.array([[HEADS[0], HEADS[1]], []], pa.list_(pa.binary())),
    }
    assert outcomes(write(place, columns)) == {
        "00000000/png": columns["png"][0],
        "00000001/png": columns["png"][1],
        "00000000/views/0": HEADS[0],
        "00000000/views/1": HEADS[1],
    }


def test_declared_types_decide_where_a_data_set_has_them(place: Path) -> None:
    declared = {
        "photo": {"_type": "Image"},
        "pages": {"_type": "List", "feature": {"_type": "Image"}},
        "older": [{"_type": "Image"}],
        "sound": {"_type": "Audio"},
    }
    odd, pages = (
        images([b"unknown head"], ["x.raw"]),
        pa.array([[{"bytes": HEADS[1], "path": "p.jpg"}]], pa.list_(IMAGE)),
    )
    columns = {"photo": odd, "pages": pages, "older": pages, "sound": images([HEADS[3]], ["cover.jpg"])}
    assert outcomes(write(place, columns, declared)) == {
        "00000000/photo/x.raw": b"unknown head",
        "00000000/pages/0/p.jpg": HEADS[1],
        "00000000/older/0/p.jpg": HEADS[1],
    }


def test_cells_without_bytes_are_said(place: Path) -> None:
    cells = pa.array([{"bytes": HEADS[0], "path": "a.jpg"}, None, {"bytes": None, "path": "/data/b.jpg"}], IMAGE)
    path = write(place, {"image": cells})
    assert outcomes(path) == {"00000000/image/a.jpg": HEADS[0], "00000002/image/b.jpg": ErrorCode.MISSING_FILE}
    assert list_images(str(path)).left_out == {"cells of tables without an image": 1}
    with pytest.raises(ImageError, match=r"names a file, '/data/b\.jpg', and does not hold its bytes"):
        read_source(sources(path)["00000002/image/b.jpg"])


def test_tables_without_images_are_counted_as_other_files(place: Path) -> None:
    path = write(place, {"label": [1, 2], "text": [b"a", b"b"]})
    (place.parent / "a.jpg").write_bytes(HEADS[0])
    assert list_images(str(place.parent)).left_out == {f"{place.suffix} without a column of images": 1}
    with pytest.raises(InputError, match=rf"holds no image.*left out: 1 \{place.suffix}"):
        list_images(str(path))


def test_a_table_inside_an_archive_is_counted_as_another_file(place: Path, tmp_path: Path) -> None:
    write(place, {"image": HEADS})
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(place, place.name)
        archive.writestr("a.jpg", HEADS[0])
    found = list_images(str(tmp_path / "all.zip"))
    assert (found.listed, found.left_out) == (1, {place.suffix: 1})


@pytest.mark.parametrize("name", ["../../etc/x.jpg", "C:\\photos\\x.jpg", "/abs/x.jpg"])
def test_names_of_files_stay_inside_the_table(name: str, place: Path) -> None:
    assert list(sources(write(place, {"image": images(HEADS[:1], [name])}))) == ["00000000/image/x.jpg"]


def test_damaged_tables_are_bad_and_what_is_whole_is_read(place: Path) -> None:
    content = write(place, {"image": images([head + bytes(500) for head in HEADS], [None] * 100)}).read_bytes()
    chosen = random.Random(5)  # noqa: S311 - the same damage each time
    for _ in range(30):
        damaged = bytearray(content)
        for _ in range(chosen.randrange(1, 20)):
            damaged[chosen.randrange(len(damaged))] = chosen.randrange(256)
        place.write_bytes(damaged[: chosen.randrange(1, len(damaged))] if chosen.random() < 0.3 else damaged)
        try:
            found = outcomes(place)
        except InputError:  # no column of images is left
            continue
        assert all(isinstance(each, bytes | ErrorCode) for each in found.values())


def test_a_truncated_table_is_a_bad_file(place: Path) -> None:
    place.write_bytes(write(place, {"image": HEADS}).read_bytes()[:-400] if place.suffix != ".arrow" else b"\xff" * 99)
    (found,) = sources(place).values()
    with pytest.raises(ImageError, match="cannot be opened"):
        read_source(found)


def test_tables_on_a_store_are_read_in_place(place: Path) -> None:
    content = write(place, {"image": images(HEADS, [None] * 100)}).read_bytes()
    store = fsspec.filesystem("memory")
    store.pipe(f"/tables/{place.name}", content)
    try:
        found = sources(f"memory://tables/{place.name}")
        assert [read_source(source) for _, source in sorted(found.items())] == HEADS
    finally:
        store.rm("/tables", recursive=True)


def test_a_run_finds_copies_between_the_rows_of_a_table(place: Path, tmp_path: Path) -> None:
    photos = [jpeg(seed) for seed in range(4)]
    write(place, {"image": images([*photos, photos[2]], [f"{number}.jpg" for number in range(5)])})
    assert dedup_assets.run(str(place), str(tmp_path / "out")) == 0
    groups = dedup_assets.load(str(tmp_path / "out")).groups()
    names = [name.removeprefix(f"{place}/") for name in groups["filename"]]
    assert sorted(names) == ["00000002/image/2.jpg", "00000004/image/4.jpg"]
