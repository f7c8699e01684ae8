"""How a work_dir is recognised, in any version of this package: by its config.json, and by the names of folders in it.

Listing leaves such folders out, and publishing refuses to replace a config.json of another program. Both ask
`is_own_config`; only `engine.work_dir.identity` reads what is in the file.
"""

import json
from collections.abc import Mapping
from typing import Any

CONFIG = "config.json"
GALLERY = "gallery"
GALLERY_FILES = "files-"  # beginning of the name of the folder that the pages of a gallery load; a digest follows
CALIBRATION = "calibration.html"  # which `calibrate` writes, and a gallery links
SHARDS = "shards"
SEARCHED = "neighbors"
TEST = "test"  # of a test set
RANGE_FOLDER = r"\d{12}-(?:\d{12}|end)"  # of a range of run_mode 1
FORMAT = "dedup-assets work_dir"
"""The value of `format` in every config.json since format_version 2."""

_FORMER_SETTINGS = {"input_dir", "work_dir", "run_mode"}  # keys of a config.json that does not name its format


def is_own_config(content: bytes) -> bool:
    """Whether the content of a config.json was written by this package, in this or any other version.

    Args:
        content: the whole file. Anything but a JSON object of this package gives False, also a damaged file.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return False
    if not isinstance(found, dict):
        return False
    return found.get("format") == FORMAT if "format" in found else is_former_config(found)


def is_former_config(found: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a config.json of an older version, which did not name its format."""
    settings, features, results = (found.get(name) for name in ("settings", "features", "results"))
    return (
        (isinstance(settings, dict) and settings.keys() >= _FORMER_SETTINGS)
        or (isinstance(features, dict) and "model_sha256" in features)
        or (
            isinstance(results, dict)
            and any(isinstance(facts, dict) and "files" in facts for facts in results.values())
        )
    )
