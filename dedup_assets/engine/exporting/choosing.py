"""Which images of a run are exported, and what is said of each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from dedup_assets.engine.core.errors import ExportError
from dedup_assets.engine.core.match_records import Relation, Role
from dedup_assets.engine.core.records import Source
from dedup_assets.engine.core.reviews import OF_TWIN
from dedup_assets.engine.core.set_records import LEAKING
from dedup_assets.engine.core.spelling import words_given
from dedup_assets.engine.inputs.belongings import Belongings
from dedup_assets.engine.work_dir import WorkDir, ledger_file, match_files
from dedup_assets.engine.work_dir.leak_files import LEAKS, read_leaks
from dedup_assets.engine.work_dir.manifest_file import MANIFEST, read_manifest

_NEEDLESS = "dup"
_ALLOWED = tuple(relation.value for relation in Relation if relation.is_same_picture)
TABLE_SCHEMA = pl.Schema(
    {
        **{"filename": pl.Binary, "tag": pl.String, "leak": pl.Boolean, "group_id": pl.String, "keep": pl.Binary},
        **{"similarity_to_keep": pl.Float64, "relation": pl.String, "kind": pl.String, "reason": pl.String},
        **{"size_bytes": pl.Int64, "width": pl.Int64, "height": pl.Int64, "content": pl.String},
    }
)
"""What is said of each image.

`tag` is `unique` (in no group), `keep`, `dup` (the kept image makes it needless), `copy` (of a relation that was not
named), `review` or `protected`. `leak`: it is in two named sets.
"""


@dataclass(frozen=True)
class Choice:
    """Which images.

    Attributes:
        only: relations to the kept image that make a copy needless.
        keep_only: leave out needless copies.
    """

    only: Sequence[str] = (Relation.EXACT.value,)
    keep_only: bool = False

    @classmethod
    def parse(cls, only: str | Collection[str], *, keep_only: bool) -> "Choice":
        """A choice from what a user gave. Raises ExportError for a relation that is not allowed."""
        named = tuple(words_given(only) or ())
        if not named or not set(named) <= set(_ALLOWED):
            raise ExportError(f"only={only!r}: must be one or more of {', '.join(_ALLOWED)}, with commas between them")
        return cls(named, keep_only)


@dataclass(frozen=True)
class Chosen:
    """Images to export.

    Attributes:
        table: one row per image, of `TABLE_SCHEMA`, by name.
        sources: where the bytes of each are.
        left_out: needless copies that are not among them.
        links: further names of files that are listed once.
    """

    table: pl.DataFrame
    sources: Sequence[Source]
    left_out: int
    links: int = 0


def choose(work_dir: WorkDir, choice: Choice) -> Chosen:
    """Choose the images of a work_dir.

    Raises:
        WorkDirError: a file of the run is missing or damaged.
        ExportError: no image is left.
    """
    ledger = ledger_file.read_ledger(work_dir).rows
    images = ledger.filter(pl.col("error_code").is_null()).select(
        "filename", "size_bytes", "content", "width", "height"
    )
    groups = match_files.read_groups(work_dir).rows
    known = match_files.read_evidence(work_dir).images.unique("filename").select("filename", "width", "height")
    table = images.join(groups, on="filename", how="left").join(known, on="filename", how="left", suffix="_compared")
    table = table.with_columns(pl.coalesce(f"{side}_compared", side).alias(side) for side in ("width", "height"))
    is_copy = pl.col("role") == Role.COPY.value
    tag = pl.when(is_copy & pl.col("relation").is_in(choice.only)).then(pl.lit(_NEEDLESS)).otherwise(pl.col("role"))
    table = table.with_columns(tag=tag.fill_null("unique"), leak=pl.col("filename").is_in(_leaked(work_dir)))
    table = _with_belongings(_with_twins(table, choice))
    table = table.select(pl.col(name).cast(kind) for name, kind in TABLE_SCHEMA.items()).sort("filename")
    left = table.filter(pl.col("tag") != _NEEDLESS) if choice.keep_only else table
    if not left.height:
        raise ExportError(f"work_dir={work_dir.url!r} has no good image to export")
    links = read_manifest(work_dir).links if work_dir.exists(MANIFEST) else None
    return Chosen(left, _sources(work_dir, left), table.height - left.height, 0 if links is None else links.height)


def _with_twins(table: pl.DataFrame, choice: Choice) -> pl.DataFrame:
    """Of images with the same bytes that are not needless beside the kept one, one is kept, and the others are."""
    if Relation.EXACT.value not in choice.only:
        return table
    staying = table.filter(pl.col("tag") != _NEEDLESS)["filename"]
    may_go = pl.col("tag").is_in([Role.COPY.value, Role.REVIEW.value]) & pl.col("twin").is_in(staying.implode())
    said = {"tag": _NEEDLESS, "relation": Relation.EXACT.value, "kind": "", "reason": OF_TWIN}
    changed = {name: pl.when(may_go).then(pl.lit(value)).otherwise(pl.col(name)) for name, value in said.items()}
    score = pl.when(may_go).then(1.0).otherwise("similarity_to_keep")
    return table.with_columns(keep=pl.when(may_go).then("twin").otherwise("keep"), similarity_to_keep=score, **changed)


def _with_belongings(table: pl.DataFrame) -> pl.DataFrame:
    """An image is not needless where something belongs to it that the kept one does not have."""
    belongings = Belongings()
    rows = table.select("filename", "keep", "tag").iter_rows()
    tags = [
        Role.REVIEW.value if tag == _NEEDLESS and not belongings.are_kept(name, keep) else tag
        for name, keep, tag in rows
    ]
    return table.with_columns(tag=pl.Series(tags, dtype=pl.String))


def _leaked(work_dir: WorkDir) -> list[bytes]:
    if not work_dir.exists(LEAKS):
        return []
    rows = read_leaks(work_dir).rows.filter(pl.col("role").is_in(LEAKING))
    return pl.concat([rows["a"], rows["b"]]).unique().to_list()


def _sources(work_dir: WorkDir, table: pl.DataFrame) -> list[Source]:
    if not work_dir.exists(MANIFEST):
        return [Source(name, -1, "") for name in table["filename"]]
    listed = read_manifest(work_dir).images
    rows = table.select("filename").join(listed, on="filename", how="left", maintain_order="left")
    inside = [name if name in rows.columns else pl.lit(None).alias(name) for name in ("container", "place")]
    rows = rows.select("filename", pl.col("size_bytes").fill_null(-1), pl.col("version").fill_null(""), *inside)
    return [Source(*row) for row in rows.iter_rows()]
