"""config.json: what each result is, what it was made from and how. No other module reads or writes this file.

The records are pydantic models with a version. Records of an earlier version of this package are read as far as they
still apply. Those of a later version are refused. A config.json of another program counts as no records, and is never
replaced (`ownership`).

A run writes no config.json while it works. Each step stages the record of its own result (`recording`), so that steps
in several processes do not overwrite one another's records. `recording.merge_records` joins them when the run
publishes.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.own_files import CONFIG, FORMAT, is_former_config
from dedup_assets.engine.core.redaction import redacted_values
from dedup_assets.engine.work_dir.file_names import FEATURES
from dedup_assets.engine.work_dir.journal import staged_name
from dedup_assets.engine.work_dir.place import Place
from dedup_assets.engine.work_dir.view import View
from dedup_assets.engine.work_dir.writing import Content

VERSION = 2
_STAGED_PREFIX = ".record-"  # hidden: no file of a generation, see `publishing.staged_files`
_FEATURES = "features"
_GALLERY = "gallery"
_IDENTIFYING = {_FEATURES: (FEATURES, f"{FEATURES}.csv")}  # the results that also have files that do not identify them


# What this process has read and staged, by work_dir and generation. It stays valid: the run holds the work_dir while
# it makes a generation, so config.json does not change, and a step needs only records of steps that ended before it.
_known: dict[tuple[str, str], "Config"] = {}
_MOST_KNOWN = 64


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRecord(_Record):
    """One file of a result: its size and the SHA-256 of its content, in hex."""

    size_bytes: int = Field(ge=0)
    sha256: str


class FeatureFacts(_Record):
    """What is known about the vectors besides their file.

    Attributes:
        model_sha256: SHA-256 of the ONNX file that made them, in hex; empty if unknown.
        dimension: values in one vector; 0 if unknown.
        listing: digest of all names of the listing that the images are a part of; empty if unknown.
        gathered: whether they were joined from the sub-folders of this work_dir, which may gain more.
    """

    model_sha256: str = ""
    dimension: int = Field(default=0, ge=0)
    listing: str = ""
    gathered: bool = False


class GalleryFacts(_Record):
    """The folder that the pages of the gallery load, and the size of pages and folder together."""

    folder: str
    size_bytes: int = Field(ge=0)


class Result(_Record):
    """The record of one result: the files that one asset makes.

    Attributes:
        files: its files, by their name in the work_dir.
        made_from: identities of the results that it was made from, by name (`origins.identity_of`).
        settings: the settings that it reads, as it reads them.
        versions: versions of the libraries and rules that its content depends on.
        made_of: digest of all that decides its content: equal digests mean equal files. Empty if unknown.
        features: facts about the vectors; None for other results.
        gallery: facts about the gallery; None for other results.
    """

    files: dict[str, FileRecord] = {}
    made_from: dict[str, str] = {}
    settings: dict[str, Any] = {}
    versions: dict[str, str] = {}
    made_of: str = ""
    features: FeatureFacts | None = None
    gallery: GalleryFacts | None = None


class Config(_Record):
    """All of config.json.

    Attributes:
        is_former: whether it was read from the format before `format_version`, which says nothing about reuse.
        format: identifies the file as one of this package.
        format_version: version of these records.
        settings: settings of the latest run.
        versions: versions of this package and its libraries in the latest run.
        results: records by the name of the asset.
    """

    format: str = FORMAT
    format_version: int = VERSION
    settings: dict[str, Any] = {}
    versions: dict[str, str] = {}
    results: dict[str, Result] = {}
    is_former: bool = Field(default=False, exclude=True)

    def result(self, name: str) -> Result:
        """The record of a result; an empty one if there is none."""
        return self.results.get(name, Result())

    @property
    def features(self) -> FeatureFacts:
        """What is known about the vectors."""
        return self.result(_FEATURES).features or FeatureFacts()


class StagedRecord(_Record):
    """The record of one result before it enters config.json, with the settings and versions of its run."""

    name: str
    result: Result
    settings: dict[str, Any]
    versions: dict[str, str]


def read_config(work_dir: View) -> Config:
    """The records of config.json, with those that this run has staged; empty if there is no config.json of ours.

    Raises:
        WorkDirError: config.json is damaged, or a later version of this package wrote it.
    """
    if not work_dir.generation:
        return _parse(work_dir, work_dir.read_if_any(CONFIG))
    key = (work_dir.url, work_dir.generation)
    if key not in _known:
        config = _parse(work_dir, work_dir.read_if_any(CONFIG))
        _remember(key, merged(config, staged_records(work_dir, work_dir.generation)))
    return _known[key]


def _remember(key: tuple[str, str], config: Config) -> None:
    while len(_known) >= _MOST_KNOWN and key not in _known:
        _known.pop(next(iter(_known)), None)
    _known[key] = config


def forget(url: str, generation: str) -> None:
    """Forget the records of a generation that is about to be published."""
    _known.pop((url, generation), None)


def read_placed(place: Place) -> Config:
    """The records of the published config.json, without staged ones. Raises as `read_config`."""
    return _parse(place, place.read_placed(CONFIG))


def stage_record(work_dir: View, record: StagedRecord) -> None:
    """Stage the record of a result in the generation of `work_dir`, beside those of other steps."""
    former = read_config(work_dir)
    values = redacted_values(record.model_dump(mode="json", exclude_none=True))
    with work_dir.publish(f"{_STAGED_PREFIX}{record.name}.json") as (file,):
        file.write(json.dumps(values, sort_keys=True).encode())
    _remember((work_dir.url, work_dir.generation), merged(former, [StagedRecord.model_validate(values)]))


def staged_records(place: Place, generation: str) -> list[StagedRecord]:
    """The records that the steps of a run have staged so far, in the order of names.

    Args:
        place: the work_dir.
        generation: the generation that the run makes.
    """
    names = [name for name in place.names(staged_name(generation)) if name.startswith(_STAGED_PREFIX)]
    contents = (place.read_placed(staged_name(generation, name)) for name in names)
    return [StagedRecord.model_validate(json.loads(content)) for content in contents if content]


def stage_config(place: Place, generation: str, config: Config) -> dict[str, Content]:
    """Stage config.json, without credentials, if it differs from the published one.

    Returns:
        What was staged, by name; empty if nothing differs.
    """
    former = place.read_placed(CONFIG)
    content = _dumped(config)
    if content == former:
        return {}
    with place.writing({CONFIG: place.inside(staged_name(generation, CONFIG))}) as (file,):
        file.write(content)
    return {CONFIG: file.content}


def merged(config: Config, records: list[StagedRecord]) -> Config:
    """The records, with those of a run's steps replacing earlier ones."""
    if not records:
        return config
    changed = {record.name: record.result for record in records}
    last = records[-1]  # all steps of a run have the same settings and versions
    return Config(settings=last.settings, versions=last.versions, results=config.results | changed)


