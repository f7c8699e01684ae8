"""The code location of `dedup-assets ui`: the pipeline with the command's options as suggestions in the launchpad.

The environment carries them, so that nothing is written into a folder of the user.
"""

import json
import os

from dedup_assets.pipeline.building import build_definitions
from dedup_assets.pipeline.serving.processes import SUGGESTIONS

defs = build_definitions(**json.loads(os.environ.get(SUGGESTIONS, "{}")))
