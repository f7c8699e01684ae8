"""What evidence says of 28 edits of photographs: how many it finds, and how many it names rightly.

    python -m benchmarks.kinds SOURCE_PHOTOS --photos 150

Each edit is a collection of its own, the photographs and one copy of each, and a whole run of the package over it.
"""

import argparse
import random
import re
import statistics
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageOps

import dedup_assets
from benchmarks.copies import ORIGINAL, Photo, group_of, kind_of
from benchmarks.wider_edits import WIDER_EDITS, WiderEdit

_COPY = "copy"
_ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
_WORD = re.compile(r"(?P<word>.*?)(?: (?:to|by))?(?: ?(?P<number>\d+)(?: ?[%°])?)?")
_DEGREES, _PERCENT, _SHARE = 1.0, 1.0, 0.06  # how far a number may be off: turned; cropped, or this share of it


@dataclass
class Score:
    """What was said of the copies by one edit.

    Attributes:
        made: number of copies.
        found: proven to be copies of their photograph.
        kind: of these, all that was done is said.
        parameter: and the numbers are right.
        extra: of the found ones, something is said that was not done.
        wrong_side: of the found ones, the photograph is called the edited one.
        false: copies that are proven to be of another photograph.
        said: how often each text was said.
    """

    made: int = 0
    found: int = 0
    kind: int = 0
    parameter: int = 0
    extra: int = 0
    wrong_side: int = 0
    false: int = 0
    said: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, edit: WiderEdit, edited: str) -> None:
        """Count one proven copy: what was said, and which one is edited ("photo", "copy", or other)."""
        words = read_words(kind)
        named = edit.said.keys() <= words.keys()
        self.found += 1
        self.kind += named
        self.parameter += named and all(_is_near(word, words[word], number) for word, number in edit.said.items())
        self.extra += bool(words.keys() - edit.said.keys() - edit.may)
        self.wrong_side += edited == "photo"
        self.said[", ".join(words)] += 1


def read_words(kind: str) -> dict[str, float | None]:
    """The words of `kind`, each with its number, if it has one."""
    matches = (_WORD.fullmatch(part) for part in kind.split(", "))
    found = {match["word"]: match["number"] for match in matches if match}
    return {word: float(number) if number else None for word, number in found.items()}


def _is_near(word: str, number: float | None, wanted: float | None) -> bool:
    if wanted is None:
        return True
    off = _DEGREES if word == "rotated" else max(_PERCENT, _SHARE * wanted)
    return number is not None and abs(number - wanted) <= off


def read_photos(source: Path, count: int) -> list[Photo]:
    """Twice as many photographs as are edited: each has another one that may stand beside it in a collage."""
    paths = sorted(path for path in source.rglob("*") if path.suffix.lower() in _ENDINGS and path.is_file())
    photos = []
    for path in paths[: 2 * count]:
        with Image.open(path) as opened:
            photos.append(ImageOps.exif_transpose(opened).convert("RGB"))
    return photos


def edited(edit: WiderEdit, photos: list[Photo], group: int) -> Photo:
    """The copy of the photograph at a position."""
    other = photos[(group + len(photos) // 2) % len(photos)].resize(photos[group].size)
    return edit.make(photos[group], other, random.Random(group)).convert("RGB")  # noqa: S311 - repeatable, not secret


def score(edit: WiderEdit, photos: list[Photo], folder: Path) -> Score:
    """Write the photographs and their copies, run the package over them, and read its evidence."""
    images = folder / "images"
    images.mkdir()
    found = Score(made=len(photos) // 2)
    for group in range(found.made):
        photos[group].save(images / f"{group:05d}_{ORIGINAL}.jpg", quality=95)
        edited(edit, photos, group).save(images / f"{group:05d}_{_COPY}.jpg", quality=edit.quality)
    dedup_assets.analyze(images, folder / "results")
    rows = dedup_assets.load(folder / "results").evidence()
    for row in rows.iter_rows(named=True):
        if row["relation"] not in ("exact", "pixels", "copy"):
            continue
        if group_of(row["a"]) != group_of(row["b"]):
            found.false += 1
        else:
            sides = {"a": row["a"], "b": row["b"], "": "", "both": ""}
            is_photo = kind_of(sides[row["edited"]]) == ORIGINAL
            found.add(row["kind"], edit, "photo" if is_photo else _COPY)
    return found


def table(scores: dict[str, Score]) -> str:
    """A table in Markdown, and the means of its shares."""
    lines = [
        "| edit | found | kind | and number | extra | wrong side | said most often |",
        "|---|" + "---:|" * 5 + "---|",
    ]
    for name, one in scores.items():
        most = one.said.most_common(1)[0][0] if one.said else ""
        shares = (one.found / one.made, *(count / max(1, one.found) for count in (one.kind, one.parameter, one.extra)))
        cells = " | ".join(f"{share:.2f}" for share in shares)
        lines.append(f"| {name} | {cells} | {one.wrong_side} | {most} |")
    named = [one for one in scores.values() if one.found]
    means = [statistics.mean(getattr(one, what) / one.found for one in named) for what in ("kind", "parameter")]
    found = statistics.mean(one.found / one.made for one in scores.values())
    lines.append(f"| mean | {found:.3f} | {means[0]:.3f} | {means[1]:.3f} | | | |")
    return "\n".join([*lines, "", f"Proven copies of another photograph: {sum(one.false for one in scores.values())}."])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="a folder of photographs, each of another subject")
    parser.add_argument("--photos", type=int, default=150, help="how many are edited; as many more stand beside them")
    parser.add_argument("--edits", default="", help="only the edits whose names hold this text")
    given = parser.parse_args()
    photos = read_photos(given.source, given.photos)
    scores = {}
    for name, edit in WIDER_EDITS.items():
        if given.edits in name:
            with tempfile.TemporaryDirectory() as folder:
                scores[name] = score(edit, photos, Path(folder))
    print(table(scores))


if __name__ == "__main__":
    main()