def _dumped(config: Config) -> bytes:
    values = redacted_values(config.model_dump(mode="json", exclude_none=True))
    return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=True).encode() + b"\n"


def _parse(place: Place, content: bytes | None) -> Config:
    if content is None:
        return Config()
    path = place.path(CONFIG)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise WorkDirError(
            f"{path!r} is not JSON ({error}): it is damaged, or another program's; move it away, or name another "
            "work_dir"
        ) from None
    if not isinstance(found, dict) or (found.get("format") != FORMAT and not is_former_config(found)):
        return Config()  # of another program
    if "format" not in found:
        return _of_former_version(found)
    version = found.get("format_version")
    if not isinstance(version, int) or version > VERSION:
        raise WorkDirError(
            f"{path!r} has format_version={version!r}; this version of dedup-assets reads up to {VERSION}: upgrade it, "
            "or name another work_dir"
        )
    try:
        return Config.model_validate(found)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise WorkDirError(f"{path!r} is damaged: {where}: {problem['msg']}; delete it and run again") from None


def _of_former_version(found: Mapping[str, Any]) -> Config:
    """The records of the version before `format_version`: file hashes and origins; nothing about reuse.

    That version decided about reuse by modification times. `made_of` is therefore empty, so that every result is made
    again once.
    """
    facts, results = _table(found, _FEATURES), _table(found, "results")
    settings, versions = _table(found, "settings"), _table(found, "versions")
    read: dict[str, Result] = {}
    for name, noted in results.items():
        try:
            kept = {key: noted.get(key, {}) for key in ("files", "made_from", "settings")}
            read[name] = Result.model_validate(kept)
        except (ValidationError, AttributeError):
            continue
    # That version's identities are digests of all files; the present identity of the vectors leaves out the ledger.
    renamed = {
        digest_of(_file_facts(record.files)): identity_of_files(name, record.files) for name, record in read.items()
    }
    for name, record in read.items():
        origins = {source: renamed.get(identity, identity) for source, identity in record.made_from.items()}
        read[name] = record.model_copy(update={"made_from": origins})
    if facts:
        known = FeatureFacts(
            model_sha256=str(facts.get("model_sha256", "")),
            dimension=facts["dimension"] if isinstance(facts.get("dimension"), int) else 0,
            gathered=facts.get("gathered") is True,
        )
        read[_FEATURES] = read.get(_FEATURES, Result()).model_copy(update={"features": known})
    gallery = _table(found, _GALLERY)
    if isinstance(gallery.get("folder"), str):
        shown = GalleryFacts(folder=gallery["folder"], size_bytes=0)
        read[_GALLERY] = read.get(_GALLERY, Result()).model_copy(update={"gallery": shown})
    known_versions = {str(name): str(known) for name, known in versions.items()}
    return Config(settings=settings, versions=known_versions, results=read, is_former=True)


def _table(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def identity_of_files(result: str, files: Mapping[str, FileRecord]) -> str:
    """Digest of the contents that identify a result; empty without files."""
    chosen = _IDENTIFYING.get(result)
    return digest_of(_file_facts({name: files[name] for name in chosen or files if name in files})) if files else ""


def _file_facts(files: Mapping[str, FileRecord]) -> dict[str, dict[str, Any]]:
    return {name: file.model_dump() for name, file in files.items()}


def digest_of(value: object) -> str:
    """SHA-256, in hex, of a value that JSON can hold; equal values have equal digests."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
