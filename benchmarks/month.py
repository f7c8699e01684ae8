"""A month of a living collection: daily changes, crashes, a restored backup, verdicts; then compared with one full run.

    python -m benchmarks.month SOURCE_PHOTOS WORK --images 20000

The collection starts with `--images` files in albums: photographs of SOURCE_PHOTOS (hard links) and edited copies. Each
day some are added, and others are removed, edited in place and renamed. `_PLAN` says on which days albums are renamed,
removed photographs come back, people decide, and a run is killed. After each day the command line runs on the same
work_dir. Then a new work_dir is made in one run, and each result is compared. What happens depends on SOURCE_PHOTOS and
`--images` alone: the ages of files that are made here are counted, and a run is killed before a change to names of
files that is given by number.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from PIL import Image

import dedup_assets
from benchmarks.measure import Measurement, measure

_DAYS = 30
_ALBUM = 100  # photographs
_SHARES = {"added": 0.007, "copied": 0.003, "removed": 0.003, "edited": 0.001, "renamed": 0.001}
_PLAN = {"rename an album": (8, 17), "restore": (22,), "decide": (6,), "kill": (5, 13, 26)}
_FIRST_SECOND = 1_700_000_000  # since 1970: when the first copy was made; each later one a second later
_KILLED_RUN = Path(__file__).parent / "peers" / "killed_run.py"
_KILLED_BEFORE = (20, 340)  # changes to names of files, of some 350 that a run makes where a few images changed
_TIMEOUT_SECONDS = 3600.0
_SAID = ("images computed", "since the last run", "pairs compared by earlier runs")
_SAME_BYTES = ("features.dat", "features.dat.csv", "similarity.csv", "outliers.csv", "connected_components.csv",
               "components_info.csv", "features.bad.csv")  # fmt: skip


@dataclass
class Collection:
    """The folder of photographs, and what has happened to it.

    Attributes:
        root: the folder.
        backup: where removed files are.
        pool: source photographs that were not added yet; the next one is last.
        rng: decides what happens.
        there: paths in the collection.
        removed: removed files with their former places, in order.
    """

    root: Path
    backup: Path
    pool: list[Path]
    rng: random.Random
    there: list[Path] = field(default_factory=list)
    removed: list[tuple[Path, Path]] = field(default_factory=list)
    made: int = 0
    dated: int = 0

    def add(self, count: int) -> None:
        """Add photographs of the source to the last album."""
        for _ in range(min(count, len(self.pool))):
            source = self.pool.pop()
            target = self._new_place(source.suffix)
            os.link(source, target)
            self.there.append(target)

    def copy(self, count: int) -> None:
        """Add edited copies: smaller, or of a lower quality."""
        for source in self.rng.sample(self.there, min(count, len(self.there))):
            target = self._new_place(".jpg")
            with Image.open(source) as opened:
                picture = opened.convert("RGB")
            if self.rng.random() < 0.5:
                picture.thumbnail((picture.width * 2 // 3, picture.height * 2 // 3))
            picture.save(target, quality=self.rng.choice([60, 75, 85]))
            self._date(target)
            self.there.append(target)

    def remove(self, count: int) -> None:
        """Move photographs to the backup."""
        for path in self._take(count):
            saved = self.backup / f"{len(self.removed)}{path.suffix}"
            path.rename(saved)
            self.removed.append((saved, path))

    def edit(self, count: int) -> None:
        """Crop photographs in their places."""
        for path in self.rng.sample(self.there, min(count, len(self.there))):
            with Image.open(path) as opened:
                picture = opened.convert("RGB")
            picture = picture.crop((0, 0, max(picture.width * 9 // 10, 1), max(picture.height * 9 // 10, 1)))
            changed = path.with_name(f".{path.name}.new")
            picture.save(changed, format="JPEG", quality=90)
            self._date(changed)
            changed.replace(path)  # the source, a hard link, stays

    def rename(self, count: int) -> None:
        """Give photographs new names in other albums."""
        for path in self._take(count):
            target = self._new_place(path.suffix)
            path.rename(target)
            self.there.append(target)

    def rename_album(self) -> None:
        """Rename the folder of an album."""
        album = self.rng.choice(sorted({path.parent for path in self.there}))
        target = album.with_name(f"{album.name} (renamed)")
        album.rename(target)
        self.there = [target / path.name if path.parent == album else path for path in self.there]

    def restore(self) -> None:
        """Put the first half of what was removed back to its former places."""
        for saved, place in self.removed[: len(self.removed) // 2]:
            if saved.exists() and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                saved.rename(place)
                self.there.append(place)

    def _date(self, path: Path) -> None:
        """Give a file that was made here an age that does not depend on when it is made."""
        self.dated += 1
        os.utime(path, (_FIRST_SECOND + self.dated,) * 2)

    def _take(self, count: int) -> list[Path]:
        taken = self.rng.sample(self.there, min(count, len(self.there)))
        gone = set(taken)
        self.there = [path for path in self.there if path not in gone]
        return taken

    def _new_place(self, suffix: str) -> Path:
        album = self.root / f"album-{self.made // _ALBUM:04d}"
        album.mkdir(parents=True, exist_ok=True)
        self.made += 1
        return album / f"{self.made:07d}{suffix.lower()}"


@dataclass(frozen=True)
class Decision:
    """Two verdicts of people, by content: two images that are not one picture, and an image to keep."""

    apart: tuple[str, str]
    keep: str


def live(collection: Collection, day: int) -> list[str]:
    """Let a day pass; returns the special things that happen on it."""
    size = len(collection.there)
    for name, share in _SHARES.items():
        act = {"added": "add", "copied": "copy", "removed": "remove", "edited": "edit", "renamed": "rename"}[name]
        getattr(collection, act)(round(share * size))
    happened = [name for name, days in _PLAN.items() if day in days]
    if "rename an album" in happened:
        collection.rename_album()
    if "restore" in happened:
        collection.restore()
    return happened


def run(photos: Path, work_dir: Path, log: Path, *more: str) -> Measurement:
    """One run of the command line; ends this program if it fails."""
    command = [sys.executable, "-m", "dedup_assets", "run", str(photos), str(work_dir), *more]
    took = measure(command, env=dict(os.environ), cwd=log.parent, log=log, timeout_seconds=_TIMEOUT_SECONDS)
    if took.exit_code:
        sys.exit(f"the run failed; see {log}")
    return took


def kill_a_run(photos: Path, work_dir: Path, log: Path, change: int) -> bool:
    """Start a run, and kill it with its processes before one of its changes to names of files; whether that came.

    Args:
        photos: the collection.
        work_dir: of the run.
        log: gets its output.
        change: the number of the change, from 1.
    """
    command = [sys.executable, str(_KILLED_RUN), str(change), "run", str(photos), str(work_dir)]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # files of bytecode would be changes, too
    with log.open("wb") as output:
        done = subprocess.run(command, stdout=output, stderr=output, env=env, start_new_session=True, check=False)
    return done.returncode == -signal.SIGKILL


def decide(work_dir: Path) -> Decision:
    """Say of the first copy that it is another picture, and of a copy of another group that it is to be kept."""
    contents = contents_of(work_dir)
    copies = dedup_assets.load(work_dir).groups().filter(role="copy").unique("group_id", maintain_order=True)
    apart, kept = copies.row(0, named=True), copies.row(1, named=True)
    for arguments in ([apart["filename"], apart["keep"], "different"], [kept["filename"], "keep"]):
        command = [sys.executable, "-m", "dedup_assets", "verdict", *arguments, "--work-dir", str(work_dir)]
        subprocess.run(command, check=True, capture_output=True)
    return Decision((contents[apart["filename"]], contents[apart["keep"]]), contents[kept["filename"]])


def broken(decision: Decision, work_dir: Path) -> list[str]:
    """Which of the verdicts the groups do not honour."""
    contents = contents_of(work_dir)
    groups = dedup_assets.load(work_dir).groups()
    groups = groups.with_columns(content=pl.col("filename").replace_strict(contents, default=None))
    found = []
    together = groups.filter(pl.col("content").is_in(decision.apart)).unique(["group_id", "content"])
    if together.height > together["group_id"].n_unique():
        found.append("two images that are not one picture are in one group")
    if groups.filter((pl.col("content") == decision.keep) & (pl.col("role") == "copy")).height:
        kept = set(groups.filter(pl.col("role") == "keep")["content"])
        found += [] if decision.keep in kept else ["an image that is to be kept is a copy"]
    return found


def contents_of(work_dir: Path) -> dict[str, str]:
    """SHA-256 of each image, by name."""
    ledger = pl.read_parquet(work_dir / "image_ledger.parquet", columns=["filename", "content"])
    return dict(ledger.drop_nulls().cast({"filename": pl.String}).iter_rows())


def ids_of(work_dir: Path) -> dict[str, set[str]]:
    """Contents of each group, by its id."""
    contents, found = contents_of(work_dir), dict[str, set[str]]()
    for group, name in dedup_assets.load(work_dir).groups().select("group_id", "filename").iter_rows():
        found.setdefault(group, set()).add(contents[name])
    return found


def lost_ids(before: dict[str, set[str]], now: dict[str, set[str]]) -> int:
    """Groups of which more than half of the images are together in a group of another id."""
    group_of = {content: group for group, contents in now.items() for content in contents}
    lost = 0
    for group, contents in before.items():
        after = [group_of[each] for each in contents if each in group_of]
        most = max(set(after), key=after.count, default=group)
        lost += most != group and after.count(most) * 2 > len(contents)
    return lost


def compare(grown: Path, made: Path) -> Iterator[tuple[str, bool]]:
    """Each result, and whether it is the same in both work_dirs."""
    for name in _SAME_BYTES:
        yield name, (grown / name).read_bytes() == (made / name).read_bytes()
    columns = ["filename", "role", "keep", "relation", "kind"]
    groups = [dedup_assets.load(each).groups().select(columns).sort("filename") for each in (grown, made)]
    yield "groups (without ids)", groups[0].equals(groups[1])
    evidence = [dedup_assets.load(each).evidence().sort("a", "b") for each in (grown, made)]
    yield "evidence", evidence[0].equals(evidence[1])


def said(log: Path) -> list[str]:
    """What the summary of a run says about changes."""
    lines = log.read_text(errors="replace").splitlines()
    return [" ".join(line.split()) for line in lines if line.startswith(_SAID)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Let a month pass and print a table of its days, then what one full run finds beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=_DAYS)
    given = parser.parse_args(arguments)
    work = given.work / "month"
    shutil.rmtree(work, ignore_errors=True)
    root, work_dir = work / "photos", work / "results"
    (work / "backup").mkdir(parents=True)
    pool = sorted(path for path in given.source.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    rng = random.Random(30)  # noqa: S311 - the same month for everybody
    rng.shuffle(pool)
    collection = Collection(root, work / "backup", pool, rng)
    collection.add(round(given.images * 0.9))
    collection.copy(given.images - len(collection.there))
    took, decision, before = run(root, work_dir, work / "day-00.log"), None, ids_of(work_dir)
    print("| day | images | what happened | wall s | CPU s | peak MB | ids lost | the summary says |")
    print("|---|---|---|---|---|---|---|---|")
    print(_row(0, len(collection.there), ["first run"], took, 0, []))
    for day in range(1, given.days + 1):
        happened, log = live(collection, day), work / f"day-{day:02d}.log"
        if "decide" in happened:
            decision = decide(work_dir)
        killed = work / f"killed-{day:02d}.log"
        if "kill" in happened and not kill_a_run(root, work_dir, killed, rng.randint(*_KILLED_BEFORE)):
            happened.append("it was done before")
        took = run(root, work_dir, log)
        now = ids_of(work_dir)
        problems = broken(decision, work_dir) if decision else []
        print(
            _row(day, len(collection.there), [*happened, *problems], took, lost_ids(before, now), said(log)), flush=True
        )
        before = now
    verdicts = ["--verdicts", str(work_dir / "verdicts.csv")]
    took = run(root, work / "full", work / "full.log", *verdicts, "--group-ids-from", str(work_dir))
    print(_row(given.days, len(collection.there), ["one full run"], took, lost_ids(before, ids_of(work / "full")), []))
    for name, is_same in compare(work_dir, work / "full"):
        print(f"{name}: {'the same' if is_same else 'DIFFERENT'}")


def _row(day: int, images: int, happened: list[str], took: Measurement, lost: int, summary: list[str]) -> str:
    figures = f"{took.wall_seconds:.1f} | {took.cpu_seconds:.1f} | {took.peak_bytes / 1e6:.0f}"
    return f"| {day} | {images:,} | {', '.join(happened)} | {figures} | {lost} | {'; '.join(summary)} |"


if __name__ == "__main__":
    main()
