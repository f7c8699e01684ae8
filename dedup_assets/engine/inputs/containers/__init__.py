"""Files that hold many images: archives and videos, read in place. Nothing is ever unpacked to disk.

Listing and reading share this package: what one finds inside a container, the other must find again. `names` says how
images inside are called, `zips`, `tars` and `videos` list and read them, `budget` bounds how long unpacking takes,
`contents` is the door to all three.
"""

from dedup_assets.engine.inputs.containers.budget import IMAGE_SECONDS
from dedup_assets.engine.inputs.containers.contents import DECODER, find_inside, list_inside, read_frames, read_inside
from dedup_assets.engine.inputs.containers.names import IMAGE_EXTENSIONS, Kind, is_streamed, kind_of, split_frame

__all__ = [
    "DECODER",
    "IMAGE_EXTENSIONS",
    "IMAGE_SECONDS",
    "Kind",
    "find_inside",
    "is_streamed",
    "kind_of",
    "list_inside",
    "read_frames",
    "read_inside",
    "split_frame",
]
