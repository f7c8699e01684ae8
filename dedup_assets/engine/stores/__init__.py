"""Read files from any place: local paths as bytes, and URLs of S3, HTTP and everything else that fsspec opens.

`files` serves both; `local` and `remote` hold what is particular to each; `patience` repeats requests to a busy store;
`problems` interprets errors of stores; `advice` says what to set. Listing, reading, containers and the work_dir share
all of it.
"""

from dedup_assets.engine.stores.advice import advise
from dedup_assets.engine.stores.files import describe, is_url, local_path, open_file, open_urls_by, read_at
from dedup_assets.engine.stores.local import local_version, near_path, read_file
from dedup_assets.engine.stores.problems import find_problem, reason_of
from dedup_assets.engine.stores.remote import describe_object, object_info, open_store, read_object, read_small_object

__all__ = [
    "advise",
    "describe",
    "describe_object",
    "find_problem",
    "is_url",
    "local_path",
    "local_version",
    "near_path",
    "object_info",
    "open_file",
    "open_store",
    "open_urls_by",
    "read_at",
    "read_file",
    "read_object",
    "read_small_object",
    "reason_of",
]
