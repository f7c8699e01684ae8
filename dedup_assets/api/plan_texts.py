"""What a terminal shows of plans: tables of files and bytes, and why copies are left out."""

import math
import os
import shlex
from collections.abc import Iterable, Sequence
from io import StringIO

import polars as pl

from dedup_assets.api.terminal import Console, Table
from dedup_assets.engine.core.plan_records import (
    BESIDE,
    HALF,
    SIDECAR,
    Action,
    Applied,
    PastApply,
    Plan,
    Root,
    too_many_removed,
)

_LARGEST = 5
_MOST_LISTED = 20  # files that are named one by one
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_THOUSAND = 1000.0
_RELATIONS = {
    "exact": "exact: the same bytes",
    "pixels": "pixels: other bytes, the same picture",
    "copy": "copy: an edited form",
    "same": "same: says a verdict",
    HALF: "half: the raw file or film of a shot, the same bytes",
    SIDECAR: "sidecar: goes with its image",
}
_WHY = {
    "exact": "same bytes",
    "pixels": "other bytes, the same picture",
    "copy": "an edited form",
    "same": "same, says a verdict",
    HALF: "other half of the shot, same bytes",
    SIDECAR: "goes with its image",
}
_DONE = {
    Action.TRASH: "moved to the trash:",
    Action.MOVE: "moved:",
    Action.HARDLINK: "replaced by hard links:",
    Action.REFLINK: "replaced by clones:",
    Action.DELETE: "deleted:",
}
_WILL = {
    Action.TRASH: "move to the trash",
    Action.MOVE: "move",
    Action.HARDLINK: "replace by a hard link to the kept file",
    Action.REFLINK: "replace by a clone of the kept file",
    Action.DELETE: "DELETE, which cannot be undone",
}


def plan_table(plan: Plan, path: str = "") -> str:
    """What a plan would do: by relation, by input, the first files and what stays for them, and what is left out.

    Args:
        plan: the plan.
        path: the file that holds it, named where not all files are listed; empty: none is named.
    """
    if not len(plan):
        return "\n".join(["nothing to do: no copy is planned", *_left_out(plan)])
    groups = counted(plan.rows["group_id"].n_unique(), "group")
    said = [
        f"{counted(len(plan), 'file')} in {groups}, {size(_bytes(plan.rows))}: "
        f"{_WILL[plan.action]}{f' to {plan.to}' if plan.to else ''}",
        "",
        _table(("relation to the kept file", "files", "size"), _by_relation(plan)),
        "",
        _table(("input", "files", "size", "of its images"), _by_root(plan)),
        "",
        *_listed(plan, path),
        *_left_out(plan),
    ]
    if plan.returned:
        said.append(f"came back after an earlier apply removed it (removed.csv): {counted(plan.returned, 'file')}")
    return "\n".join(said)


def applied_text(plan: Plan, applied: Applied) -> str:
    """What an apply did, what earlier ones of the plan did, and how each is undone."""
    others = [each for each in applied.earlier if each.run != applied.run]
    resumed = applied.before - sum(each.files for each in others)
    said = [f"{_DONE[plan.action]} {counted(applied.done, 'file')}, {size(applied.bytes)}"]
    if not applied.done:
        is_all = applied.before == len(plan)
        said = [f"nothing {'is left to do: this plan was applied before' if is_all else 'was done'}"]
    if resumed:
        said.append(f"done before this apply was interrupted: {counted(resumed, 'file')}")
    if applied.skipped:
        said.append(f"{counted(len(applied.skipped), 'group')} left as before; the lines above say why")
        said.append("what has changed since the plan is planned anew after another run: dedup-assets run, then plan")
    if plan.action is Action.TRASH and applied.done + resumed:
        said += [f"trash: {place}" for place in applied.places]
    if applied.places and applied.done + resumed and plan.action is not Action.DELETE:
        them = "the files of this apply" if others else "all"
        said.append(f"to put {them} back: dedup-assets undo {shlex.quote(applied.places[0])}")
    return "\n".join([*said, *earlier_lines(plan, others)])


