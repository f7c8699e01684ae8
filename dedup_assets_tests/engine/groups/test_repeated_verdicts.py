"""Verdicts that are said twice are in the file once, unless their order decides."""

import pytest

from dedup_assets.engine.core.verdict_records import GivenVerdict, Verdicts
from dedup_assets.engine.groups.repeated_verdicts import count_again, find_repeated, without_repeated


def rows(texts: str, first: int = 0) -> list[GivenVerdict]:
    """Verdicts as `same a b`, one after the other; `-3` revokes the third row from 0 on."""
    made = []
    for number, text in enumerate(texts.split(", "), first):
        name, time = f"v-{number}", f"2026-01-01T00:00:{number:02}Z"
        if text.startswith("-"):
            made.append(GivenVerdict(name, time, "", "", revokes=f"v-{text[1:]}"))
        else:
            relation, a, *b = text.split()
            made.append(GivenVerdict(name, time, "", relation, a, "".join(b), a.encode()))
    return made


@pytest.mark.parametrize(
    ("present", "fresh", "new"),
    [
        ("same a b", "same a b, same b a", ""),
        ("same a b", "different a b, same a b", "different a b, same a b"),
        ("same a b, different a b", "same a b", "same a b"),
        ("same a b, -0", "same a b, same a b", "same a b"),
        ("protect a", "protect a, keep a", "keep a"),
        ("same a b, same b c, different a c", "same a b", "same a b"),  # else c stays with b
        ("same a b, same b c, different a c", "same b c", ""),
        ("keep a, keep b", "keep a", "keep a"),  # both may be of one group: the newest is kept
        ("keep a, keep b", "keep a, keep b", ""),
        ("keep a, keep b", "keep b, keep a", "keep b, keep a"),
        ("same a b, keep a, keep b", "same a b, keep a", "keep a"),
    ],
)
def test_what_counts_already_is_left_out_unless_order_decides(present: str, fresh: str, new: str) -> None:
    there, more = Verdicts(rows(present)), rows(fresh, 30)
    wanted = rows(new) if new else []
    added = without_repeated(there, more)
    assert [(row.relation, row.pair) for row in added] == [(row.relation, row.pair) for row in wanted]


@pytest.mark.parametrize("present", ["same a b, different c d, keep a", "different a b, keep b, same b c, same a c"])
def test_all_rows_said_again_are_left_out(present: str) -> None:
    given = rows(present)
    again = [row for row in rows(present, 30) if row.relation]
    first = without_repeated(Verdicts(given), again)
    assert without_repeated(Verdicts([*given, *first]), rows(present, 60)) == []


def test_a_history_of_others_is_taken_over_whole() -> None:
    """A row that is revoked counts nowhere, so it is no repetition; the row that revokes it needs it."""
    theirs = rows("same a b, -30, different c d", 30)
    assert without_repeated(Verdicts(rows("same a b")), theirs) == theirs


def test_an_older_row_of_others_does_not_hide_what_counts() -> None:
    ours, theirs = rows("same a b", 10), [*rows("different a b", 5), *rows("same a b", 20)]
    assert without_repeated(Verdicts(ours), theirs) == theirs[:1]


def test_a_kept_name_of_files_with_the_same_bytes_is_a_decision() -> None:
    (kept,) = rows("keep a")
    other = GivenVerdict("v-9", "2026-01-02T00:00:00Z", "", "keep", "a", a_name=b"other.jpg")
    assert without_repeated(Verdicts([kept]), [other]) == [other]


def test_the_verdict_that_counts_already_is_found() -> None:
    there = rows("same a b, different c d")
    assert find_repeated(Verdicts(there), rows("same b a", 30)[0]) == there[0]


@pytest.mark.parametrize(
    ("present", "revoked", "again"),
    [
        ("same a b, different a b", 1, ["v-0"]),
        ("same a b, different a b", 0, []),
        ("same a b, same b c, different a c", 2, ["v-0"]),  # it was contradicted
        ("same a b, -0", 1, ["v-0"]),
    ],
)
def test_verdicts_that_count_again_after_a_revocation(present: str, revoked: int, again: list[str]) -> None:
    (row,) = rows(f"-{revoked}", 30)
    assert [each.verdict_id for each in count_again(Verdicts(rows(present)), [row])] == again
