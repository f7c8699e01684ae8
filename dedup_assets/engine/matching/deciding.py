"""Groups of evidence and verdicts: verdicts may be about images that were never compared."""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import polars as pl

from dedup_assets.engine import stores
from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.group_history import GroupHistory
from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.match_tables import IMAGES_SCHEMA
from dedup_assets.engine.core.records import Features
from dedup_assets.engine.core.root_roles import Roots
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.core.verdict_records import Decided, GivenVerdict, Verdicts
from dedup_assets.engine.groups import form_groups, hold_libraries, keep_ids
from dedup_assets.engine.inputs.containers import split_frame
from dedup_assets.engine.inputs.reading import read
from dedup_assets.engine.matching.candidates import pair_similarities
from dedup_assets.engine.matching.comparing_chosen import compare_chosen
from dedup_assets.engine.matching.following_edits import FACTS, Followed, follow_edits
from dedup_assets.engine.matching.following_ids import follow_ids
from dedup_assets.engine.work_dir import WorkDir, ledger_file, match_files
from dedup_assets.engine.work_dir.file_names import LEDGER
from dedup_assets.engine.work_dir.group_history_files import open_given
from dedup_assets.engine.work_dir.ledger_file import read_former_ledger
from dedup_assets.engine.work_dir.tables import LEDGER_SCHEMA
from dedup_assets.engine.work_dir.verdict_file import VerdictFile
from dedup_assets.engine.work_dir.verdict_images import (
    VERDICT_IMAGES,
    keep_images_beside,
    read_images_beside,
    read_verdict_images,
)


def decide_groups(
    settings: Settings,
    evidence: Evidence,
    features: Features,
    verdicts: Verdicts,
    work_dir: WorkDir,
    history: GroupHistory,
    labelled: pl.Series | None = None,
) -> Groups:
    """Form the groups that evidence proves and people have decided, with ids that last.

    Args:
        settings: of the run. With `evidence=off` there are no groups.
        evidence: of the work_dir.
        features: of the work_dir.
        verdicts: what people have decided.
        work_dir: knows the contents of images.
        history: of groups, as earlier runs have left it.
        labelled: as of `form_groups`.

    Raises:
        WorkDirError: the image ledger is damaged.
    """
    known = read_verdict_images(_former(settings, work_dir))
    if settings.evidence == "off":
        none = form_groups(evidence, settings.keep_policy, replace(verdicts, given=()))
        return replace(keep_ids(none, evidence.images, history), verdict_images=known)
    followed = _followed(verdicts, known, settings, work_dir)
    verdicts = followed.verdicts
    compared, findings = compare_chosen(evidence, verdicts.active(), features, settings, work_dir)
    evidence = evidence.with_rows(compared)
    images = pl.concat([evidence.images, _uncompared(evidence, features, verdicts.active(), work_dir)])
    roots = Roots(settings.roots, settings.places_apart)
    formed = form_groups(replace(evidence, images=images), settings.keep_policy, verdicts, roots, labelled)
    groups = keep_ids(formed, images, _followed_ids(history, settings, work_dir))
    kept = groups.rows.select("group_id", "keep").unique()
    related = groups.related.join(kept, on="group_id", how="left", maintain_order="left")
    return replace(
        groups,
        rows=hold_libraries(_with_similarities(groups.rows, "similarity_to_keep", features, settings)),
        related=_with_similarities(related, "similarity", features, settings).drop("keep"),
        decided=_told(groups.decided, known, settings, work_dir),
        verdict_images=followed.images,
        compared=compared,
        findings=findings,
    )


def _former(settings: Settings, work_dir: WorkDir) -> WorkDir:
    """The results whose images of verdicts are known: of the last run, or those whose ids a new work_dir takes over."""
    former = work_dir.in_generation("") if work_dir.wrote(VERDICT_IMAGES) else work_dir
    if settings.group_ids_from and not former.exists(match_files.GROUPS):
        former = open_given(settings.group_ids_from)
    return former


def _followed(verdicts: Verdicts, known: pl.DataFrame, settings: Settings, work_dir: WorkDir) -> Followed:
    """The verdicts on present contents, by what this work_dir and others with the same verdicts know of pixels."""
    place = VerdictFile.of(settings.verdicts, settings.work_dir).path if verdicts.given else ""  # an import fills it
    beside = read_images_beside(place)
    known = pl.concat([known, beside.join(known.select("content"), on="content", how="anti")])
    listed = _good(work_dir).select("filename", "content", *FACTS).drop_nulls("content")
    followed = follow_edits(verdicts, known, listed, settings, work_dir, lambda: _contents_before(work_dir))
    keep_images_beside(settings.verdicts, followed.images)
    return followed


