"""Random histories of a collection: what people decided, ids and counts hold after each run, whatever came before it.

Files come, go, return, are renamed, edited, and given notes; people decide and revoke; runs are killed. What must hold
is computed here from the files alone.
"""

import hashlib
import os
import random
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

import dedup_assets
from dedup_assets.api import VerdictBook
from dedup_assets.engine.core.verdict_records import GivenVerdict
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.file_names import LEDGER
from dedup_assets.engine.work_dir.holding import published_generation
from dedup_assets.engine.work_dir.journal import JOURNAL
from dedup_assets.engine.work_dir.unreported import unreported_name
from dedup_assets_tests.support.killing import Outcome, Runner
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import note_in, photo_like

# Number of histories; for more: DEDUP_HISTORIES=100 ./dev test -k histories
HISTORIES = int(os.environ.get("DEDUP_HISTORIES", "1"))
FIRST = int(os.environ.get("DEDUP_FIRST_HISTORY", "0"))
STEPS = 5
SAME_BYTES = ("features.dat", "features.dat.csv", "similarity.csv", "outliers.csv", "related.csv")
PICTURES = 8


@dataclass(frozen=True)
class File:
    """What a file holds: the hash of its bytes, and that of its pixels."""

    content: str
    pixels: str

    @classmethod
    def read(cls, path: Path) -> "File":
        with Image.open(path) as opened:
            pixels = f"{opened.size} {hashlib.sha256(opened.convert('RGB').tobytes()).hexdigest()}"
        return cls(hashlib.sha256(path.read_bytes()).hexdigest(), pixels)