def earlier_lines(plan: Plan, earlier: Sequence[PastApply]) -> list[str]:
    """What earlier applies of a plan have done, each with the command that undoes it."""
    lines = []
    for each in earlier:
        is_final = plan.action is Action.DELETE
        done = f"{counted(each.files, 'file')} {'deleted, which cannot be undone' if is_final else ''}".rstrip()
        lines.append(f"applied before, {_when(each)}: {done}")
        lines += [] if is_final else [f"  to put back: {_undo(each)}"]
    return lines


def taken_lines(taken: Sequence[PastApply]) -> list[str]:
    """What an undo leaves where later applies have put it, each with the command that puts it back."""
    return [f"moved by a later apply, {_when(each)}: {counted(each.files, 'file')}; {_undo(each)}" for each in taken]


def undoable_text(work_dir: str, found: Sequence[PastApply], trashes: Sequence[str], *, has_results: bool) -> str:
    """The applies that can be undone, each with the command; and where they were looked for.

    Args:
        work_dir: where they were looked for, as it was given.
        found: the applies.
        trashes: folders that were looked into.
        has_results: whether the work_dir holds results of a run, which name its inputs.
    """
    places = [f"looked in {place}" for place in trashes]
    if found:
        lines = (f"{each.run}: {each.began}, {counted(each.files, 'file')}: {_undo(each)}" for each in found)
        return "\n".join([*lines, *places])
    why = "" if has_results else f": work_dir={work_dir!r} holds no results of a run, so that its inputs are not known"
    return "\n".join([f"nothing can be undone{why}", *places, *_ELSEWHERE])


def marked_text(plan: Plan, marked: int) -> str:
    """How many of some marked files a plan takes."""
    beside = plan.rows.filter(pl.col("relation").is_in(BESIDE)).height
    more = f" and {counted(beside, 'file')} that go with them" if beside else ""
    left = f"; {len(plan.not_taken):,} not planned" if plan.not_taken else ""
    return f"of {counted(marked, 'marked file')} {len(plan) - beside:,} planned{more}{left}"


_ELSEWHERE = (
    "Name the results that the plan was made from, or the folder of images whose trash it is:",
    "  dedup-assets undo --work-dir FOLDER",
    "An input that was moved has its trash with it: dedup-assets undo INPUT/.dedup-trash/RUN",
)


def _when(each: PastApply) -> str:
    """The id of an apply and its time."""
    return f"{each.run} ({each.began})" if each.began else each.run


def _undo(each: PastApply) -> str:
    return f"dedup-assets undo {shlex.quote(each.place)}"


def refusal_text(plan: Plan, most: float) -> list[str]:
    """What `apply` will say of a plan that removes more than it may, and what helps; no line if it does not.

    Args:
        plan: the plan.
        most: share of the images, of all and of each input, 0 to 1.
    """
    beyond = too_many_removed(plan, most)
    if not beyond:
        return []
    needed = max(count / root.images for root, count in plan.removed_shares() if root.images)
    enough = min(1.0, math.ceil(100 * needed) / 100)
    return [
        f"apply will refuse this plan: it removes {beyond}, more than the share of {most:g} that is allowed.",
        f"Look at it, and remove lines; or allow more: --max-removed-share {enough:g}",
    ]


def size(size_bytes: float) -> str:
    """A number of bytes in words: 1.2 GB."""
    unit = 0
    while size_bytes >= _THOUSAND and unit < len(_UNITS) - 1:
        size_bytes, unit = size_bytes / _THOUSAND, unit + 1
    return f"{size_bytes:.0f} B" if not unit else f"{size_bytes:.1f} {_UNITS[unit]}"


