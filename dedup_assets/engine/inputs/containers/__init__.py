"""Files that hold many images: archives, tables and videos, read in place. Nothing is ever unpacked to disk.

Listing and reading share this package: what one finds inside a container, the other must find again. `names` names the
images inside, `zips`, `tars`, `tables` and `videos` list and read them, `table_rows` reads what is beside an image,
`budget` bounds how long unpacking takes, and `contents` is the door to all images.
"""

from dedup_assets.engine.inputs.containers.contents import DECODER, find_inside, list_inside, read_frames, read_inside
from dedup_assets.engine.inputs.containers.names import archives_around, split_frame
from dedup_assets.engine.inputs.containers.table_rows import TableRows

__all__ = [
    "DECODER",
    "TableRows",
    "archives_around",
    "find_inside",
    "list_inside",
    "read_frames",
    "read_inside",
    "split_frame",
]
