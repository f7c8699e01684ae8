"""What each result of a work_dir depends on, and whether its files are still what was recorded.

`settings_read` declares which settings each result reads; `config` holds the records of config.json and is the only
module that reads or writes it; `recording` adds the record of one result; `checking` compares files with their records;
`origins` says whether results belong together; `run_again` has the command that makes them again. Nothing here computes
or formats a result.
"""

from dedup_assets.engine.work_dir.identity.checking import (
    ChangedFileError,
    inode_of,
    is_intact,
    open_checked,
    open_checked_local,
    sha256_of,
)
from dedup_assets.engine.work_dir.identity.config import (
    Config,
    FeatureFacts,
    FileRecord,
    GalleryFacts,
    Result,
    digest_of,
    read_config,
)
from dedup_assets.engine.work_dir.identity.libraries import installed_versions, library_versions
from dedup_assets.engine.work_dir.identity.origins import (
    IMAGE_LEDGER,
    check_belongs,
    differing_settings,
    identity_of,
    origin,
    replaced_origins,
)
from dedup_assets.engine.work_dir.identity.recording import file_records, record_results
from dedup_assets.engine.work_dir.identity.run_again import run_command
from dedup_assets.engine.work_dir.identity.settings_read import settings_read, settings_shown

__all__ = [
    "IMAGE_LEDGER",
    "ChangedFileError",
    "Config",
    "FeatureFacts",
    "FileRecord",
    "GalleryFacts",
    "Result",
    "check_belongs",
    "differing_settings",
    "digest_of",
    "file_records",
    "identity_of",
    "inode_of",
    "installed_versions",
    "is_intact",
    "library_versions",
    "open_checked",
    "open_checked_local",
    "origin",
    "read_config",
    "record_results",
    "replaced_origins",
    "run_command",
    "settings_read",
    "settings_shown",
    "sha256_of",
]
