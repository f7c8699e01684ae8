"""The gallery of an earlier run, if nothing that it shows has changed; else a new one.

Without reuse, a run without changes would spend most of its time reading the headers of all shown files. The content
of a gallery depends on the results, the listing, the files themselves (the image ledger holds their sizes and
versions), the settings, which it lists, and the code that makes it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from dedup_assets.engine import gallery
from dedup_assets.engine.core.own_files import CALIBRATION, GALLERY
from dedup_assets.engine.core.package_version import package_version
from dedup_assets.engine.core.records import Gallery
from dedup_assets.engine.core.set_records import Leaks
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.gallery.building import build_gallery
from dedup_assets.engine.gallery.found import Results
from dedup_assets.engine.gallery.thumbnail_memory import ThumbnailMemory
from dedup_assets.engine.pictures.versions import decoding_fingerprint
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.former_galleries import is_complete
from dedup_assets.engine.work_dir.identity import (
    IMAGE_LEDGER,
    Config,
    GalleryFacts,
    Result,
    digest_of,
    identity_of,
    is_intact,
    read_config,
    settings_shown,
)
from dedup_assets.engine.work_dir.leak_files import digest_of_leaks

_SHOWN = ("features", IMAGE_LEDGER, "bad_images", "similarity", "outliers", "components")
_SHOWN_IF_MADE = ("evidence", "groups")


def find_or_build_gallery(
    results: Callable[[], Results], settings: Settings, work_dir: WorkDir, leaks: Leaks | None = None
) -> Gallery:
    """The gallery of these results: the one in the work_dir if it shows exactly these, else a new one.

    A new one takes over the thumbnails of files that are what they were.

    Args:
        results: returns what a gallery shows; called only if a new one is made.
        settings: settings of the run.
        work_dir: where the results are, and perhaps a gallery.
        leaks: what named sets share; the results do not decide it, because a list names the sets of its rows.
    """
    config = read_config(work_dir)
    made_of, known = _made_of(settings, work_dir, config, leaks), config.result(GALLERY)
    if made_of and known.made_of == made_of and known.gallery is not None and _is_whole(work_dir, known, known.gallery):
        pages = dict.fromkeys((name.removeprefix(f"{GALLERY}/") for name in known.files), "")
        return Gallery(pages, known.gallery.folder, (), known.gallery.size_bytes, made_of=made_of, is_stored=True)
    found = replace(results(), calibrated=work_dir.exists(CALIBRATION))
    memory = ThumbnailMemory.of(found.listed, work_dir, known.gallery.folder if known.gallery else "", _code())
    return replace(build_gallery(found, settings, memory), made_of=made_of)


def _made_of(settings: Settings, work_dir: WorkDir, config: Config, leaks: Leaks | None) -> str:
    """Digest of all that decides the gallery; empty if the identity of a result is unknown."""
    shown = {name: identity_of(config, name) for name in _SHOWN}
    if not all(shown.values()):
        return ""
    shown |= {name: identity_of(config, name) for name in _SHOWN_IF_MADE}
    listing = identity_of(config, "image_manifest")  # may be empty, because stored features may have no listing
    sets = "" if leaks is None else digest_of_leaks(leaks)
    is_calibrated = work_dir.exists(CALIBRATION)
    return digest_of([shown, listing, settings_shown(settings), work_dir.url, sets, is_calibrated, _code()])


def _is_whole(work_dir: WorkDir, known: Result, facts: GalleryFacts) -> bool:
    """Whether all pages are unchanged, and the folder that they load has all its files."""
    return is_intact(work_dir, known) and is_complete(work_dir, f"{GALLERY}/{facts.folder}")


@cache
def _code() -> str:
    """Digest of what makes a gallery: the package's version, the decoders, and all files of `engine/gallery`."""
    sha = hashlib.sha256(f"{package_version()} {decoding_fingerprint()}".encode())
    for path in sorted(Path(str(gallery.__file__)).parent.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            sha.update(path.read_bytes())
    return sha.hexdigest()
