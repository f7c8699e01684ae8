"""Answers about images as values that JSON holds: the same for the command line and the HTTP service.

Names are text. Bytes of names that are not UTF-8 become surrogate escapes, which `os.fsencode` turns back into bytes.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dedup_assets.engine.core.errors import ImageError
    from dedup_assets.engine.query import FoundImage, ImageAnswer, PairAnswer
    from dedup_assets.engine.query.answers import Witness


def answer_record(answer: "ImageAnswer") -> dict[str, Any]:
    """The answer for one given image: `query` and `matches`, or `error` where it cannot be used."""
    record: dict[str, Any] = {"query": answer.label}
    if answer.problem is not None:
        return record | {"error": error_record(answer.problem)}
    matches = [_match_record(rank, found) for rank, found in enumerate(answer.found, 1)]
    return record | {"matches": matches}


def pair_record(answer: "PairAnswer") -> dict[str, Any]:
    """The answer for two given images: `similarity` and the fields of a witness; or `errors` by the image's name."""
    problems = {name: error_record(bad) for name, bad in zip("ab", answer.problems, strict=True) if bad}
    if problems:
        return {"errors": problems}
    said = answer.witness
    if said is None:
        raise ValueError("an answer without problems has a witness")
    overlaps = {"overlap_a": said.overlap_given, "overlap_b": said.overlap_stored}
    edited = {"given": "a", "stored": "b"}.get(said.edited, said.edited)
    return {
        "similarity": answer.similarity,
        **_said(said),
        "edited": edited,
        **overlaps,
        "transform": said.transform and list(said.transform),
    }


def error_record(problem: "ImageError") -> dict[str, str]:
    """Why an image cannot be used: `code`, as in features.bad.csv, and `message`."""
    return {"code": str(problem.code), "message": str(problem)}


def _match_record(rank: int, found: "FoundImage") -> dict[str, Any]:
    said = found.witness
    unasked = dict.fromkeys(("same_picture", "relation", "kind", "edited"))
    return {
        "rank": rank,
        "filename": os.fsdecode(found.filename),
        "similarity": found.similarity,
        **(_said(said) if said else unasked),
        "group_id": found.group_id or None,
        "keep": None if found.keep is None else os.fsdecode(found.keep),
        "gone": found.is_gone,
        "also": [os.fsdecode(name) for name in found.also],
    }


def _said(said: "Witness") -> dict[str, Any]:
    same = said.relation.is_same_picture
    return {"same_picture": same, "relation": str(said.relation), "kind": said.kind, "edited": said.edited}
