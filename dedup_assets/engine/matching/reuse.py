"""Evidence and groups that stand are used again: comparing pictures is the dearest step after the embedding."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import polars as pl

from dedup_assets.engine import core, decoders, groups, matching, pictures
from dedup_assets.engine import evidence as comparing
from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.package_version import package_version
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.core.verdict_records import Decided, Verdicts
from dedup_assets.engine.pictures.versions import decoding_fingerprint
from dedup_assets.engine.work_dir import WorkDir, ledger_file, match_files
from dedup_assets.engine.work_dir.file_names import LEDGER
from dedup_assets.engine.work_dir.identity import digest_of, identity_of, is_intact, read_config, settings_read

UNREADABLE = "unreadable"
"""The count of images that could not be read while they were compared."""

_EVIDENCE, _GROUPS = "evidence", "groups"
_MADE_FROM = ("features", "similarity")
_LOG = logging.getLogger(__name__)


def find_or_gather(settings: Settings, work_dir: WorkDir, gather: Callable[[], Evidence], sets: str = "") -> Evidence:
    """The evidence in the work_dir if it is of exactly these results and settings, else what `gather` finds.

    Evidence that misses pictures because they could not be read is gathered again by the next run.

    Args:
        settings: settings of the run.
        work_dir: holds the results that the evidence is about.
        gather: called only if there is no such evidence.
        sets: identifies the named sets and what is in them; empty: there are none.
    """
    config = read_config(work_dir)
    sources = [identity_of(config, name) for name in _MADE_FROM]
    decisive = [*sources, _contents_of(work_dir), settings_read(_EVIDENCE, settings), code_digest(), sets]
    made_of = digest_of(decisive) if all(sources) else ""
    known = config.result(_EVIDENCE)
    if made_of and known.made_of == made_of and is_intact(work_dir, known):
        try:
            return replace(match_files.read_evidence(work_dir), made_of=made_of, is_stored=True)
        except WorkDirError as error:
            _LOG.warning("%s: the pictures are compared again", error)
    found = gather()
    return replace(found, made_of="" if found.counts.get(UNREADABLE, 0) else made_of)


def find_or_decide(settings: Settings, work_dir: WorkDir, verdicts: Verdicts, decide: Callable[[], Groups]) -> Groups:
    """The groups in the work_dir if they are of exactly this evidence and these settings, else what `decide` forms.

    Groups are formed again where more than evidence decides them: verdicts, labels, sets, or roots, which follow links.

    Args:
        settings: settings of the run.
        work_dir: holds the evidence, and perhaps groups of an earlier run.
        verdicts: what people have decided.
        decide: called only if there are no such groups.
    """
    config = read_config(work_dir)
    known, source = config.result(_GROUPS), identity_of(config, _EVIDENCE)
    judged = verdicts.active() or verdicts.bad
    has_more = judged or settings.labels or settings.asked_sets or settings.roots or settings.across_only
    made_of = "" if has_more or not source else digest_of([source, settings_read(_GROUPS, settings), code_digest()])
    if made_of and known.made_of == made_of and not work_dir.wrote(match_files.GROUPS) and is_intact(work_dir, known):
        try:
            stored = match_files.read_groups(work_dir)
            return replace(stored, decided=Decided(verdicts.digest), labels=None, made_of=made_of, is_stored=True)
        except WorkDirError as error:
            _LOG.warning("%s: the groups are formed again", error)
    return replace(match_files.find_stored(work_dir, decide()), made_of=made_of)


def _contents_of(work_dir: WorkDir) -> str:
    """Digest of the files' contents: a note in a file changes them, and may leave its vector as it is."""
    if not work_dir.exists(LEDGER):
        return ""
    listed = ledger_file.read_ledger_columns(work_dir, "error_code", "content", "version")
    rows = listed.filter(pl.col("error_code").is_null())
    return hashlib.sha256(
        "\n".join(rows.select(pl.coalesce("content", "version", pl.lit(""))).to_series()).encode()
    ).hexdigest()


@cache
def code_digest() -> str:
    """Digest of what decides evidence and groups besides pictures: the code of `deciding_files`, and the decoders."""
    sha = hashlib.sha256(f"{package_version()} {decoding_fingerprint()}".encode())
    for path in deciding_files():
        sha.update(path.read_bytes())
    return sha.hexdigest()


def deciding_files() -> list[Path]:
    """The code that compares, reads metadata and forms groups, with the words that tell what a person decides."""
    folders = [
        Path(str(package.__file__)).parent for package in (core, decoders, comparing, groups, matching, pictures)
    ]
    found = (path for folder in folders for path in sorted(folder.rglob("*")))
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]
