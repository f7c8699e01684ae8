"""Whether what belongs to an image lies beside the kept one, too."""

import os
from pathlib import Path

import pytest

from dedup_assets.engine.inputs.belongings import Belongings


@pytest.mark.parametrize(
    ("leaf", "own", "kept", "is_kept"),
    [
        ("1.xmp", "a", "a", True),
        ("1.xmp", "a", "b", False),
        ("descript.ion", "1.jpg Anna\x04\xc2", "2.jpg x\n1.jpg Anna", True),
        ("descript.ion", "1.jpg Anna", "2.jpg Anna", False),
        (".picasa.ini", "[2.jpg]\nstar=yes", "", True),
        (".picasa.ini", "[1.jpg]\nstar=yes", "[1.jpg]\ncaption=x", False),
        ("._1.jpg", "kMDItemFinderComment", "", False),
        ("._1.jpg", "attributes", "", True),
        ("@eaDir/1.jpg@SynoResource", "x", "", True),
    ],
)
def test_notes_of_an_image_are_kept_only_where_the_kept_one_has_them(
    tmp_path: Path, leaf: str, own: str, kept: str, is_kept: bool
) -> None:
    for folder, content in (("a", own), ("b", kept)):
        path = tmp_path / folder / leaf
        path.parent.mkdir(parents=True)
        path.write_text(content)
        (tmp_path / folder / "1.jpg").touch()
    name, keep = (os.fsencode(tmp_path / folder / "1.jpg") for folder in "ab")
    assert Belongings().are_kept(name, keep) is is_kept


def test_names_in_the_letters_of_an_old_system_are_found(tmp_path: Path) -> None:
    (tmp_path / "Köln.jpg").touch()
    (tmp_path / "b.jpg").touch()
    (tmp_path / ".picasa.ini").write_bytes(b"[K\xf6ln.jpg]\nkeywords=Dom\n")
    assert not Belongings().are_kept(os.fsencode(tmp_path / "Köln.jpg"), os.fsencode(tmp_path / "b.jpg"))
