"""Groups of real files, for plans and what follows from them."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from dedup_assets.engine.cleaning.planning import Listed, PlanOptions, make_plan
from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.match_tables import EVIDENCE_SCHEMA, GROUPS_SCHEMA, IMAGES_SCHEMA, RELATED_SCHEMA
from dedup_assets.engine.core.plan_records import Plan
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
        rows.append((keep, f"g-{number:012x}", "keep", keep, 1.0, "", "", "more pixels"))
        for name in copies:
            role, relation = (roles or {}).get(name, COPY)
            rows.append((os.fsencode(top / name), f"g-{number:012x}", role, keep, 1.0, relation, "", "more pixels"))
    table = pl.DataFrame(rows, schema=GROUPS_SCHEMA, orient="row")
    images = [(name, *_facts(name), 1) for name in table["filename"]]
    given = ["filename", "content", "size_bytes", "frames"]
    known = pl.DataFrame(images, schema={name: IMAGES_SCHEMA[name] for name in given}, orient="row")
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


def _facts(name: bytes) -> tuple[str, int]:
    try:
        with open(name, "rb") as file:  # noqa: PTH123 - a Path of bytes does not exist
            content = file.read()
    except OSError:
        return "0" * 64, -1
    return hashlib.sha256(content).hexdigest(), len(content)
