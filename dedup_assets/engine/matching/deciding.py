"""Groups of evidence and verdicts: verdicts may be about images that were never compared."""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import polars as pl

from dedup_assets.engine import stores
from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.match_tables import IMAGES_SCHEMA
from dedup_assets.engine.core.records import Features
from dedup_assets.engine.core.root_roles import Roots
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.core.verdict_records import GivenVerdict, Verdicts
from dedup_assets.engine.groups import form_groups
from dedup_assets.engine.inputs.containers import split_frame
from dedup_assets.engine.inputs.reading import read
from dedup_assets.engine.matching.candidates import pair_similarities
from dedup_assets.engine.matching.following_edits import Followed, follow_edits
from dedup_assets.engine.work_dir import WorkDir, files, match_files
from dedup_assets.engine.work_dir.file_names import LEDGER
from dedup_assets.engine.work_dir.group_history_files import open_given
from dedup_assets.engine.work_dir.verdict_images import VERDICT_IMAGES, read_verdict_images


def decide_groups(
    settings: Settings,
    evidence: Evidence,
    features: Features,
    verdicts: Verdicts,
    work_dir: WorkDir,
    labelled: pl.Series | None = None,
) -> Groups:
    """Form the groups that evidence proves and people have decided.

    Args:
        settings: of the run. With `evidence=off` there are no groups.
        evidence: of the work_dir.
        features: of the work_dir.
        verdicts: what people have decided.
        work_dir: knows the contents of images.
        labelled: as of `form_groups`.

    Raises:
        WorkDirError: the image ledger is damaged.
    """
    if settings.evidence == "off":
        return form_groups(evidence, settings.keep_policy, replace(verdicts, given=()))
    followed = _followed(verdicts, settings, work_dir)
    verdicts = followed.verdicts
    images = pl.concat([evidence.images, _uncompared(evidence, features, verdicts.active(), work_dir)])
    roots = Roots(settings.roots, settings.places_apart)
    groups = form_groups(replace(evidence, images=images), settings.keep_policy, verdicts, roots, labelled)
    kept = groups.rows.select("group_id", "keep").unique()
    related = groups.related.join(kept, on="group_id", how="left", maintain_order="left")
    return replace(
        groups,
        rows=_with_similarities(groups.rows, "similarity_to_keep", features, settings),
        related=_with_similarities(related, "similarity", features, settings).drop("keep"),
        verdict_images=followed.images,
    )


def _followed(verdicts: Verdicts, settings: Settings, work_dir: WorkDir) -> Followed:
    """The verdicts on present contents. A new work_dir knows the pixels that the one knew whose ids it takes over."""
    former = work_dir.in_generation("") if work_dir.wrote(VERDICT_IMAGES) else work_dir
    if settings.group_ids_from and not former.exists(match_files.GROUPS):
        former = open_given(settings.group_ids_from)
    listed = contents_known(work_dir).select("filename", "content").drop_nulls()
    return follow_edits(verdicts, read_verdict_images(former), listed, settings, work_dir)


def contents_known(work_dir: WorkDir) -> pl.DataFrame:
    """`filename`, `content` and `size_bytes` of the good images of a work_dir; the content is null where unknown."""
    if not work_dir.exists(LEDGER):
        return pl.DataFrame(schema={"filename": pl.Binary, "content": pl.String, "size_bytes": pl.Int64})
    ledger = files.read_ledger(work_dir).rows
    return ledger.filter(pl.col("error_code").is_null()).select("filename", "content", "size_bytes")


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
            if (content := _hash(name))
        ]
        found = pl.concat([found, pl.DataFrame(rows, schema=found.schema, orient="row")])
    found = found.with_columns(frames=pl.lit(1, pl.Int64)).filter(
        ~pl.col("filename").is_in(evidence.images["filename"].implode())
    )
    missing_columns = [
        pl.lit(None, kind).alias(name) for name, kind in IMAGES_SCHEMA.items() if name not in found.columns
    ]
    return found.with_columns(missing_columns).select(list(IMAGES_SCHEMA)).cast(IMAGES_SCHEMA)


def _hash(name: bytes) -> str:
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
