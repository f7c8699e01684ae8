"""Unfinished uploads in parts that killed runs left on a store: they are invisible, but stored and paid for."""

import logging
from datetime import UTC, datetime
from typing import Any

from dedup_assets.engine.core.own_files import GALLERY, SEARCHED, SHARDS
from dedup_assets.engine.work_dir.file_names import FEATURES, IMAGE_FACTS, LEDGER, STAGED
from dedup_assets.engine.work_dir.place import Place

ABANDONED_SECONDS = 24 * 3600.0  # a worker without the lock may be uploading, but takes less than a day for a file
_FOLDERS = tuple(f"{name}/" for name in (STAGED, SHARDS, SEARCHED, GALLERY))  # where this package uploads
_LARGE = {FEATURES, LEDGER, IMAGE_FACTS}  # a store copies large files into their places in parts, too
_LOG = logging.getLogger(__name__)


def abort_abandoned_uploads(place: Place) -> int:
    """Abort uploads into a work_dir on S3 that began more than a day ago; returns their number.

    On a store that cannot list uploads they stay, because a run should not fail for them.
    """
    if "s3" not in place.filesystem.protocol:
        return 0
    bucket, _, prefix = place.root.strip("/").partition("/")
    try:
        uploads = _list_uploads(place.filesystem, bucket, f"{prefix}/" if prefix else "")
        abandoned = [upload for upload in uploads if _age_seconds(upload["Initiated"]) > ABANDONED_SECONDS]
        for upload in abandoned:
            place.filesystem.call_s3(
                "abort_multipart_upload", Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        _LOG.info("unfinished uploads in work_dir=%r are not tidied: %s", place.url, error)
        return 0
    return len(abandoned)


def _list_uploads(filesystem: Any, bucket: str, prefix: str) -> list[dict[str, Any]]:  # noqa: ANN401 - fsspec is untyped
    found = filesystem.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix).get("Uploads", [])
    names = ((upload["Key"].removeprefix(prefix), upload) for upload in found)
    return [upload for name, upload in names if name.startswith(_FOLDERS) or name in _LARGE]


def _age_seconds(began: datetime) -> float:
    return (datetime.now(UTC) - began).total_seconds()
