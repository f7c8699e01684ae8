"""Lists of files that a person marked in the gallery: which of them a plan takes, and why not others.

The gallery writes paths one per line, paths with a zero byte after each, CSV and JSON. The bytes of a list say which of
these it is, because a person may have renamed the file.
"""

import json
from collections.abc import Collection, Mapping

import polars as pl

from dedup_assets.engine.cleaning.touching import quoted
from dedup_assets.engine.core.csv_records import NOT_CSV, read_records
from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.core.match_records import REVIEW_SEPARATOR, Role
from dedup_assets.engine.core.plan_records import Unplanned
from dedup_assets.engine.work_dir.plan_file import FORMAT, name_of_text, place_of

_NAME = "filename"
_BOM, _UTF_16 = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_UNKNOWN = "not in the results"
_ALONE = "no copy: in no group of one picture"
_KEPT = "the kept image of its group, without which its copies would have none"
_BY_HAND = "marked by a person"


def read_marks(url: str) -> list[bytes]:
    """The names in a list of marked files, each once, in its order.

    Args:
        url: path or URL of the file.

    Raises:
        PlanError: it is not there, or is no such list.
        WorkDirError: it cannot be read.
    """
    place, name = place_of(url)
    content = place.read_placed(name)
    if content is None:
        raise PlanError(f"marked={url!r}: there is no such file; name a list that the gallery has saved")
    if FORMAT.encode() in content.partition(b"\n")[0]:
        raise PlanError(f"marked={url!r} is a plan, not a list of marked files: dedup-assets apply takes it as it is")
    try:
        found = list(dict.fromkeys(filter(None, _names_in(content.removeprefix(_BOM)))))
    except ValueError as error:
        raise PlanError(f"marked={url!r}: {error}") from None
    if not found:
        raise PlanError(f"marked={url!r} names no file; mark some in the gallery, and save the list again")
    return found


def _names_in(content: bytes) -> Collection[bytes]:
    """The names in a list. Raises ValueError, in words."""
    if content.startswith(_UTF_16):
        raise ValueError("it is saved as UTF-16: save it as UTF-8, without changes to the names")
    if b"\0" in content:
        return content.split(b"\0")
    if (objects := _objects_in(content)) is not None:
        texts = [each.get(_NAME) if isinstance(each, dict) else None for each in objects]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"it is JSON, and not a list of objects with a text {_NAME!r} each")
        return [name_of_text(str(text)) for text in texts]
    header = content.partition(b"\n")[0].rstrip(b"\r")
    if header.split(b",")[0] != _NAME.encode():
        is_of_windows = content.count(b"\n") == content.count(b"\r\n")  # an editor there ends all lines so
        return content.split(b"\r\n" if is_of_windows else b"\n")
    # latin-1 maps each byte to one character and back: the parser sees text, the names stay bytes.
    names = []
    for record in read_records(content.decode("latin-1")):
        if record.cells is None:
            raise ValueError(f"line {record.line}: {NOT_CSV}")
        names += [record.cells[0].encode("latin-1")] if record.cells and record.line > 1 else []
    return names


def _objects_in(content: bytes) -> list[object] | None:
    """The list that a file in JSON holds; None if it is written in something else."""
    try:
        found = json.loads(content) if content.lstrip()[:1] == b"[" else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def only_marked(
    rows: pl.DataFrame, marked: Collection[bytes], listed: pl.Series
) -> tuple[pl.DataFrame, list[Unplanned]]:
    """The rows of marked files, and what else was marked.

    Args:
        rows: as `make_plan` has them: `why_not` is empty for rows that are planned.
        marked: names.
        listed: (n,) binary: all images of the run.

    Returns:
        The rows of marked copies, with what a person would have to look at in their `reason`; and marked names that
        are none, with the reason.

    Raises:
        PlanError: none of the names is an image of the run.
    """
    roles: Mapping[bytes, str] = dict(rows.select("filename", "role").iter_rows())
    known, others = set(listed), list[Unplanned]()
    if known.isdisjoint(marked):
        first = quoted(next(iter(marked), b""))
        raise PlanError(f"none of the {len(marked):,} marked files, such as {first}, is an image of these results")
    for name in marked:
        if name not in roles:
            others.append(Unplanned(name, _ALONE if name in known else _UNKNOWN))
        elif roles[name] == Role.KEEP.value:
            others.append(Unplanned(name, _KEPT))
    chosen = rows.filter(pl.col("filename").is_in(list(marked)) & (pl.col("role") != Role.KEEP.value))
    looked_at = pl.lit(f"; {_BY_HAND}, who decides because: ") + pl.col("review").str.replace_all(
        REVIEW_SEPARATOR, ", "
    )
    is_open = (pl.col("role") == Role.REVIEW.value) & (pl.col("review") != "")
    said = pl.when(is_open).then(looked_at).otherwise(pl.lit(f"; {_BY_HAND}"))
    return chosen.with_columns(reason=pl.col("reason") + said), others
