"""Which stored ranges are deleted and which are kept."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.own_files import FORMAT
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.used_sets import KEPT_INPUTS, UNNAMED_SECONDS, UsedSets


def shard(number: int) -> str:
    return f"{number:012d}-{number + 1:012d}.0123456789ab.0123456789abcdef.parquet"


def put(folder: Path, *names: str, age_seconds: float = 0.0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age_seconds,) * 2)


def there(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".used.json"}


@given(runs=st.lists(st.tuples(st.sampled_from("abcdefg"), st.sets(st.integers(0, 5))), max_size=12))
def test_what_one_of_the_last_four_sets_uses_is_never_deleted(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[str, set[int]]]
) -> None:
    top = tmp_path_factory.mktemp("sets")
    used: dict[str, set[str]] = {}
    for key, numbers in runs:
        names = {shard(number) for number in numbers}
        put(top / "shards", *names)
        UsedSets(WorkDir(str(top)), "shards").note(key, sorted(names))
        used.pop(key, None)
        used[key] = names
        last = list(used.values())[-KEPT_INPUTS:]
        assert there(top / "shards") == set().union(*last)


def test_what_no_run_has_noted_is_deleted_after_a_week_and_files_of_others_never(tmp_path: Path) -> None:
    folder, old = tmp_path / "shards", UNNAMED_SECONDS + 60
    put(folder, shard(1), age_seconds=old)
    put(folder, shard(2), age_seconds=old / 2)
    put(folder, "mine.parquet", "README.txt", age_seconds=old)
    assert UsedSets(WorkDir(str(tmp_path)), "shards").note("a", []) == 1
    assert there(folder) == {shard(2), "mine.parquet", "README.txt"}


@pytest.mark.parametrize("noted", ["", "{", "[]", "7", "[" * 10_000, '{"format": "dedup-assets used ranges"}', "null"])
def test_a_damaged_note_deletes_nothing_that_is_new(tmp_path: Path, noted: str) -> None:
    put(tmp_path / "shards", shard(1), shard(2))
    (tmp_path / "shards" / ".used.json").write_text(noted)
    (tmp_path / "config.json").write_text(json.dumps({"format": FORMAT}))
    assert UsedSets(WorkDir(str(tmp_path)), "shards").note("a", [shard(1)]) == 0
    assert there(tmp_path / "shards") - {".used.json.set-aside"} == {shard(1), shard(2)}


def test_nothing_is_deleted_through_a_link(tmp_path: Path) -> None:
    elsewhere, work = tmp_path / "elsewhere", tmp_path / "work"
    put(elsewhere, shard(1), age_seconds=UNNAMED_SECONDS + 60)
    work.mkdir()
    (work / "shards").symlink_to(elsewhere)
    with pytest.raises(WorkDirError, match="is a link"):
        UsedSets(WorkDir(str(work)), "shards").note("a", [])
    assert there(elsewhere) == {shard(1)}
