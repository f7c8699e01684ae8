"""A plan and annotations to a new folder: rewrite.csv, the annotations, and what could not be carried over."""

from dataclasses import dataclass
from pathlib import Path

from dedup_assets.engine.core.errors import ExportError
from dedup_assets.engine.core.plan_records import Plan
from dedup_assets.engine.exporting import whole_folder
from dedup_assets.engine.rewriting.coco import rewrite_coco
from dedup_assets.engine.rewriting.lines import rewrite_csv, rewrite_jsonl
from dedup_assets.engine.rewriting.replacing import NotCarried, Replacements, rows_of
from dedup_assets.engine.rewriting.yolo import rewrite_yolo
from dedup_assets.engine.work_dir import WorkDir, ledger_file, match_files
from dedup_assets.engine.work_dir.csv_rows import field, write_rows
from dedup_assets.engine.work_dir.file_names import LEDGER
from dedup_assets.engine.work_dir.identity import identity_of, read_config

KINDS = ("coco", "yolo", "csv", "jsonl")


@dataclass(frozen=True)
class Rewritten:
    """What was rewritten.

    Attributes:
        replaced: images that another one takes the place of.
        files: paths of the new files of annotations.
        conflicts: annotations that were not carried over.
    """

    replaced: int
    files: list[str]
    conflicts: list[NotCarried]


def rewrite(plan: Plan, work_dir: WorkDir, out: str, kind: str = "", source: str = "") -> Rewritten:
    """Write annotations for the images that a plan keeps. The given files are only read.

    Args:
        plan: which images go, before or after it is applied.
        work_dir: the results that it was made from.
        out: a new folder.
        kind: one of `KINDS`; empty for rewrite.csv alone.
        source: the file or folder of annotations; for csv and jsonl `FILE:COLUMN`.

    Raises:
        ExportError: the plan removes nothing or is of other groups, annotations cannot be read, or the folder cannot
            be written.
        WorkDirError: a file of the work_dir is damaged.
    """
    if not plan.action.removes:
        raise ExportError(f"the plan's action {plan.action} removes no file, so that nothing refers to a removed one")
    if plan.generation != identity_of(read_config(work_dir), "groups"):
        raise ExportError(f"the plan was made from other groups than those now in work_dir={work_dir.url!r}")
    evidence, groups = match_files.read_evidence(work_dir), match_files.read_groups(work_dir)
    listed = ledger_file.read_ledger_columns(work_dir, "filename")["filename"] if work_dir.exists(LEDGER) else ()
    replacements = Replacements.of(plan, evidence.with_rows(groups.compared), listed)
    try:
        files, conflicts = _rewritten(kind, source, replacements)
    except OSError as error:
        raise ExportError(f"{kind}={source!r} cannot be read: {error.strerror or error}") from None
    except ExportError as error:
        raise ExportError(f"{kind}={source!r}: {error}") from None
    with whole_folder(out) as folder:
        for path, content in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        with (folder / "rewrite.csv").open("wb") as file:
            rows = (b",".join([field(a), field(b), g.encode(), t.encode()]) for a, b, g, t in rows_of(replacements))
            write_rows(file, "from,to,group_id,transform", rows)
        with (folder / "conflicts.csv").open("wb") as file:
            lines = (b",".join(field(text.encode("utf-8", "surrogateescape")) for text in each) for each in conflicts)
            write_rows(file, ",".join(NotCarried._fields), lines)
    return Rewritten(len(replacements.by_name), sorted(files), conflicts)


def _rewritten(kind: str, source: str, replacements: Replacements) -> tuple[dict[str, bytes], list[NotCarried]]:
    """New files of annotations by name, and conflicts. Raises ExportError or OSError."""
    if not kind:
        return {}, []
    if kind == "yolo":
        if not Path(source).is_dir():
            raise ExportError("must be a folder")
        files, conflicts = rewrite_yolo(Path(source), replacements)
        return {f"labels/{path.removeprefix('labels/')}": content for path, content in files.items()}, conflicts
    if kind == "coco":
        content, conflicts = rewrite_coco(Path(source).read_bytes(), replacements)
        return {_free(Path(source).name): content}, conflicts
    path, _, column = source.rpartition(":")
    if not path or not column:
        raise ExportError("must be FILE:COLUMN, such as captions.csv:image")
    write = rewrite_csv if kind == "csv" else rewrite_jsonl
    content, conflicts = write(Path(path).read_bytes(), column, replacements)
    return {_free(Path(path).name): content}, conflicts


def _free(name: str) -> str:
    """A name that none of our own files in the folder has."""
    return f"new-{name}" if name in ("rewrite.csv", "conflicts.csv") else name
