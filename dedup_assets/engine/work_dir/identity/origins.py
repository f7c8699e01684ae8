"""Whether results belong together: the identity of each, and what it was made from."""

from collections.abc import Iterator, Mapping

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.redaction import redacted_values
from dedup_assets.engine.core.setting_values import short_inputs
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.work_dir.file_names import LEDGER
from dedup_assets.engine.work_dir.identity.config import Config, Result, digest_of, identity_of_files
from dedup_assets.engine.work_dir.identity.settings_read import settings_read
from dedup_assets.engine.work_dir.view import View

IMAGE_LEDGER = "image_ledger"
"""A part of `features` with its own identity: sizes and errors of images can change while the vectors stay the same."""

# A new listing may leave the vectors unchanged. Bad images are compared with the ledger by a check of their own.
_LOOSE = {"image_manifest", "bad_images"}


def identity_of(config: Config, result: str) -> str:
    """The identity of a result: a digest of its files' contents. Empty if nothing is recorded about it.

    Args:
        config: the records.
        result: the name of an asset, or `IMAGE_LEDGER`.
    """
    if result == IMAGE_LEDGER:
        ledger = config.result("features").files.get(LEDGER)
        return ledger.sha256 if ledger else ""
    return identity_of_files(result, config.result(result).files)


def origin(result: str, settings: Settings, versions: Mapping[str, str], sources: Mapping[str, str]) -> str:
    """Digest of all that decides a result: a result with an equal digest need not be made again.

    Args:
        result: the name of its asset.
        settings: settings of the run; only those that the result reads count.
        versions: versions of the libraries and rules that its content depends on.
        sources: hashes of what it is made from, by name.

    Returns:
        The digest; empty if a source is unknown.
    """
    if not all(sources.values()):
        return ""
    return digest_of([result, settings_read(result, settings), dict(versions), dict(sources)])


def check_belongs(work_dir: View, config: Config, result: str) -> None:
    """Check that a result was made from the results that are in the work_dir now.

    Raises:
        WorkDirError: it was made from something else; the message names both, and what to do.
    """
    record = config.result(result)
    for source, then in record.made_from.items():
        now = identity_of(config, source)
        if now and now != then and not _LOOSE & {source, result}:
            raise WorkDirError(
                f"{_named(record)} in work_dir={work_dir.url!r} was made from another {source} ({then[:12]}) than the "
                f"one there now ({now[:12]}); make {result} again: the asset, or run_mode=2 for all that follows the "
                "features"
            )


def differing_settings(config: Config, result: str, settings: Settings) -> Iterator[str]:
    """Yield a message for each setting that a result was made with and that differs in this run."""
    record = config.result(result)
    for name, now in redacted_values(settings_read(result, settings)).items():
        if name in record.settings and record.settings[name] != now:
            yield f"{_named(record)} was made with {name}={record.settings[name]!r}; the settings say {now!r}"


def replaced_origins(before: Config, after: Config) -> Iterator[str]:
    """Yield a message if a run replaced the results of another input or model, or of an earlier version.

    Args:
        before: the records before the run; may be empty.
        after: the records after it.
    """
    if before.is_former:
        yield (
            "work_dir held results of an earlier version of this tool, which did not record what they depend on; this "
            "run computed its results again from the start"
        )
    inputs = [_input_of(config) for config in (before, after)]
    if all(inputs) and inputs[0] != inputs[1]:
        then, now = map(short_inputs, inputs)
        yield f"work_dir held the results of input_dir={then}; those of {now} have taken their place"
    models = [config.features.model_sha256 for config in (before, after)]
    if all(models) and models[0] != models[1]:
        yield f"the features were of model {models[0][:12]}; those of model {models[1][:12]} have taken their place"


def _input_of(config: Config) -> object:
    return config.result("image_manifest").settings.get("input_dir", "")


def _named(record: Result) -> str:
    return " and ".join(record.files) or "a result"
