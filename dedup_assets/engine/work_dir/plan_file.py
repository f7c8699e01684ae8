"""plan.jsonl: what is to happen to copies, as text that a person may read and shorten.

The first line is the header, each other line one file that is acted upon; docs/reference.md, "Plans", describes the
fields. Removing lines is allowed. Each line ends with a digest of its fields and of the plan that it belongs to, so
that a changed name, or a line of another plan, is noticed.

Names are bytes. In JSON they are text in UTF-8; a byte that is not UTF-8 is an escape between udc80 and udcff, as
Python's `surrogateescape` (PEP 383) has it, so that every name can be read back.
"""

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.core.plan_records import Action, Plan, Root
from dedup_assets.engine.core.plan_tables import PLAN_SCHEMA
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.place import Place

PLAN = "plan.jsonl"
FORMAT = "dedup-assets plan"
VERSION = 1
_DIGITS = 32
_NAMES = ("filename", "keep")
_Fields = dict[str, Any]


def plan_text(plan: Plan) -> bytes:
    """The lines of a plan."""
    rows = [_fields_of(row) for row in plan.rows.iter_rows(named=True)]
    header, digested = _header_of(plan), [_digested(row) for row in rows]
    plan_id = _digest("", _digested(header), *digested)
    header["plan"] = plan_id
    lines = [header | {"digest": _digest("", _digested(header))}]
    lines += [row | {"digest": _digest(plan_id, known)} for row, known in zip(rows, digested, strict=True)]
    return b"".join(json_line(fields) for fields in lines)


def read_plan(url: str) -> Plan:
    """Read a plan.

    Args:
        url: path or URL of the file.

    Raises:
        PlanError: there is none, or more was changed than lines removed.
        WorkDirError: it cannot be read.
    """
    place, name = place_of(url)
    content = place.read_placed(name)
    if content is None:
        if why := place.missing():
            raise PlanError(f"plan={url!r}: {place.url!r}{why}; name a plan, or the results of a run that has one")
        results = shlex.quote(place.url)
        raise PlanError(f"there is no plan {url!r}; make one from the results of a run: dedup-assets plan {results}")
    return parse_plan(content, url)


def place_of(url: str) -> tuple[Place, str]:
    """The folder of a file, and its name in it."""
    parent, _, name = url.rpartition("/")
    return Place(parent or ("/" if url.startswith("/") else ".")), name


def write_plan_file(work_dir: WorkDir, plan: Plan) -> None:
    """Write plan.jsonl."""
    with work_dir.publish(PLAN) as (file,):
        file.write(plan_text(plan))


def read_plan_file(work_dir: WorkDir) -> Plan:
    """Read plan.jsonl of a work_dir, which a person may have shortened. Raises PlanError or WorkDirError."""
    work_dir.require(PLAN, remedy="make a plan first (dedup-assets plan, or materialize plan)")
    with work_dir.open(PLAN) as file:
        return parse_plan(file.read(), work_dir.path(PLAN))


def parse_plan(content: bytes, path: str) -> Plan:
    """The plan in a file.

    Args:
        content: of the file.
        path: for messages.

    Raises:
        PlanError: more was changed than lines removed.
    """
    if FORMAT.encode() not in content.partition(b"\n")[0]:
        raise PlanError(
            f"{path!r} is no plan of dedup-assets: its first line is not the header of one. If it is a list of files "
            f"marked in the gallery, make a plan of it: dedup-assets plan WORK_DIR --marked {shlex.quote(path)}"
        )
    found = _parsed(content, path)
    number, header = next(found, (1, {}))
    if header.get("format") != FORMAT:
        raise PlanError(f"{path!r} is no plan of dedup-assets: its first line is not the header of one")
    if header.get("format_version") != VERSION:
        raise PlanError(
            f"{path!r} has format_version={header.get('format_version')!r}; this version of dedup-assets reads "
            f"{VERSION}: make the plan again"
        )
    _check(header, "", number, path)
    try:
        return _plan_of(header, found, path)
    except (KeyError, TypeError, ValueError, AttributeError, pl.exceptions.PolarsError) as error:
        raise PlanError(f"{path!r} is no plan that dedup-assets wrote: {type(error).__name__}: {error}") from None


