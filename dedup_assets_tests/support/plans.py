"""Groups of real files, for plans and what follows from them."""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from dedup_assets.engine.cleaning.planning import Listed, PlanOptions, make_plan
from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.match_tables import EVIDENCE_SCHEMA, GROUPS_SCHEMA, IMAGES_SCHEMA, RELATED_SCHEMA
from dedup_assets.engine.core.plan_records import TRASH, Plan
from dedup_assets.engine.core.records import Manifest
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.identity import Result, file_records, record_results
from dedup_assets.engine.work_dir.manifest_file import write_manifest
from dedup_assets.engine.work_dir.match_files import write_evidence, write_groups
from dedup_assets.engine.work_dir.publishing import making_generation
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

COPY = ("copy", "exact")


def save_copies(top: Path, groups: Mapping[str, Sequence[str]]) -> None:
    """Save a picture under each name of a group, each group with a picture of its own."""
    for seed, (kept, copies) in enumerate(groups.items()):
        save_jpeg(top / kept, photo_like(seed))
        for name in copies:
            path = os.path.join(os.fsencode(top), os.fsencode(name))  # noqa: PTH118 - wild names
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
            with open(path, "wb") as file:  # noqa: PTH123
                file.write((top / kept).read_bytes())


def groups_of(
    top: Path, groups: Mapping[str, Sequence[str]], roles: Mapping[str, tuple[str, str]] | None = None
) -> tuple[Groups, Evidence]:
    """Groups of kept files and their copies, and what is known about these files.

    Args:
        top: folder of all names.
        groups: copies by the kept file.
        roles: role and relation of names that are no exact copies.
    """
    rows = []
    for number, (kept, copies) in enumerate(groups.items()):
        keep = os.fsencode(top / kept)
        rows.append((keep, f"g-{number:012x}", "keep", keep, 1.0, "", "", "more pixels", "", None))
        for name in copies:
            role, relation = (roles or {}).get(name, COPY)
            rows.append(
                (os.fsencode(top / name), f"g-{number:012x}", role, keep, 1.0, relation, "", "more pixels", "", None)
            )
    table = pl.DataFrame(rows, schema=GROUPS_SCHEMA, orient="row")
    images = [(name, *_facts(name), 1) for name in table["filename"]]
    given = ["filename", "content", "size_bytes", "frames"]
    known = pl.DataFrame(images, schema={name: IMAGES_SCHEMA[name] for name in given}, orient="row")
    others = [pl.lit(None, kind).alias(name) for name, kind in IMAGES_SCHEMA.items() if name not in given]
    known = known.with_columns(others).select(list(IMAGES_SCHEMA))
    related = pl.DataFrame(schema=RELATED_SCHEMA)
    return Groups(table, related), Evidence(pl.DataFrame(schema=EVIDENCE_SCHEMA), known)


def plan_for(
    top: Path,
    groups: Mapping[str, Sequence[str]],
    options: PlanOptions | None = None,
    *,
    roles: Mapping[str, tuple[str, str]] | None = None,
    others: int = 100,
    linked: Iterable[str] = (),
) -> Plan:
    """A plan for files below a folder that was the input.

    Args:
        top: the input.
        groups: as of `groups_of`.
        options: trash of exact copies by default.
        roles: as of `groups_of`.
        others: images of the run that are in no group.
        linked: names that have other names, too.
    """
    made, evidence = groups_of(top, groups, roles)
    single = [os.fsencode(top / f"single {number}.jpg") for number in range(others)]
    names = pl.concat([made.rows["filename"], pl.Series(single, dtype=pl.Binary)])
    listed = Listed(names, (), {os.fsencode(top / name) for name in linked}, [os.fsencode(top)])
    return make_plan(made, evidence, listed, options or PlanOptions(), "of a test")


def save_results(
    work_dir: Path,
    top: Path,
    groups: Mapping[str, Sequence[str]],
    *,
    others: int = 100,
    where: str = "",
    roles: Mapping[str, tuple[str, str]] | None = None,
    honoured: str = "",
    roots: Sequence[str] = (),
) -> WorkDir:
    """Write what a run leaves that found these groups below a folder.

    Args:
        work_dir: where.
        top: the input.
        groups: as of `groups_of`.
        others: images of the run that are in no group.
        where: URL of the prefix that holds the same files; the input is local otherwise.
        roles: as of `groups_of`.
        honoured: digest of the verdicts that the groups honour.
        roots: texts `PATH:ROLE`.
    """
    made, evidence = groups_of(top, groups, roles)
    if where:
        made, evidence = _elsewhere(made, evidence, os.fsencode(top), where.encode())
    names = [
        *made.rows["filename"],
        *(os.fsencode(where or top) + b"/single %d.jpg" % number for number in range(others)),
    ]
    images = pl.DataFrame({"index": range(len(names)), "filename": names}).with_columns(
        size_bytes=pl.lit(-1, pl.Int64),
        version=pl.lit(""),
        container=pl.lit(None, pl.Binary),
        place=pl.lit(None, pl.Int64),
    )
    results = WorkDir(str(work_dir))
    with making_generation(results, "a test") as generation:
        view = results.in_generation(generation)
        settings = {"input_dir": where or str(top), "roots": list(roots)}
        for name, write, value in (
            ("image_manifest", write_manifest, Manifest(images, len(names), "digest")),
            ("evidence", write_evidence, evidence),
            ("groups", write_groups, made),
        ):
            view.written.clear()
            write(view, value)
            made_from = {"verdicts": honoured} if honoured and name == "groups" else {}
            result = Result(files=file_records(view.written), settings=settings, made_from=made_from)
            record_results(view, {name: result}, settings, {})
    return results


def _elsewhere(groups: Groups, evidence: Evidence, top: bytes, url: bytes) -> tuple[Groups, Evidence]:
    def moved(column: pl.Series) -> pl.Series:
        return pl.Series([url + name.removeprefix(top) for name in column], dtype=pl.Binary)

    rows = groups.rows.with_columns(filename=moved(groups.rows["filename"]), keep=moved(groups.rows["keep"]))
    images = evidence.images.with_columns(filename=moved(evidence.images["filename"]))
    return Groups(rows, groups.related), Evidence(evidence.rows, images)


def tree(top: Path) -> dict[str, tuple[str, int, int]]:
    """Content, time and permissions of each file below a folder by its name, without trash folders."""
    found = {}
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name != TRASH]
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118 - wild names
            facts = os.lstat(path)
            content = _facts(os.fsencode(path))[0] if stat.S_ISREG(facts.st_mode) else ""
            found[os.path.relpath(path, top)] = (content, facts.st_mtime_ns, facts.st_mode)
    return found


def contents(*tops: Path) -> set[str]:
    """SHA-256 of all files below some folders, trash included."""
    return {
        _facts(os.fsencode(os.path.join(folder, name)))[0]  # noqa: PTH118 - wild names
        for top in tops
        for folder, _, names in os.walk(top)
        for name in names
        if not name.startswith((".lock", "journal"))
    }


def _facts(name: bytes) -> tuple[str, int]:
    try:
        with open(name, "rb") as file:  # noqa: PTH123 - a Path of bytes does not exist
            content = file.read()
    except OSError:
        return "0" * 64, -1
    return hashlib.sha256(content).hexdigest(), len(content)