def counted(number: int, what: str) -> str:
    """A number of things: 1 file, 2 files."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def shown(name: bytes) -> str:
    """A name on one line, with escapes for what is no text."""
    text = name.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _bytes(rows: pl.DataFrame) -> int:
    return int(rows["bytes"].sum())


def _by_relation(plan: Plan) -> Iterable[tuple[str, ...]]:
    found = plan.rows.group_by("relation").agg(pl.len().alias("files"), pl.col("bytes").sum())
    for relation, files, taken in found.sort("bytes", "relation", descending=[True, False]).iter_rows():
        yield _RELATIONS.get(relation, relation), f"{files:,}", size(taken)


def _by_root(plan: Plan) -> Iterable[tuple[str, ...]]:
    found: dict[Root, tuple[int, int]] = {}
    for name, taken in plan.rows.select("filename", "bytes").iter_rows():
        root = plan.root_of(name)
        files, total = found.get(root, (0, 0))
        found[root] = (files + 1, total + taken)
    for root, (files, total) in sorted(found.items(), key=lambda each: -each[1][1]):
        share = f"{100 * files / root.images:.0f} % of {root.images:,}" if root.images else ""
        yield shown(root.name) or "elsewhere", f"{files:,}", size(total), share


def _largest(plan: Plan) -> Iterable[tuple[str, ...]]:
    groups = plan.rows.group_by("group_id", maintain_order=True).agg(
        pl.len().alias("files"),
        pl.col("bytes").sum(),
        pl.col("keep").filter(~pl.col("relation").is_in(BESIDE)).unique(),
    )
    for group_id, files, taken, keep in groups.head(_LARGEST).iter_rows():
        more = f" and {len(keep) - 1:,} more" if len(keep) > 1 else ""
        yield group_id, f"{files:,}", size(taken), f"{_below_root(plan, min(keep))}{more}" if keep else ""


def _listed(plan: Plan, path: str) -> Iterable[str]:
    """The first files with what stays for each, those of one kept image together; the largest groups of a long plan."""
    more = len(plan) - _MOST_LISTED
    if more > 0:
        yield from (_table(("largest groups", "go", "size", "kept"), _largest(plan)), "")
    yield "files of the plan -> what stays"
    for name, keep, relation, kind in _by_kept(plan).head(_MOST_LISTED).iter_rows():
        why = ": ".join(filter(None, (_WHY.get(relation, relation), kind if relation == "copy" else "")))
        yield f"{_below_root(plan, name)} -> stays: {_below_root(plan, keep)} ({why})"
    if more > 0:
        yield f"... and {more:,} more{f'; all of them: {shown(os.fsencode(path))}' if path else ''}"


def _by_kept(plan: Plan) -> pl.DataFrame:
    """Name, kept file, relation and kind of each row; what goes with an image comes before it, as in the plan."""
    kept = pl.when(~pl.col("relation").is_in(BESIDE)).then("keep").backward_fill().over("group_id")
    groups = plan.rows.with_columns(pl.coalesce(kept, "keep").alias("image")).with_row_index("place")
    first = pl.col("place").min()
    ordered = groups.sort(first.over("group_id"), first.over("group_id", "image"), "place")
    return ordered.select("filename", "keep", "relation", "kind")


def _below_root(plan: Plan, name: bytes) -> str:
    """A name below its input; below what all inputs share, where there are several."""
    roots = [root.name for root in plan.roots if root.name]
    if not plan.root_of(name).name or any(b"://" in each for each in (name, *roots)):
        return shown(name)
    top = os.path.commonpath(roots)
    return shown(name if top == b"/" else os.path.relpath(name, top))


def _left_out(plan: Plan) -> list[str]:
    if not plan.left_out:
        return []
    ordered = sorted(plan.left_out.items(), key=lambda each: (-each[1], each[0]))
    return ["", "not planned:", *(f"{count:>9,}  {reason}" for reason, count in ordered)]


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    text = StringIO()
    console = Console(file=text, force_terminal=False, force_jupyter=False, highlight=False, width=200)
    table = Table(box=None, pad_edge=False, header_style="")
    for place, head in enumerate(heads):
        is_number = place > 0 and head not in {"kept", "of its images"}
        table.add_column(head, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    console.print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip("\n").split("\n"))