def _plan_of(header: _Fields, found: Iterator[tuple[int, _Fields]], path: str) -> Plan:
    plan_id = str(header["plan"])
    columns: dict[str, list[Any]] = {name: [] for name in PLAN_SCHEMA}
    seen: dict[str, int] = {}
    for number, row in found:
        _check(row, plan_id, number, path)
        first = seen.setdefault(row["filename"], number)
        if first != number:
            raise PlanError(f"{path!r}: lines {first} and {number} name the same file; remove one")
        for name, values in columns.items():
            values.append(name_of_text(row[name]) if name in _NAMES else row[name])
    rows = pl.DataFrame(columns, schema=PLAN_SCHEMA)
    return Plan(
        rows=rows,
        generation=header["generation"],
        action=Action(header["action"]),
        only=tuple(header["only"]),
        to=header["to"],
        roots=tuple(Root(name_of_text(each["name"]), each["images"]) for each in header["roots"]),
        left_out=header["left_out"],
        returned=header["returned"],
        policy=header["policy"],
        work_dir=header["work_dir"],
        plan_id=plan_id,
        planned=header["counts"]["files"],
    )


def text_of_name(name: bytes) -> str:
    """A name as JSON holds it; `name_of_text` gives the bytes back."""
    return name.decode("utf-8", "surrogateescape")


def name_of_text(text: str) -> bytes:
    """The bytes of a name, from JSON."""
    return text.encode("utf-8", "surrogateescape")


def json_line(fields: Mapping[str, Any]) -> bytes:
    """An object as a line of JSON: readable characters as they are, and only escapes where a name is not UTF-8."""
    try:
        return json.dumps(fields, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(fields).encode() + b"\n"


def _header_of(plan: Plan) -> _Fields:
    rows = plan.rows
    counts = dict(sorted(rows.group_by("relation").len().iter_rows()))
    return {
        "format": FORMAT,
        "format_version": VERSION,
        "generation": plan.generation,
        "policy": plan.policy,
        "action": plan.action.value,
        "only": list(plan.only),
        "to": plan.to,
        "counts": {"groups": rows["group_id"].n_unique(), "files": rows.height, **counts},
        "bytes": int(rows["bytes"].sum()),
        "left_out": dict(sorted(plan.left_out.items())),
        "returned": plan.returned,
        "roots": [{"name": text_of_name(root.name), "images": root.images} for root in plan.roots],
        "work_dir": plan.work_dir,
    }


def _fields_of(row: Mapping[str, Any]) -> _Fields:
    named = {name: text_of_name(row[name]) for name in _NAMES}
    return {**row, **named, "similarity": round(row["similarity"], 6)}


def _parsed(content: bytes, path: str) -> Iterator[tuple[int, _Fields]]:
    """The objects of a file, with the numbers of their lines."""
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise PlanError(f"{path!r}, line {number}: it is no JSON object; lines may be removed, not changed")
        yield number, fields


def _check(fields: _Fields, plan_id: str, number: int, path: str) -> None:
    """Check that a line is as it was written. Raises PlanError."""
    given = {name: value for name, value in fields.items() if name != "digest"}
    if fields.get("digest") != _digest(plan_id, _digested(given)):
        what = "belongs to another plan, or one of its fields was" if plan_id else "is the header, which was"
        raise PlanError(
            f"{path!r}, line {number}: it {what} changed; lines may be removed, not changed: make the plan again"
        )


def _digest(plan_id: str, *lines: bytes) -> str:
    sha = hashlib.sha256(plan_id.encode())
    for line in lines:
        sha.update(line)
    return sha.hexdigest()[:_DIGITS]


def _digested(fields: _Fields) -> bytes:
    """What of a line is digested."""
    known = {**fields, "similarity": f"{fields['similarity']:.6f}"} if _is_number(fields) else fields
    return json.dumps(known, sort_keys=True).encode() + b"\n"


def _is_number(fields: _Fields) -> bool:
    return isinstance(fields.get("similarity"), int | float)
