"""The gallery of an earlier run, where nothing that it shows has changed since; else a new one.

A composer. Most of what a re-run would take is reading the headers of all files that were found, for a gallery that is
the same. What it shows depends on the results, on the files themselves (whose sizes and versions the features' ledger
holds, so they are part of its identity), on the settings, which it lists, and on the code that makes it.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from dedup_assets.engine.core.records import Gallery
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.gallery import pages as report
from dedup_assets.engine.gallery.building import Results, build_gallery
from dedup_assets.engine.work_dir import WorkDir, files, provenance

_SHOWN = ("features", "bad_images", "similarity", "outliers", "components")
_NOTED = "gallery"  # in config.json


def find_or_build_gallery(results: Callable[[], Results], settings: Settings, work_dir: WorkDir) -> Gallery:
    """The gallery of these results: the one that stands in the work_dir where it shows just these, else a new one.

    Args:
        results: gives what is shown, where it is needed.
        settings: of the run.
        work_dir: where the results stand, and perhaps a gallery.
    """
    made_of = _made_of(settings, work_dir)
    known = files.read_config(work_dir).get(_NOTED, {})
    if made_of and known.get("made_of") == made_of and _stands(work_dir, known["folder"], known["pages"]):
        pages = dict.fromkeys(known["pages"], "")
        return Gallery(pages, known["folder"], (), known["bytes"], made_of=made_of, is_stored=True)
    return replace(build_gallery(results(), settings), made_of=made_of)


def note_gallery(work_dir: WorkDir, config: dict[str, object], gallery: Gallery) -> None:
    """Note in a configuration of the work_dir which gallery was written, for the next run to find."""
    if gallery.made_of and not gallery.is_stored:
        config[_NOTED] = {
            "made_of": gallery.made_of,
            "folder": gallery.folder,
            "pages": {page: work_dir.version(f"{files.GALLERY}/{page}") for page in gallery.pages},
            "bytes": sum(map(len, gallery.pages.values())) + gallery.file_bytes,
        }


def _made_of(settings: Settings, work_dir: WorkDir) -> str:
    """Equal where a gallery would be; empty where it is not known what the results are."""
    config = files.read_config(work_dir)
    shown = {name: provenance.identity(work_dir, config, name) for name in _SHOWN}
    if not all(shown.values()):
        return ""
    facts = [shown, settings.model_dump(mode="json", exclude={"version", "verbose"}), work_dir.url, _code()]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _stands(work_dir: WorkDir, folder: str, pages: dict[str, str]) -> bool:
    """Whether the files are there that a gallery was noted to have: its pages as they were, and what they load."""
    if folder not in work_dir.within(files.GALLERY).in_generation("").folders():
        return False
    names = {f"{files.GALLERY}/{page}": noted for page, noted in pages.items()}
    return all(work_dir.exists(name) and work_dir.version(name) == noted for name, noted in names.items())


@cache
def _code() -> str:
    """The version of the package and, where its files lie open, what makes pages."""
    sha = hashlib.sha256(version("dedup-assets").encode())
    for path in sorted(Path(str(report.__file__)).parent.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            sha.update(path.read_bytes())
    return sha.hexdigest()
