"""What changed since an earlier run is counted by content: names that changed hands are told from new pictures."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedup_assets.engine.core.records import ImageLedger
from dedup_assets.engine.results.changes import ImageChanges, find_changes

NAMES = st.sampled_from([b"a", b"b", b"\xff c", b"d", b"e", b"f"])
COLLECTIONS = st.dictionaries(NAMES, st.sampled_from(["one", "two", "three", None]))


def ledger(files: dict[bytes, str | None], version: str = "1") -> ImageLedger:
    """A ledger of files with these contents; None where the content is unknown."""
    schema = {"filename": pl.Binary, "content": pl.String, "size_bytes": pl.Int64, "version": pl.String}
    rows = [(name, content, 10, version) for name, content in files.items()]
    return ImageLedger(pl.DataFrame(rows, schema=schema, orient="row"))


def test_each_kind_of_change_is_counted_once() -> None:
    before = {b"same": "1", b"edited": "2", b"old name": "3", b"deleted": "4", b"copied": "5"}
    after = {b"same": "1", b"edited": "9", b"new name": "3", b"copied": "5", b"a copy": "5", b"new": "7"}
    changes = find_changes(ledger(before), ledger(after))
    assert changes == ImageChanges(added=2, changed=1, moved=1, removed=1, unchanged=2)
    assert str(changes) == "2 added, 1 changed, 1 moved, 1 removed, 2 unchanged"


def test_of_two_copies_that_moved_to_one_name_one_is_removed() -> None:
    changes = find_changes(ledger({b"a": "1", b"b": "1"}), ledger({b"c": "1"}))
    assert changes == ImageChanges(added=0, changed=0, moved=1, removed=1, unchanged=0)


def test_an_image_of_unknown_content_is_unchanged_where_size_and_version_are() -> None:
    unknown: dict[bytes, str | None] = {b"a": None}
    assert find_changes(ledger(unknown), ledger(unknown)).unchanged == 1
    assert find_changes(ledger(unknown), ledger(unknown, version="2")).changed == 1
    assert find_changes(ledger({b"a": None}), ledger({b"b": None})).moved == 0


@given(COLLECTIONS, COLLECTIONS)
def test_counts_add_up_and_turn_round_with_the_runs(
    before: dict[bytes, str | None], after: dict[bytes, str | None]
) -> None:
    there = find_changes(ledger(before), ledger(after))
    assert there.added + there.changed + there.moved + there.unchanged == len(after)
    assert there.removed + there.changed + there.moved + there.unchanged == len(before)
    assert min(there.added, there.changed, there.moved, there.removed, there.unchanged) >= 0
    back = find_changes(ledger(after), ledger(before))
    turned = ImageChanges(there.removed, there.changed, there.moved, there.added, there.unchanged)
    assert back == turned