def _followed_ids(history: GroupHistory, settings: Settings, work_dir: WorkDir) -> GroupHistory:
    """The history, in which files that were written into since the last run are in their groups."""
    former = read_former_ledger(_former(settings, work_dir)) if history.run else None
    return history if former is None else follow_ids(history, former.rows, _good(work_dir))


def _told(decided: Decided | None, known: pl.DataFrame, settings: Settings, work_dir: WorkDir) -> Decided | None:
    """The outcome without verdicts of a shared file on images that were never here, which are of other collections."""
    if decided is None or not decided.unmatched or not settings.verdicts:
        return decided
    once = {*known["content"], *_contents_before(work_dir), *contents_known(work_dir)["content"]}
    return replace(decided, unmatched=tuple(each for each in decided.unmatched if each.pair <= once))


def _contents_before(work_dir: WorkDir) -> set[str]:
    former = read_former_ledger(work_dir)
    return set() if former is None else set(former.rows["content"].drop_nulls())


def contents_known(work_dir: WorkDir) -> pl.DataFrame:
    """`filename`, `content` and `size_bytes` of the good images of a work_dir; the content is null where unknown."""
    return _good(work_dir).select("filename", "content", "size_bytes")


def _good(work_dir: WorkDir) -> pl.DataFrame:
    """The rows of good images in the ledger; none if there is no ledger."""
    if not work_dir.exists(LEDGER):
        return pl.DataFrame(schema=LEDGER_SCHEMA)
    return ledger_file.read_ledger(work_dir).rows.filter(pl.col("error_code").is_null())


def hash_image(name: bytes) -> str:
    """SHA-256 of an image's bytes, in hex, wherever it lies.

    Raises:
        ImageError: it cannot be read, or is a frame of a video, which has no bytes of its own.
    """
    return hashlib.sha256(read(name)).hexdigest()


def _uncompared(
    evidence: Evidence, features: Features, verdicts: Iterable[GivenVerdict], work_dir: WorkDir
) -> pl.DataFrame:
    """Images that verdicts are about and that were not compared, with what is known of them."""
    verdicts = list(verdicts)
    wanted = {content for verdict in verdicts for content in verdict.pair}
    wanted -= set(evidence.images["content"].drop_nulls())
    if not wanted:
        return evidence.images.clear()
    known = contents_known(work_dir)
    found = known.filter(pl.col("content").is_in(list(wanted)))
    missing = wanted - set(found["content"])
    if missing:  # features of an earlier version, or of another program, have no contents
        unhashed = known.filter(pl.col("content").is_null())["filename"] if known.height else features.names
        sides = [(each.a_name, each.a_content) for each in verdicts] + [
            (each.b_name, each.b_content) for each in verdicts
        ]
        names = pl.Series([name for name, content in sides if content in missing], dtype=pl.Binary).unique()
        rows = [
            (name, content, None)
            for name in names.filter(names.is_in(unhashed.implode())).sort()
            if (content := hash_named(name))
        ]
        found = pl.concat([found, pl.DataFrame(rows, schema=found.schema, orient="row")])
    found = found.with_columns(frames=pl.lit(1, pl.Int64)).filter(
        ~pl.col("filename").is_in(evidence.images["filename"].implode())
    )
    missing_columns = [
        pl.lit(None, kind).alias(name) for name, kind in IMAGES_SCHEMA.items() if name not in found.columns
    ]
    return found.with_columns(missing_columns).select(list(IMAGES_SCHEMA)).cast(IMAGES_SCHEMA)


def hash_named(name: bytes) -> str:
    """As `hash_image`; empty if it cannot be read or is a frame of a video."""
    with suppress(ImageError):
        return "" if split_frame(name) and not stores.is_url(name) else hash_image(name)
    return ""


def _with_similarities(rows: pl.DataFrame, column: str, features: Features, settings: Settings) -> pl.DataFrame:
    """The rows; where a person decided about images that were not compared, the similarity of their vectors."""
    places = np.flatnonzero(rows[column].is_null().to_numpy())
    if not len(places):
        return rows
    chosen = rows[places]
    names = pl.concat([chosen["filename"], chosen["keep"]]).unique()
    at = np.flatnonzero(features.names.is_in(names.implode()).to_numpy())
    number = dict(zip(features.names.gather(at), at.tolist(), strict=True))
    one, other = (np.array([number[name] for name in chosen[side]], np.int64) for side in ("filename", "keep"))
    values = rows[column].to_numpy(writable=True)
    values[places] = pair_similarities(features.vectors, one, other, settings.distance)
    return rows.with_columns(pl.Series(column, values, dtype=pl.Float64).fill_nan(None))
