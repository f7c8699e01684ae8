"""The files of leaks between sets. docs/reference.md, "Files", describes the columns. Names are bytes."""

import hashlib
import json
import os
from io import BytesIO

import polars as pl

from dedup_assets.engine.core.set_records import Leaks
from dedup_assets.engine.core.set_tables import FIX_SCHEMA, LEAKS_SCHEMA, MATRIX_SCHEMA
from dedup_assets.engine.work_dir.csv_rows import read_table, write_table
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import fact, naming_damage, read_parquet

LEAKS, LEAKS_CSV = "leaks.parquet", "leaks.csv"
MATRIX_CSV = "leak_matrix.csv"
FIX_CSV = "split_fix.csv"


def write_leaks(work_dir: WorkDir, leaks: Leaks) -> None:
    """Write leaks.parquet, leaks.csv, leak_matrix.csv and split_fix.csv; nothing of a run without sets."""
    if not leaks.has_sets:
        return
    facts = {"sizes": json.dumps(dict(leaks.sizes)), "evaluation": json.dumps(leaks.evaluation)}
    with work_dir.publish(LEAKS, LEAKS_CSV, MATRIX_CSV, FIX_CSV) as (table, text, matrix, fix):
        leaks.rows.write_parquet(table, metadata=facts)
        write_table(text, leaks.rows)
        write_table(matrix, leaks.matrix)
        write_table(fix, leaks.fix)


def read_leaks(work_dir: WorkDir) -> Leaks:
    """Read leaks.parquet, leak_matrix.csv and split_fix.csv.

    Raises:
        WorkDirError: a file is missing, damaged or of another program.
    """
    remedy = "with named sets, --set NAME=INPUT"
    rows, facts = read_parquet(work_dir, LEAKS, remedy, LEAKS_SCHEMA)
    matrix, fix = _table(work_dir, MATRIX_CSV, MATRIX_SCHEMA), _table(work_dir, FIX_CSV, FIX_SCHEMA)
    with naming_damage(work_dir, LEAKS, remedy):
        evaluation = tuple(json.loads(fact(facts, "evaluation")))
        return Leaks(rows, matrix, fix, json.loads(fact(facts, "sizes")), evaluation)


def digest_of_leaks(leaks: Leaks) -> str:
    """A digest of all that leaks.csv, leak_matrix.csv and split_fix.csv hold."""
    content = BytesIO(json.dumps([dict(leaks.sizes), leaks.evaluation]).encode())
    content.seek(0, os.SEEK_END)
    for table in (leaks.rows, leaks.matrix, leaks.fix):
        write_table(content, table)
    return hashlib.sha256(content.getbuffer()).hexdigest()


def _table(work_dir: WorkDir, name: str, schema: pl.Schema) -> pl.DataFrame:
    remedy = "with named sets, --set NAME=INPUT"
    work_dir.require(name, remedy=f"run the pipeline with sets first ({remedy})")
    with work_dir.open(name) as file, naming_damage(work_dir, name, remedy):
        return read_table(file, work_dir.path(name), dict(schema))
