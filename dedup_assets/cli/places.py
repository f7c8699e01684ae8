"""What a local argument of the command line is: a folder of results, or an image."""

import os
from pathlib import Path

from dedup_assets.engine.core.own_files import CONFIG, is_own_config
from dedup_assets.engine.inputs.kinds import IMAGE_EXTENSIONS, extension_of


def holds_results(folder: str) -> bool:
    """Whether a local folder has a config.json of this package."""
    config = Path(folder, CONFIG)
    try:
        return config.is_file() and is_own_config(config.read_bytes())
    except (OSError, ValueError):
        return False


def is_image(name: str) -> bool:
    """Whether a name is that of an image, by its extension."""
    return extension_of(os.fsencode(name)) in IMAGE_EXTENSIONS
