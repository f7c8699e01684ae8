"""Recording results in config.json."""

import logging
from collections.abc import Mapping
from typing import Any

from dedup_assets.engine.work_dir.identity.checking import find_changed
from dedup_assets.engine.work_dir.identity.config import (
    FileRecord,
    Result,
    StagedRecord,
    forget,
    merged,
    read_placed,
    stage_config,
    stage_record,
    staged_records,
)
from dedup_assets.engine.work_dir.place import Place
from dedup_assets.engine.work_dir.view import View
from dedup_assets.engine.work_dir.writing import Content

_LOG = logging.getLogger(__name__)


def file_records(written: Mapping[str, Content]) -> dict[str, FileRecord]:
    """Records of files that were written just now."""
    return {name: FileRecord(size_bytes=file.size_bytes, sha256=file.sha256) for name, file in written.items()}


def record_results(
    work_dir: View, results: Mapping[str, Result], settings: Mapping[str, Any], versions: Mapping[str, str]
) -> None:
    """Record results in the generation of `work_dir`; they enter config.json when the generation is published.

    Args:
        work_dir: the work_dir, in a generation.
        results: records by the name of the asset.
        settings: settings of the run, as `settings_shown` gives them.
        versions: versions of this package and its libraries.
    """
    for name, result in results.items():
        stage_record(work_dir, StagedRecord(name=name, result=result, settings=settings, versions=versions))


def merge_records(place: Place, generation: str) -> dict[str, Content]:
    """Stage the config.json of a generation from the records that its steps have staged, before it is published.

    A result that this run did not make loses its record, with a warning, if a file of it has changed.

    Args:
        place: the work_dir; the caller holds it, and nothing is being published there.
        generation: its name.

    Returns:
        What was staged, by name; empty if config.json stays as it is.

    Raises:
        WorkDirError: config.json is damaged, or a later version of this package wrote it.
    """
    forget(place.url, generation)
    records = staged_records(place, generation)
    if not records:
        return {}
    former = read_placed(place)
    made = {record.name for record in records}
    others = {name: result for name, result in former.results.items() if name not in made}
    for name in find_changed(place, others):
        files = " and ".join(others.pop(name).files)
        _LOG.warning("%s in work_dir=%r changed since it was written: make %s again", files, place.url, name)
    return stage_config(place, generation, merged(former.model_copy(update={"results": others}), records))
