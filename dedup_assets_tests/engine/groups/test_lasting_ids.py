"""Ids of groups last: random histories of adds, removals, renames, splits and merges keep the rules."""

import random
from collections import Counter
from dataclasses import dataclass
from itertools import permutations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dedup_assets.engine.core.group_history import Change, GroupHistory
from dedup_assets.engine.core.match_records import Groups
from dedup_assets.engine.core.match_tables import GROUPS_SCHEMA, RELATED_SCHEMA
from dedup_assets.engine.groups import keep_ids
from dedup_assets.engine.groups.group_changes import MOST_CHANGES, keep_recent
from dedup_assets.engine.groups.group_ids import make_ids

Partition = list[list[int]]
"""The contents of each group, as numbers; a number twice is an exact copy."""


def content(number: int) -> str:
    return f"{number:064x}"


def state(
    partition: Partition, *, renamed: str = "", order: random.Random | None = None
) -> tuple[Groups, pl.DataFrame]:
    """Groups as evidence alone gives them, and the contents of their files."""
    ids = make_ids([map(content, group) for group in partition])
    rows, contents = [], []
    for name, group in zip(ids, partition, strict=True):
        seen: Counter[int] = Counter()
        names = []
        for number in group:
            names.append(b"%s%d-%d.jpg" % (renamed.encode(), number, seen[number]))
            seen[number] += 1
            contents.append((names[-1], content(number)))
        rows += [
            (each, name, "copy" if place else "keep", names[0], 1.0, "", "", "", "", None)
            for place, each in enumerate(names)
        ]
    if order:
        order.shuffle(rows)
        order.shuffle(contents)
    groups = Groups(
        pl.DataFrame(rows, schema=GROUPS_SCHEMA, orient="row"),
        pl.DataFrame([(name, "", b"other", 0.5, "variant") for name in ids], schema=RELATED_SCHEMA, orient="row"),
    )
    return groups, pl.DataFrame(contents, schema={"filename": pl.Binary, "content": pl.String}, orient="row")


@dataclass
class Collection:
    """Runs on one work_dir."""

    history: GroupHistory

    def run(self, partition: Partition, **how: object) -> dict[str, Counter[int]]:
        """The contents of each group by its id."""
        groups, contents = state(partition, **how)  # type: ignore[arg-type]
        found = keep_ids(groups, contents, self.history)
        assert found.history
        self.history = found.history
        assert set(found.related["group_id"]) == set(found.rows["group_id"])
        by_id: dict[str, Counter[int]] = {}
        for filename, group_id in found.rows.select("filename", "group_id").iter_rows():
            by_id.setdefault(group_id, Counter())[int(filename.lstrip(b"new").split(b"-")[0])] += 1
        return by_id

    def changes(self) -> list[tuple[str, str, str, list[str]]]:
        last = self.history.changes.filter(run=self.history.run).drop("run")
        return [(change, one, other, [each.decode() for each in names]) for change, one, other, names in last.rows()]


def new() -> Collection:
    return Collection(GroupHistory())


@st.composite
def partitions(draw: st.DrawFn) -> Partition:
    """Groups of two or more files; each content is in one group at most, perhaps more than once."""
    group_of = draw(st.lists(st.integers(0, 4), min_size=8, max_size=8))
    copies = draw(st.lists(st.integers(1, 2), min_size=8, max_size=8))
    groups: dict[int, list[int]] = {}
    for number, (group, many) in enumerate(zip(group_of, copies, strict=True)):
        if group:  # 0: gone, or alike to none
            groups.setdefault(group, []).extend([number] * many)
    return [group for group in groups.values() if len(group) > 1]


histories = st.lists(partitions(), min_size=2, max_size=6)
some_histories = settings(max_examples=15)  # of some four runs each


@some_histories
@given(histories)
def test_an_id_goes_to_a_group_that_most_of_its_images_had(history: list[Partition]) -> None:
    runs = new()
    before = runs.run(history[0])
    for partition in history[1:]:
        now = runs.run(partition)
        assert len(now) == len(partition)
        votes = {
            (group_id, had): sum(many for number, many in group.items() if number in former)
            for group_id, group in now.items()
            for had, former in before.items()
        }
        for group_id in now:
            best = max((votes[group_id, had] for had in before), default=0)
            # An id that most images of the group had is refused only because a group with as many votes has it.
            for had in before:
                fits = best and votes[group_id, had] == best
                if fits and group_id != had and votes.get((group_id, group_id), 0) < best:
                    assert had in now
                    assert votes[had, had] >= best
        before = now


@some_histories
@given(histories, st.randoms(use_true_random=False))
def test_ids_and_changes_do_not_depend_on_the_order_of_rows_or_on_names(
    history: list[Partition], order: random.Random
) -> None:
    one, other = new(), new()
    for partition in history:
        shuffled = order.sample(partition, len(partition))
        assert one.run(partition) == other.run(shuffled, order=order)
        assert_frame_equal(one.history.holders, other.history.holders)
        assert_frame_equal(one.history.changes, other.history.changes)
        assert_frame_equal(one.history.aliases, other.history.aliases)
    changed, groups = other.history.run, one.run(history[-1])
    assert other.run(history[-1], renamed="new") == groups
    assert (other.history.run, other.history.is_changed) == (changed, False)
    assert other.history.changes.equals(one.history.changes)


