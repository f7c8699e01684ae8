"""Verdicts that a file need not say twice: a second row would count again when the first one is revoked."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dedup_assets.engine.core.verdict_records import Decision, GivenVerdict, Verdicts
from dedup_assets.engine.groups.verdicts import Heard

_Subject = tuple[frozenset[str], str]


def without_repeated(present: Verdicts, fresh: Sequence[GivenVerdict]) -> list[GivenVerdict]:
    """The rows that say something new to a file of verdicts, in their order.

    A row is left out if a verdict of the same subject and relation counts already, and if nothing changes without
    it: a verdict that a newer one contradicts, or the older one of two kept images, is said again to be the newest.

    Args:
        present: the file.
        fresh: rows with ids and times; of equal times the later one is newer.
    """
    together = _with(present, fresh)
    repeated = _repeated(present, fresh, together.revoked())
    left_out = {"pairs": repeated, "kept": repeated}
    outcome = _outcome(together)
    without = _outcome(_with(present, [row for row in fresh if row.verdict_id not in repeated]))
    for kind in left_out:
        if outcome[kind] != without[kind]:
            left_out[kind] = set()
    return [row for row in fresh if row.verdict_id not in left_out["kept" if _is_kept(row) else "pairs"]]


def honoured(verdicts: Verdicts) -> list[GivenVerdict]:
    """The verdicts that count and contradict no newer one, the newest first."""
    heard = Heard()
    for verdict in verdicts.active():
        heard.hear(verdict)
    return heard.honoured


def count_again(before: Verdicts, added: Iterable[GivenVerdict]) -> list[GivenVerdict]:
    """The verdicts that count when rows are added which revoke others, and did not before."""
    counted = {verdict.verdict_id for verdict in honoured(before)}
    return [verdict for verdict in honoured(_with(before, added)) if verdict.verdict_id not in counted]


def find_repeated(present: Verdicts, row: GivenVerdict) -> GivenVerdict:
    """The verdict that counts and says what a row says that `without_repeated` has left out."""
    return next(each for each in present.active() if (_subject(each), _said(each)) == (_subject(row), _said(row)))


def _with(present: Verdicts, more: Iterable[GivenVerdict]) -> Verdicts:
    return replace(present, given=[*present.given, *more])


def _repeated(present: Verdicts, fresh: Sequence[GivenVerdict], revoked: set[str]) -> set[str]:
    """Ids of the fresh rows that say what the newest row before them on the same subject says."""
    counting = [row for row in present.given if row.verdict_id not in revoked]
    newest = {_subject(row): row for row in replace(present, given=counting).active()}
    repeated = set()
    for row in sorted(fresh, key=_time):
        if row.revokes or row.verdict_id in revoked:
            continue
        there = newest.get(_subject(row))
        if there is not None and _said(there) == _said(row):
            repeated.add(row.verdict_id)
        if there is None or _time(there) <= _time(row):
            newest[_subject(row)] = row
    return repeated


def _time(row: GivenVerdict) -> str:
    return row.time.rstrip("Z")


def _subject(row: GivenVerdict) -> _Subject:
    return row.pair, "" if Decision(row.relation).is_of_pair else row.relation


def _said(row: GivenVerdict) -> tuple[str, bytes]:
    """The relation, and which of files with the same bytes is the kept one."""
    return row.relation, row.a_name if _is_kept(row) else b""


def _is_kept(row: GivenVerdict) -> bool:
    return row.relation == Decision.KEEP


def _outcome(verdicts: Verdicts) -> dict[str, object]:
    """What groups hear: pairs in any order, kept images from the newest on."""
    heard = honoured(verdicts)
    return {
        "pairs": {(_subject(row), _said(row)) for row in heard if not _is_kept(row)},
        "kept": [(_subject(row), _said(row)) for row in heard if _is_kept(row)],
    }