@dataclass
class Collection:
    """A folder of photographs that changes at random, and the verdicts on them."""

    root: Path
    chance: random.Random
    aside: list[Path] = field(default_factory=list)
    made: int = 0

    def files(self) -> dict[str, File]:
        return {str(path): File.read(path) for path in self._paths()}

    def live(self) -> str:
        """Let something happen; says what."""
        acts = {
            **{self.add: 4, self.copy: 4, self.note: 3, self.rename: 2, self.rename_and_note: 3, self.edit: 1},
            **{self.remove: 2, self.restore: 2, self.rename_folder: 1, self.twin: 1},
        }
        (act,) = self.chance.choices(list(acts), list(acts.values()))
        act()
        return act.__name__

    def add(self) -> None:
        photo_like(self.chance.randrange(PICTURES), 96, 72).save(self._new("png"))

    def copy(self) -> None:
        picture, width = photo_like(self.chance.randrange(PICTURES), 96, 72), self.chance.choice([96, 96, 80])
        picture.resize((width, width * 3 // 4)).save(self._new("jpg"), quality=self.chance.choice([80, 88, 95]))

    def twin(self) -> None:
        for path in self._some("*"):
            shutil.copy(path, self._new(path.suffix[1:]))

    def note(self) -> None:
        for path in self._some("*.jpg"):
            self._note(path)

    def rename(self) -> None:
        for path in self._some("*"):
            path.rename(self._new(path.suffix[1:]))

    def rename_and_note(self) -> None:
        for path in self._some("*.jpg"):
            self._note(path)
            path.rename(self._new("jpg"))

    def edit(self) -> None:
        for path in self._some("*"):
            with Image.open(path) as opened:
                edited = opened.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            path.unlink()
            edited.save(path)

    def remove(self) -> None:
        for path in self._some("*"):
            self.aside.append(path.rename(self.root.parent / f"aside-{self.made}{path.suffix}"))
            self.made += 1

    def restore(self) -> None:
        if self.aside:
            path = self.aside.pop(self.chance.randrange(len(self.aside)))
            path.rename(self._new(path.suffix[1:]))

    def rename_folder(self) -> None:
        folder = self.chance.choice(sorted(path for path in self.root.iterdir()))
        self.made += 1
        folder.rename(self.root / f"folder-{self.made}")

    def _note(self, path: Path) -> None:
        self.made += 1
        note_in(path, b"note %d" % self.made)

    def _paths(self) -> list[Path]:
        return sorted(path for path in self.root.rglob("*") if path.is_file())

    def _some(self, pattern: str) -> list[Path]:
        found = [path for path in self._paths() if path.match(pattern)]
        return self.chance.sample(found, min(len(found), self.chance.choice([1, 1, 2])))

    def _new(self, ending: str) -> Path:
        folders = sorted(self.root.iterdir()) or [self.root / "folder"]
        folder = self.chance.choice(folders)
        folder.mkdir(exist_ok=True)
        self.made += 1
        return folder / f"{self.chance.choice('abc')}{self.made:03d}.{ending}"


@dataclass
class Said:
    """A verdict, what its images held when it was given, and whether a run has seen it with these images."""

    verdict: GivenVerdict
    files: list[File]
    is_seen: bool = False


@dataclass
class History:
    """A collection, its work_dir, and what was there at the last run that ended well."""

    top: Path
    runner: Runner
    model: str
    chance: random.Random
    told: dict[str, File] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)
    said: dict[str, Said] = field(default_factory=dict)
    moments: int = 0
    killed: int = 0

    def __post_init__(self) -> None:
        (self.top / "photos" / "folder").mkdir(parents=True)
        (self.top / "out").mkdir()
        self.collection = Collection(self.top / "photos", self.chance)

    def run(self, work_dir: str, *more: str, kill_before: int | str = 0) -> Outcome:
        settings = ("--model-path", self.model, "--shard-size", "4", "--threshold", "0.5", "--num-threads", "1", *more)
        place = self.top / work_dir
        arguments = ("run", str(self.collection.root), str(place), "--nearest-neighbors-k", "3", *settings)
        return self.runner.watching(place).run(*arguments, kill_before=kill_before)

    def decide(self) -> None:
        files, book = self.collection.files(), VerdictBook(self.top / "out")
        names = self.chance.sample(sorted(files), 2)
        relation = self.chance.choice(["same", "different", "variant", "keep", "protect", "protect"])
        if relation in ("keep", "protect"):
            names = names[:1]
        elif files[names[0]].content == files[names[1]].content:
            return
        added = book.add(relation, *names)
        self.said[added.verdict_id] = Said(added, [files[name] for name in names])
        if len(self.said) > 2 and self.chance.random() < 0.15:
            counting = book.table().filter(~pl.col("state").is_in(["revoked", ""]))["verdict_id"].to_list()
            book.revoke(self.chance.choice(counting))

    def kill(self) -> None:
        publishing = [
            "image_ledger.parquet",
            "groups.parquet",
            "group_ids.parquet",
            "similarity.csv",
            ".published.json",
        ]
        at: int | str = self.chance.randint(1, max(self.moments, 2))
        if self.chance.random() < 0.5:
            at = f"os.rename {self.chance.choice(publishing)}"
        work_dir = WorkDir(str(self.top / "out"))
        before = published_generation(work_dir)
        outcome = self.run("out", kill_before=at)
        self.killed += outcome.exit_code is None
        if outcome.exit_code is not None:  # it ended before that moment
            self.check(outcome)
        elif published_generation(work_dir) != before:
            files = self.collection.files()
            self.check_ids(dedup_assets.load(self.top / "out").groups(), files)
            if not work_dir.exists(JOURNAL) and not work_dir.exists(unreported_name(LEDGER)):
                assert changes(self.told, files) in outcome.stdout
                self.told = files

    def go_on(self) -> None:
        self.check(self.run("out"))

    def check(self, outcome: Outcome) -> None:
        assert outcome.exit_code == 0, outcome.said
        self.moments = len(outcome.moments) or self.moments
        files, is_first = self.collection.files(), not self.told
        if not is_first:
            assert f"since the last run: images {changes(self.told, files)}" in outcome.stdout, outcome.stdout
        self.told = files
        groups = dedup_assets.load(self.top / "out").groups()
        self.check_ids(groups, files)
        self.check_verdicts(groups, files, outcome.stdout)

    def check_ids(self, groups: pl.DataFrame, files: dict[str, File]) -> None:
        """A group has the id that most of its files had, by content, unless another one had as many."""
        now: dict[str, list[str]] = {}
        for group, name in groups.select("group_id", "filename").iter_rows():
            now.setdefault(group, []).append(files[name].content)
        group_of = {content: group for group, contents in now.items() for content in contents}

        def votes(group: str, had: str) -> int:
            return sum(content in self.groups.get(had, ()) for content in now.get(group, ()))

        for had, contents in self.groups.items():
            after = Counter(group_of[each] for each in contents if each in group_of)
            most, count = after.most_common(1)[0] if after else ("", 0)
            if count * 2 > len(contents):
                claims = [votes(most, most), votes(had, had)]  # of equal files each counts
                assert most == had or max(claims) >= votes(most, had), f"{had} became {most}"
        _, *lines = (self.top / "out" / "group_aliases.csv").read_text().splitlines()
        aliases = dict(line.split(",") for line in lines)
        assert self.groups.keys() <= aliases.keys()
        assert set(aliases.values()) <= {*now, ""}
        self.groups = {group: set(contents) for group, contents in now.items()}

    def check_verdicts(self, groups: pl.DataFrame, files: dict[str, File], stdout: str) -> None:
        by_pixels: dict[str, list[str]] = {}
        for name, file in files.items():
            by_pixels.setdefault(file.pixels, []).append(name)
        contents = {file.content for file in files.values()}
        place = {name: (group, role) for name, group, role in groups.select("filename", "group_id", "role").iter_rows()}
        for row in VerdictBook(self.top / "out").table().filter(pl.col("state") != "").iter_rows(named=True):
            said = self.said[row["verdict_id"]]
            named = [by_pixels.get(file.pixels, []) for file in said.files]
            if all(file.content in contents for file in said.files):
                said.is_seen = True
            if row["state"] in ("revoked", "replaced"):
                continue
            if not all(named):
                assert row["state"] == "unmatched", row
                lost = [os.fsdecode(each) for each in said.verdict.names]
                assert any(each in stdout for each in lost), (row, stdout)
                continue
            if len({file.pixels for file in said.files}) < len(said.files):
                continue  # two files of one picture: of which of them it speaks cannot be told
            assert row["state"] != "unmatched" or not said.is_seen, row
            if row["state"] == "counts" and all(len(each) == 1 for each in named):
                found = [place.get(each[0], ("", "")) for each in named]
                assert is_honoured(said.verdict.relation, found), (row, found)

    def compare_with_one_run(self) -> None:
        verdicts = ("--verdicts", str(self.top / "out" / "verdicts.csv")) if self.said else ()
        outcome = self.run("full", *verdicts, "--group-ids-from", str(self.top / "out"))
        assert outcome.exit_code == 0, outcome.said
        for name in SAME_BYTES:
            assert (self.top / "full" / name).read_bytes() == (self.top / "out" / name).read_bytes(), name
        for name in ("groups", "evidence"):
            one, other = (pl.read_parquet(self.top / each / f"{name}.parquet") for each in ("out", "full"))
            assert one.equals(other), name


def changes(before: dict[str, File], now: dict[str, File]) -> str:
    """What the summary says."""
    both = before.keys() & now.keys()
    unchanged = sum(before[name].content == now[name].content for name in both)
    new, gone = (Counter(table[name].content for name in table.keys() - both) for table in (now, before))
    moved = (new & gone).total()
    counts = (new.total() - moved, len(both) - unchanged, moved, gone.total() - moved, unchanged)
    words = ("added", "changed", "moved", "removed", "unchanged")
    return ", ".join(f"{count} {word}" for count, word in zip(counts, words, strict=True))


def is_honoured(relation: str, found: list[tuple[str, str]]) -> bool:
    """Whether groups do what a verdict says; each image by its group and role, empty if in none."""
    (group, role), (other, _) = found[0], found[-1]
    if relation == "same":
        return bool(group) and group == other
    if relation in ("different", "variant"):
        return not group or group != other
    return role in ({"keep", ""} if relation == "keep" else {"keep", "protected", ""})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_mean_model(tmp_path_factory.mktemp("model") / "model.onnx", ["n", 16, 16, 3], dimension=8)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", range(FIRST, FIRST + HISTORIES))
def test_verdicts_ids_and_counts_hold_through_any_history(
    tmp_path: Path, command_line: Runner, model: str, number: int
) -> None:
    chance = random.Random(number)  # noqa: S311 - pictures, no secret
    history = History(tmp_path, command_line, model, chance)
    for _ in range(10):
        chance.choice([history.collection.add, history.collection.copy])()
    history.go_on()
    for step in range(STEPS):
        happened = [history.collection.live() for _ in range(chance.randint(1, 5))]
        if len(history.collection.files()) > 4 and chance.random() < 0.8:
            for _ in range(chance.randint(1, 3)):
                history.decide()
            happened.append("decide")
            if chance.random() < 0.7:
                history.go_on()
                happened += ["run", *(history.collection.live() for _ in range(2))]
        if chance.random() < 0.5:
            history.kill()
            happened.append("kill")
            if chance.random() < 0.3:
                happened.append(history.collection.live())
        print(step, *happened)
        history.go_on()
    history.compare_with_one_run()
    print(f"killed {history.killed} runs; {len(history.said)} verdicts")
