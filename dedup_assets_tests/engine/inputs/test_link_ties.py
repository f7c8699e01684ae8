"""Which name of an image ends with another name of it."""

import os
from pathlib import Path

import polars as pl

from dedup_assets.engine.core.set_records import Tie
from dedup_assets.engine.core.set_tables import MEMBERS_SCHEMA
from dedup_assets.engine.inputs.link_ties import ties_between
from dedup_assets.engine.inputs.listing import list_images


def ties(top: Path, one: str, other: str) -> tuple[Tie | None, Tie | None]:
    """What taking the first name away does to the second, and the second to the first."""
    names = [os.fsencode(top / name) for name in (one, other)]
    rows = [("any", name, names[0]) for name in names]
    found = ties_between(pl.DataFrame(rows, MEMBERS_SCHEMA, orient="row"), list_images(str(top)))
    return found.get((names[0], names[1])), found.get((names[1], names[0]))


def test_a_symlink_ends_with_each_name_on_its_way_and_a_hard_link_does_not(tmp_path: Path) -> None:
    for folder in ("train", "val", "test", "pool"):
        (tmp_path / folder).mkdir()
    (tmp_path / "pool" / "a.jpg").write_bytes(b"x")
    (tmp_path / "train" / "hard.jpg").hardlink_to(tmp_path / "pool" / "a.jpg")
    (tmp_path / "val" / "a.jpg").symlink_to("../pool/a.jpg")
    (tmp_path / "train" / "a.jpg").symlink_to(tmp_path / "pool" / "a.jpg")
    (tmp_path / "test" / "chained.jpg").symlink_to("../train/a.jpg")
    (tmp_path / "again").symlink_to("train")
    assert ties(tmp_path, "pool/a.jpg", "train/hard.jpg") == (None, None)
    assert ties(tmp_path, "pool/a.jpg", "val/a.jpg") == (Tie.LINKED, None)
    assert ties(tmp_path, "pool/a.jpg", "test/chained.jpg") == (Tie.LINKED, None)
    assert ties(tmp_path, "train/hard.jpg", "val/a.jpg") == (None, None)
    assert ties(tmp_path, "train/a.jpg", "val/a.jpg") == (None, None)
    assert ties(tmp_path, "train/a.jpg", "test/chained.jpg") == (Tie.LINKED, None)
    assert ties(tmp_path, "again/a.jpg", "test/chained.jpg") == (Tie.LINKED, None)
    assert ties(tmp_path, "train/hard.jpg", "again/hard.jpg") == (Tie.SHARED, Tie.SHARED)


def test_a_frame_ends_with_its_video_and_a_member_with_its_archive(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.zip"):
        (tmp_path / name).write_bytes(b"x")
        (tmp_path / f"link {name}").symlink_to(name)
    assert ties(tmp_path, "a.mp4#t=00:00:01.000", "link a.mp4#t=00:00:01.000") == (Tie.LINKED, None)
    assert ties(tmp_path, "a.zip/b.jpg", "link a.zip/b.jpg") == (Tie.SHARED, Tie.SHARED)
