"""`dedup-assets query`: whether images are among those of a run, or resemble some of them."""

import json
import os
import shlex
import sys
from typing import TYPE_CHECKING

import click

from dedup_assets.api.answer_records import answer_record
from dedup_assets.api.index import DEFAULT_K, Index
from dedup_assets.api.outcomes import ERROR, answer, report
from dedup_assets.cli.places import holds_results, is_image

if TYPE_CHECKING:
    from dedup_assets.engine.query import FoundImage, ImageAnswer


@click.command(short_help="Ask the results of a run whether they have an image.")
@click.argument("files", nargs=-1, metavar="FILE...")
@click.argument("work_dir")
@click.option("-k", default=DEFAULT_K, show_default=True, type=click.IntRange(1), help="Most images found for each.")
@click.option(
    "--min-similarity",
    type=float,
    help="Least similarity of these; by default 0.45 for cosine, and none for other metrics.",
)
@click.option("--evidence/--no-evidence", default=True, help="Compare pixels, which reads the images found.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--allow-urls", is_flag=True, help="A FILE may be a URL, which is then read.")
@click.option("--model-path", help="The model that made the results, if it is no longer where the run read it.")
@click.option("--num-threads", default=-1, show_default=True, help="Images decoded at once; -1: one per core.")
def query(
    files: tuple[str, ...],
    work_dir: str,
    *,
    k: int,
    min_similarity: float | None,
    evidence: bool,
    as_json: bool,
    allow_urls: bool,
    model_path: str | None,
    num_threads: int,
) -> None:
    """Find the images of WORK_DIR that each FILE resembles, and say which are the same picture.

    A FILE that cannot be used is named on stderr; the others are answered, and the exit code is 1.
    """
    if not files:
        raise click.UsageError(f"Missing argument {'WORK_DIR' if is_image(work_dir) else 'FILE...'!r}.")
    _refuse_swapped(files, work_dir)
    with Index(work_dir, model_path=model_path, num_threads=num_threads, allow_urls=allow_urls) as index:
        asked = index.ask(list(files), k=k, min_similarity=min_similarity, evidence=evidence)
        generation = index.generation
    if as_json:
        records = [answer_record(each) for each in asked]
        answer(json.dumps({"generation": generation, "queries": records}, indent=2))
    for each in asked:
        if each.problem is not None:
            report(f"{each.label}: {each.problem.code}: {each.problem}")
        elif not as_json:
            _show(each, is_compared=evidence)
    if any(each.problem is not None for each in asked):
        sys.exit(ERROR)


def _refuse_swapped(files: tuple[str, ...], work_dir: str) -> None:
    """Refuse an image in the place of WORK_DIR, if the first argument is a folder with results."""
    if is_image(work_dir) and not os.path.isdir(work_dir) and holds_results(files[0]):  # noqa: PTH112 - wild names
        right = shlex.join(["dedup-assets", "query", *files[1:], work_dir, files[0]])
        raise click.UsageError(
            f"FILE={files[0]!r} holds results, and WORK_DIR={work_dir!r} is an image. Write: {right}"
        )


def _show(asked: "ImageAnswer", *, is_compared: bool) -> None:
    same = sum(found.is_same_picture for found in asked.found)
    others = len(asked.found) - same
    if not asked.found:
        said = "no image resembles it"
    elif not is_compared:
        said = f"resembles {_counted(others)}; pixels were not compared"
    else:
        resembled = f"resembles {_counted(others)}" if others else ""
        said = ", ".join(filter(None, [f"the same picture as {_counted(same)}" if same else "", resembled]))
    answer(f"{asked.label}: {said}")
    for found in asked.found:
        answer(f"  {found.similarity:.6f}  {_relation(found):<28}  {os.fsdecode(found.filename)}{_notes(found)}")


def _counted(images: int) -> str:
    return f"{images} image{'s' if images != 1 else ''}"


def _relation(found: "FoundImage") -> str:
    said = found.witness
    if said is None:
        return ""
    return f"{said.relation}: {said.kind}" if said.kind else str(said.relation)


def _notes(found: "FoundImage") -> str:
    said = [found.group_id] * bool(found.group_id) + ["no longer there"] * found.is_gone
    said += [f"also {os.fsdecode(name)}" for name in found.also]
    return f"  ({', '.join(said)})" if said else ""
