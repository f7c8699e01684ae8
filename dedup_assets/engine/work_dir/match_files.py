"""The files of evidence and groups: CSV for people, and the same tables as Parquet, typed.

docs/reference.md, "Files", describes the columns. Names are bytes in both forms.
"""

import json
import os
from dataclasses import replace
from typing import BinaryIO

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.match_records import Evidence, Groups, KeptFindings, LabelConflicts
from dedup_assets.engine.core.match_tables import (
    EVIDENCE_SCHEMA,
    FINDINGS_SCHEMA,
    GROUPS_SCHEMA,
    IMAGES_SCHEMA,
    LABEL_CONFLICTS_SCHEMA,
    RELATED_SCHEMA,
    SETTLED_SCHEMA,
)
from dedup_assets.engine.work_dir.csv_rows import read_columns, write_table
from dedup_assets.engine.work_dir.file_names import GROUP_IDS
from dedup_assets.engine.work_dir.group_history_files import HISTORY_FILES, read_history, write_history
from dedup_assets.engine.work_dir.identity import is_intact, open_checked, read_config
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import check_columns, fact, naming_damage, read_parquet
from dedup_assets.engine.work_dir.verdict_conflicts import VERDICT_CONFLICTS, read_conflicts, write_conflicts
from dedup_assets.engine.work_dir.verdict_images import (
    VERDICT_IMAGES,
    VERDICT_IMAGES_SCHEMA,
    read_verdict_images,
    write_verdict_images,
)

__all__ = [
    "EVIDENCE", "EVIDENCE_CSV", "EVIDENCE_IMAGES", "EVIDENCE_SCHEMA", "GROUPS", "GROUPS_CSV",
    "GROUPS_SCHEMA", "IMAGES_SCHEMA", "LABEL_CONFLICTS", "RELATED", "RELATED_CSV", "RELATED_SCHEMA",
    "find_stored", "read_evidence", "read_groups", "write_evidence", "write_groups",
]  # fmt: skip

EVIDENCE = "evidence.parquet"
EVIDENCE_CSV = "evidence.csv"
EVIDENCE_IMAGES = "evidence_images.parquet"
FINDINGS = "findings.parquet"
CHOSEN_EVIDENCE = "chosen_evidence.parquet"
"""Of groups: the rows of pairs with images that a person keeps, which evidence may lack."""
CHOSEN_FINDINGS = "chosen_findings.parquet"
"""Of groups: what was found of these images."""
GROUPS = "groups.parquet"
GROUPS_CSV = "groups.csv"
RELATED = "related.parquet"
RELATED_CSV = "related.csv"
LABEL_CONFLICTS = "label_conflicts.csv"
_MADE_WITH = "made_with"
_SETTLED = "settled"  # in related.parquet
_HEEDED = "heeded"  # in groups.parquet


def write_evidence(work_dir: WorkDir, evidence: Evidence) -> None:
    """Write evidence.parquet and .csv, evidence_images.parquet and findings.parquet, unless they are there already."""
    if evidence.is_stored:
        return
    facts = {"counts": json.dumps(dict(evidence.counts))}
    with work_dir.publish(EVIDENCE, EVIDENCE_CSV, EVIDENCE_IMAGES, FINDINGS) as (table, text, images, findings):
        rows = _as(EVIDENCE_SCHEMA, evidence.rows)
        rows.write_parquet(table, metadata=facts)
        write_table(text, rows)
        _as(IMAGES_SCHEMA, evidence.images).write_parquet(images)
        _write_findings(findings, evidence.findings)


def read_evidence(work_dir: WorkDir) -> Evidence:
    """Read evidence.parquet and evidence_images.parquet.

    Raises:
        WorkDirError: a file is missing, damaged or of another program.
    """
    remedy = "materialize evidence"
    rows, facts = read_parquet(work_dir, EVIDENCE, remedy, EVIDENCE_SCHEMA)
    images, _ = read_parquet(work_dir, EVIDENCE_IMAGES, remedy, IMAGES_SCHEMA)
    with naming_damage(work_dir, EVIDENCE, remedy):
        return Evidence(rows, images, json.loads(fact(facts, "counts")))