@some_histories
@given(histories)
def test_the_changes_lead_from_the_former_groups_to_the_present_ones(history: list[Partition]) -> None:
    runs = new()
    files: dict[str, set[str]] = {}
    for partition in history:
        before = runs.history.run
        now = runs.run(partition)
        changes = runs.changes() if runs.history.run > before else []
        replayed = {name: set(members) for name, members in files.items()}
        for change, group_id, other, names in changes:
            source, target = {
                Change.CREATED: ("", group_id),
                Change.GROWN: ("", group_id),
                Change.SHRUNK: (group_id, ""),
                Change.GONE: (group_id, ""),
                Change.MERGED: (other, group_id),
                Change.SPLIT: (group_id, other),
            }[Change(change)]
            moved = {name.split("-")[0] for name in names}
            if source and target:  # with all its files, of which there may be more now
                replayed[source] = {name for name in replayed[source] if name.split("-")[0] not in moved}
            elif source:
                assert replayed[source] >= set(names)
                replayed[source] -= set(names)
            if target:
                replayed.setdefault(target, set()).update(names)
        files = {
            name: {f"{number}-{copy}.jpg" for number, many in group.items() for copy in range(many)}
            for name, group in now.items()
        }
        assert {name: members for name, members in replayed.items() if members} == files


@some_histories
@given(histories)
def test_every_id_that_ever_was_leads_to_a_present_group_or_to_none(history: list[Partition]) -> None:
    runs = new()
    ever: set[str] = set()
    before: dict[str, Counter[int]] = {}
    led_to: dict[str, str] = {}
    for partition in history:
        now = runs.run(partition)
        ever |= now.keys()
        aliases = dict(runs.history.aliases.iter_rows())
        assert aliases.keys() == ever
        assert set(aliases.values()) <= now.keys() | {""}
        assert all(aliases[name] == name for name in now)
        for name in before.keys() - now.keys():
            heirs = {one: (before[name].keys() & group.keys()) for one, group in now.items()}
            assert bool(aliases[name]) == any(heirs.values())
            assert not aliases[name] or heirs[aliases[name]]
        for name, target in led_to.items():
            if target and name not in now and aliases.get(target):
                assert aliases[name] == aliases[target]
        before, led_to = now, aliases


@some_histories
@given(partitions(), partitions())
def test_groups_that_come_back_take_back_their_ids(first: Partition, other: Partition) -> None:
    runs = new()
    before = runs.run(first)
    runs.run([])
    assert runs.run(first) == before
    runs.run(other)
    runs.run(first)
    assert set(runs.run(first)) == set(runs.history.aliases.filter(pl.col("group_id") == pl.col("now"))["group_id"])


@pytest.mark.parametrize("numbers", list(permutations(range(4))))
def test_a_merge_that_is_undone_gives_both_ids_back(numbers: tuple[int, ...]) -> None:
    runs = new()
    a, b, c, d = numbers
    before = runs.run([[a, b], [c, d]])
    merged = runs.run([[0, 1, 2, 3]])
    assert set(merged) == {min(before)}
    assert runs.run([[a, b], [c, d]]) == before


def test_each_kind_of_change_is_said_with_its_files() -> None:
    runs = new()
    (one,) = runs.run([[0, 1]])
    assert runs.changes() == [("created", one, "", ["0-0.jpg", "1-0.jpg"])]
    (again,) = runs.run([[0, 1, 2, 2]])
    assert (again, runs.changes()) == (one, [("grown", one, "", ["2-0.jpg", "2-1.jpg"])])
    runs.run([[0, 1, 2]])
    assert runs.changes() == [("shrunk", one, "", ["2-1.jpg"])]
    both = runs.run([[0, 1, 2], [3, 4]])
    (other,) = both.keys() - {one}
    heir, ended = sorted((one, other))
    runs.run([[0, 1, 2, 3, 4]])
    assert runs.changes() == [("merged", one, other, ["3-0.jpg", "4-0.jpg"])]  # three votes to two
    assert dict(runs.history.aliases.iter_rows()) == {one: one, other: one}
    runs.run([[0, 1], [2, 3, 4]])
    assert runs.changes() == [("split", one, other, ["0-0.jpg", "1-0.jpg"])] or heir
    runs.run([])
    assert {change for change, *_ in runs.changes()} == {"gone"}
    assert set(runs.history.aliases["now"]) == {""}
    assert ended


def test_old_changes_are_dropped_by_whole_runs_and_the_last_run_never() -> None:
    many = MOST_CHANGES // 2 + 1
    runs = pl.Series([1, *[2] * many, *[3] * many, *[4] * 2 * many])
    changes = GroupHistory().changes.clear(len(runs)).with_columns(run=runs)
    assert set(keep_recent(changes)["run"]) == {3, 4}


def test_groups_of_equal_contents_have_ids_of_their_own() -> None:
    ids = make_ids([["c"] * 4, ["b"], ["c"] * 2])
    assert len(set(ids)) == 3
    assert make_ids([["c"]], taken=[ids[0]]) == [ids[2]]
