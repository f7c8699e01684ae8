"""Where the result of each content is stored: by content and by size, through merges."""

import hashlib

import numpy as np
import polars as pl
import pytest

from dedup_assets.engine.work_dir.content_index import ContentIndex


@pytest.mark.parametrize("least_pending", [0, 30, 1000])
def test_each_content_is_found_where_it_was_added_first(monkeypatch: pytest.MonkeyPatch, least_pending: int) -> None:
    monkeypatch.setattr("dedup_assets.engine.work_dir.content_index._LEAST_PENDING", least_pending)
    contents = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(120)]
    index = ContentIndex()
    for start in (*range(0, 120, 10), 0, 50):  # the last two again
        rows = {"place": range(10), "size_bytes": np.arange(start, start + 10) * 3, "content": contents[start:][:10]}
        index.add(f"shard {start}", pl.DataFrame(rows))
    index.add("empty", pl.DataFrame(schema={"place": pl.UInt32, "size_bytes": pl.Int64, "content": pl.String}))
    found = [index.find(content) for content in contents]
    assert found == [(f"shard {number // 10 * 10}", number % 10) for number in range(120)]
    assert index.find("another") is None
    sizes = np.arange(-3, 400)
    assert sizes[index.shares_size(sizes)].tolist() == [3 * number for number in range(120)]