def read_findings(work_dir: WorkDir, made_with: str, name: str = FINDINGS) -> pl.DataFrame:
    """The rows of findings.parquet; none if it does not exist, or was made with something else.

    Args:
        work_dir: where it is.
        made_with: as of `KeptFindings`.
        name: of another file of findings.

    Raises:
        WorkDirError: it is damaged or of another program.
    """
    none, remedy = pl.DataFrame(schema=FINDINGS_SCHEMA), "materialize evidence and groups"
    if not work_dir.exists(name):
        return none
    with open_checked(work_dir, name) as file, naming_damage(work_dir, name, remedy):
        if fact(pl.read_parquet_metadata(file), _MADE_WITH) != made_with:  # columns may be of another version
            return none
        file.seek(0)
        rows = pl.read_parquet(file)
        check_columns(rows.schema, FINDINGS_SCHEMA)
        return rows


def write_groups(work_dir: WorkDir, groups: Groups) -> None:
    """Write the files of groups, of related images and of the history of ids, unless they are there already."""
    if groups.is_stored:
        return
    tables = (GROUPS, GROUPS_CSV, RELATED, RELATED_CSV)
    others = (VERDICT_CONFLICTS, LABEL_CONFLICTS, VERDICT_IMAGES, CHOSEN_EVIDENCE, CHOSEN_FINDINGS)
    with work_dir.publish(*tables, *others, *(HISTORY_FILES if groups.history else ())) as files:
        table, text, related, related_text, conflicts, labels, images, compared, findings, *history = files
        for rows, schema, parquet, csv, facts in (
            (groups.rows, GROUPS_SCHEMA, table, text, {_HEEDED: json.dumps(dict(groups.heeded))}),
            (groups.related, RELATED_SCHEMA, related, related_text, {_SETTLED: _as_text(groups.settled)}),
        ):
            _as(schema, rows).write_parquet(parquet, metadata=facts)
            write_table(csv, _as(schema, rows))
        write_conflicts(conflicts, groups.decided)
        write_table(labels, _labels_of(groups))
        write_verdict_images(images, _images_of(groups))
        _compared_of(groups).write_parquet(compared)
        _write_findings(findings, groups.findings)
        if groups.history:
            write_history(groups.history, tuple(history))


def read_groups(work_dir: WorkDir) -> Groups:
    """Read groups.parquet and related.parquet.

    Raises:
        WorkDirError: a file is missing, damaged or of another program.
    """
    remedy = "materialize groups"
    rows, counts = read_parquet(work_dir, GROUPS, remedy, GROUPS_SCHEMA)
    with naming_damage(work_dir, GROUPS, remedy):
        heeded = {str(name): int(count) for name, count in json.loads(counts.get(_HEEDED, "{}")).items()}
    related, facts = read_parquet(work_dir, RELATED, remedy, RELATED_SCHEMA)
    history = read_history(work_dir) if work_dir.exists(GROUP_IDS) else None
    with naming_damage(work_dir, RELATED, remedy):
        settled = _of_text(facts.get(_SETTLED, "[]"))
    labels, compared = _read_labels(work_dir), None
    if work_dir.exists(CHOSEN_EVIDENCE):
        compared, _ = read_parquet(work_dir, CHOSEN_EVIDENCE, remedy, EVIDENCE_SCHEMA)
    found = Groups(rows, related, history, decided=read_conflicts(work_dir), labels=labels, settled=settled)
    return replace(found, heeded=heeded, compared=compared)


def _as_text(settled: pl.DataFrame | None) -> str:
    rows = [] if settled is None else settled.rows()
    return json.dumps([(os.fsdecode(a), os.fsdecode(b), relation) for a, b, relation in rows])


