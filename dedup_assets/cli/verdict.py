"""`dedup-assets verdict`: what a person decides about images, honoured by the groups of the next run."""

import os
import sys

import click

from dedup_assets.api.outcomes import ERROR, answer, report, say
from dedup_assets.api.verdicts import VerdictBook
from dedup_assets.engine.core.verdict_records import Decision, GivenVerdict

_PAIR = "|".join(each for each in Decision if each.is_of_pair)
_ONE = "|".join(each for each in Decision if not each.is_of_pair)


@click.command(
    options_metavar="",
    short_help="Decide about images; groups honour it from the next run on.",
)
@click.argument("words", nargs=-1, metavar=f"[A B {_PAIR} | A {_ONE}]")
@click.option("--work-dir", help="A folder or URL that a run wrote to; its file of verdicts is used.")
@click.option("--verdicts", help="The file of verdicts, if it is not that of the last run in the work_dir.")
@click.option("--note", default="", help="Why.")
@click.option("--by", default="", help="Who decides; by default the user.")
@click.option("--revoke", metavar="ID", help="Take back a verdict.")
@click.option("--list", "shown", is_flag=True, help="List all verdicts, the oldest first, and which of them count.")
@click.option(
    "--import",
    "table",
    metavar="FILE.csv",
    help="Add those of another file of verdicts, or of a table with the columns relation, a and perhaps b, note, by.",
)
def verdict(
    words: tuple[str, ...],
    *,
    work_dir: str | None,
    verdicts: str | None,
    note: str,
    by: str,
    revoke: str | None,
    shown: bool,
    table: str | None,
) -> None:
    """Decide about images A and B: files, URLs, names that the work_dir knows, or SHA-256 in hex.

    same: they are one picture. different, variant: they are not, and are never in one group. keep: A is the image to
    keep of its group. protect: nothing is ever done to A. The newest verdict wins; those that contradict newer ones are
    reported by the next run.
    """
    asked = sum([bool(words), revoke is not None, shown, table is not None])
    if asked != 1:
        raise click.UsageError("give images and a decision, or one of --revoke, --list and --import")
    book = VerdictBook(work_dir, verdicts)
    if shown:
        _list(book)
    elif revoke is not None:
        revoked = book.revoke(revoke, note=note, by=by)
        say(_told(revoked, book))
        for row in revoked.again:
            say(f"{row.verdict_id} counts again: {_said(row)}; revoke it, too, if it is wrong")
    elif table is not None:
        _import(book, table, by)
    else:
        *images, relation = words
        if len(images) not in (1, 2):
            raise click.UsageError(f"give A B {_PAIR}, or A {_ONE}")
        say(_told(book.add(relation, *images, note=note, by=by), book))


def _told(row: GivenVerdict, book: VerdictBook) -> str:
    if row.line:
        return f"{row.verdict_id}: {_said(row)} is in {book.path} already and counts; nothing was added"
    return f"{row.verdict_id}: {_said(row)} ({book.path}); groups honour it from the next run on"


def _said(row: GivenVerdict) -> str:
    names = " ".join(os.fsdecode(name) for name in row.names)
    return f"revokes {row.revokes}" if row.revokes else f"{row.relation} {names}"


def _list(book: VerdictBook) -> None:
    for row in book.table().iter_rows(named=True):
        said = [row["verdict_id"], row["time"], row["by"] or "-", row["state"] or "-"]
        said += [f"revokes {row['revokes']}"] if row["revokes"] else [row["relation"], row["a_name"], row["b_name"]]
        said += [f"not there: {row['missing']}"] * bool(row["missing"])
        answer("  ".join(filter(None, [*said, row["note"] and f"({row['note']})"])))
    for bad in book.read().bad:
        report(f"{book.path}, line {bad.line}: {bad.problem}")


def _import(book: VerdictBook, table: str, by: str) -> None:
    done = book.load(table, by=by)
    there = f"; {done.known} were there already" if done.known else ""
    say(f"{len(done.added)} verdicts added to {book.path}{there}; groups honour them from the next run on")
    for bad in done.bad:
        report(f"{table}, line {bad.line}: {bad.problem}")
    if done.bad:
        sys.exit(ERROR)
