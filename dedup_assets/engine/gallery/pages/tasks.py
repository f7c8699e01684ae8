"""What to do about copies, by how certain it is that nothing is lost: how many files, their bytes, and the command."""

import shlex
from dataclasses import dataclass

import polars as pl

from dedup_assets.engine.core.match_records import Relation, Role
from dedup_assets.engine.core.redaction import redacted_url
from dedup_assets.engine.gallery.pages.grouping import NumberedGroups
from dedup_assets.engine.gallery.pages.keeping import find_removable
from dedup_assets.engine.gallery.pages.quantities import count_things

_OPEN = (Relation.VARIANT.value, Relation.UNVERIFIED.value)


@dataclass(frozen=True)
class Task:
    """One entry of the list.

    Attributes:
        certainty: what is known, in a few words.
        meaning: what that means for the files, in a sentence.
        files: how many of them it is about.
        noun: `file`, `image` (a frame or a member is no file) or `pair`.
        size_bytes: their known sizes together; 0 for pairs.
        command: what a person types next; empty if there is nothing to type.
    """

    certainty: str
    meaning: str
    files: int
    noun: str
    size_bytes: int
    command: str


_OF_COPIES = (
    (
        (Relation.EXACT,),
        "Identical: the same bytes",
        "Only the name differs. These are suggested to go.",
        "exact",
    ),
    (
        (Relation.PIXELS,),
        "Identical pixels in another file",
        "The picture is the same; dates, places and other metadata may not be.",
        "exact,pixels",
    ),
    (
        (Relation.COPY, Relation.SAME),
        "Near-identical: edited copies",
        "Resized, cropped, recoloured, or the same by a verdict. Look first: a small difference may matter, and a "
        "larger image may be an enlargement of the other.",
        "exact,pixels,copy,same",
    ),
)
COPIES_TO_REVIEW = "Copies to review: each may have what the kept one lacks"
_WHY_REVIEW = "Detail, text or metadata, or a margin. What was done says which; no plan takes them unless you ask."
_STAYING = "Exact copies that stay"
_WHY_STAYING = (
    "Something lies beside each that the kept one has not, such as a sidecar, a raw file or a film; or its label or "
    "set is another one. The plan says which."
)
_SIMILAR = "Similar, but not the same picture"
_WHY_SIMILAR = (
    "Other pictures, or undecided by their pixels. No plan takes them; say what they are, and the next run knows."
)
_INSIDE = "Copies inside archives and videos"
_WHY_INSIDE = "Nothing is removed from inside an archive or a video."
_PROTECTED = "Protected copies"
_WHY_PROTECTED = "A verdict or a root protects them, so nothing happens to them."


def list_tasks(groups: NumberedGroups, pairs: pl.DataFrame, facts: pl.DataFrame, work_dir: str) -> list[Task]:
    """The tasks that have files, the most certain first.

    Args:
        groups: the groups.
        pairs: the pairs of `NumberedResults`.
        facts: a row for each file, as `shown_files.tabulate` gives them.
        work_dir: path or URL of the results.
    """
    here = shlex.quote(redacted_url(work_dir)) if work_dir else "WORK_DIR"
    files = groups.copies["file"]
    may_go = pl.col("role").is_in([Role.COPY.value, Role.REVIEW.value])
    is_twin = pl.col("twin").is_not_null() & may_go  # of a copy that stays
    said = {"relation": Relation.EXACT.value, "role": Role.COPY.value}
    copies = groups.copies.select("relation", "role", "twin", "stays").with_columns(
        pl.when(is_twin).then(pl.lit(value)).otherwise(pl.col(name)).alias(name) for name, value in said.items()
    )
    table = copies.with_columns(facts["size_bytes"].gather(files), is_single=find_removable(facts).gather(files))
    single, inside = table.filter("is_single"), table.filter(~pl.col("is_single"))
    planned = single.filter(role=Role.COPY.value)
    tasks = [
        _task(certainty, meaning, planned.filter(pl.col("relation").is_in(relations)), _plan(here, only))
        for relations, certainty, meaning, only in _OF_COPIES
    ]
    look = f"dedup-assets review {here}"
    tasks.append(_task(COPIES_TO_REVIEW, _WHY_REVIEW, single.filter(~pl.col("stays"), role=Role.REVIEW.value), look))
    tasks.append(_task(_STAYING, _WHY_STAYING, single.filter("stays"), _plan(here, Relation.EXACT.value)))
    open_pairs = pairs.filter(pl.col("relation").is_in(_OPEN)).height if "relation" in pairs.columns else 0
    tasks.append(Task(_SIMILAR, _WHY_SIMILAR, open_pairs, "pair", 0, look))
    tasks.append(_task(_PROTECTED, _WHY_PROTECTED, single.filter(role=Role.PROTECTED.value), ""))
    to_review = inside.filter(~pl.col("stays"), role=Role.REVIEW.value).height
    why = f"{_WHY_INSIDE} {count_things(to_review, 'image')} of them may have what the kept one lacks."
    tasks.append(_task(_INSIDE, why if to_review else _WHY_INSIDE, inside, "", "image"))
    return [task for task in tasks if task.files]


def _plan(work_dir: str, only: str) -> str:
    chosen = "" if only == Relation.EXACT.value else f" --only {only}"
    return f"dedup-assets plan {work_dir}{chosen}"


def _task(certainty: str, meaning: str, rows: pl.DataFrame, command: str, noun: str = "file") -> Task:
    return Task(certainty, meaning, rows.height, noun, int(rows["size_bytes"].sum()), command)