def _of_text(text: str) -> pl.DataFrame:
    rows = [(os.fsencode(a), os.fsencode(b), relation) for a, b, relation in json.loads(text)]
    return pl.DataFrame(rows, schema=SETTLED_SCHEMA, orient="row")


def _labels_of(groups: Groups) -> pl.DataFrame:
    return groups.labels.rows if groups.labels else pl.DataFrame(schema=LABEL_CONFLICTS_SCHEMA)


def _images_of(groups: Groups) -> pl.DataFrame:
    return pl.DataFrame(schema=VERDICT_IMAGES_SCHEMA) if groups.verdict_images is None else groups.verdict_images


def _compared_of(groups: Groups) -> pl.DataFrame:
    rows = pl.DataFrame(schema=EVIDENCE_SCHEMA) if groups.compared is None else groups.compared
    return _as(EVIDENCE_SCHEMA, rows)


def _read_labels(work_dir: WorkDir) -> LabelConflicts | None:
    if not work_dir.exists(LABEL_CONFLICTS):
        return None
    with open_checked(work_dir, LABEL_CONFLICTS) as file:
        rows = list(read_columns(file, work_dir.path(LABEL_CONFLICTS), *LABEL_CONFLICTS_SCHEMA))
    texts = (
        (group.decode(), name, role.decode(), label.decode("utf-8", "replace")) for group, name, role, label in rows
    )
    return LabelConflicts(pl.DataFrame(list(texts), schema=LABEL_CONFLICTS_SCHEMA, orient="row"))


def find_stored(work_dir: WorkDir, groups: Groups) -> Groups:
    """The same groups, marked as stored if the work_dir holds exactly these: then nothing is written again.

    Groups of another version of this package, which have other columns, are written again.
    """
    known = read_config(work_dir).result("groups")
    digest = groups.decided.digest if groups.decided else ""
    if groups.history is None or groups.history.is_changed or digest != known.made_from.get("verdicts", ""):
        return groups
    if (
        work_dir.wrote(GROUPS)
        or not {VERDICT_CONFLICTS, LABEL_CONFLICTS, VERDICT_IMAGES, CHOSEN_EVIDENCE} <= known.files.keys()
        or not is_intact(work_dir, known)
    ):
        return groups
    try:
        stored = read_groups(work_dir)
    except WorkDirError:
        return groups
    is_same = stored.rows.equals(_as(GROUPS_SCHEMA, groups.rows))
    is_same = is_same and read_verdict_images(work_dir).equals(_images_of(groups))
    is_same = is_same and stored.related.equals(_as(RELATED_SCHEMA, groups.related))
    is_same = is_same and _as_text(stored.settled) == _as_text(groups.settled)
    is_same = is_same and _labels_of(stored).equals(_labels_of(groups))
    is_same = is_same and stored.heeded == groups.heeded
    is_same = is_same and _compared_of(stored).equals(_compared_of(groups))
    is_same = is_same and _are_stored(work_dir, groups.findings)
    is_same = is_same and stored.history is not None and stored.history.is_like(groups.history)
    return replace(groups, is_stored=is_same)


def _write_findings(file: BinaryIO, found: KeptFindings | None) -> None:
    found = found or _no_findings()
    _as(FINDINGS_SCHEMA, found.rows).write_parquet(file, metadata={_MADE_WITH: found.made_with})


def _no_findings() -> KeptFindings:
    return KeptFindings(pl.DataFrame(schema=FINDINGS_SCHEMA), "")


def _are_stored(work_dir: WorkDir, found: KeptFindings | None) -> bool:
    found = found or _no_findings()
    return read_findings(work_dir, found.made_with, CHOSEN_FINDINGS).equals(_as(FINDINGS_SCHEMA, found.rows))


def _as(schema: pl.Schema, table: pl.DataFrame) -> pl.DataFrame:
    return table.select(list(schema)).cast(schema)
