"""What a summary says to do about copies."""

from dataclasses import replace

import polars as pl

from dedup_assets.engine.core.match_records import Groups
from dedup_assets.engine.gallery.pages import ShownFile, Task, list_tasks, summary_page
from dedup_assets.engine.gallery.pages.grouping import NumberedGroups, number_groups
from dedup_assets.engine.gallery.pages.shown_files import tabulate
from dedup_assets_tests.engine.gallery.pages.test_summary import FACTS
from dedup_assets_tests.support.gallery_pages import illustrate, make_groups, read_words

COPIES = [
    (b"/1.jpg", 1.0, "exact", ""),
    (b"/2.jpg", 1.0, "pixels", ""),
    (b"/3.jpg", 0.9, "copy", "gray"),
    (b"/4.jpg", 0.8, "copy", "cropped to 90 %"),
    (b"/5.jpg", 1.0, "exact", ""),
    (b"/a.zip/6.jpg", 1.0, "exact", ""),
    (b"/a.zip/7.jpg", 0.8, "copy", "gray"),
    (b"/8.jpg", 1.0, "exact", ""),
]
ROLES = {b"/8.jpg": "review", b"/4.jpg": "review", b"/5.jpg": "protected", b"/a.zip/7.jpg": "review"}


def numbered() -> tuple[NumberedGroups, pl.Series]:
    found = make_groups((b"/0.jpg", COPIES))
    role = pl.col("filename").map_elements(ROLES.get, return_dtype=pl.String)
    found = Groups(found.rows.with_columns(role=pl.coalesce(role, "role")), found.related)
    names = found.rows["filename"].sort()
    return number_groups(found, names, pl.DataFrame({"filename": names, "size_bytes": 10})), names


def make(work_dir: str) -> list[Task]:
    groups, names = numbered()
    files = [ShownFile(name, size_bytes=10, container=b"/a.zip" if b".zip" in name else None) for name in names]
    pairs = pl.DataFrame({"relation": ["variant", "copy", "unverified", None]})
    return list_tasks(groups, pairs, tabulate(files), work_dir)


def test_tasks_are_ordered_by_certainty_with_counts_bytes_and_commands() -> None:
    assert [(task.files, task.noun, task.size_bytes, task.command) for task in make("my results")] == [
        (1, "file", 10, "dedup-assets plan 'my results'"),
        (1, "file", 10, "dedup-assets plan 'my results' --only exact,pixels"),
        (1, "file", 10, "dedup-assets plan 'my results' --only exact,pixels,copy,same"),
        (1, "file", 10, "dedup-assets review 'my results'"),
        (1, "file", 10, "dedup-assets plan 'my results'"),
        (2, "pair", 0, "dedup-assets review 'my results'"),
        (1, "file", 10, ""),
        (2, "image", 20, ""),
    ]


def test_a_command_holds_no_credentials_of_a_store() -> None:
    assert "secret" not in "".join(task.command for task in make("s3://user:secret@bucket/results"))


def test_the_summary_shows_each_task_with_its_command() -> None:
    words = read_words(summary_page(replace(FACTS, tasks=make("results"), groups=numbered()), illustrate))
    assert "What to do, the most certain first 1 file 10 bytes Identical: the same bytes" in words
    assert "dedup-assets plan results --only exact,pixels " in words
    assert "2 of the copies are to review (1 file, and 1 inside archives and videos), because" in words
    assert "1 file 10 bytes Copies to review" in words
    assert "1 file with the bytes of another one stays, for what lies beside it, or for a label or set." in words
    assert "1 file 10 bytes Exact copies that stay" in words
    assert "2 images 20 bytes Copies inside archives and videos" in words
    assert "1 image of them may have what the kept one lacks." in words
    assert "What to do" not in read_words(summary_page(FACTS, illustrate))
