"""Every error this package raises on purpose.

DedupError                  caught once, by the command line and by `run()`: one line, exit code 1
├── SettingsError           a parameter has a value that is not allowed (all mismatches in one message)
├── InputError              the input cannot be listed, is empty, or holds no readable image
├── WorkDirError            a file of work_dir is missing, damaged, or does not fit the others
├── ModelError              an ONNX model cannot be used for embedding
├── SearchError             an index or one of its parameters cannot be used on these vectors
├── WorkerError             the processes that decode cannot be started here
└── ImageError              one image cannot be used; becomes a row of features.bad.csv, never the end of a run
"""

from typing import TYPE_CHECKING

from dedup_assets.engine.core.redaction import redacted

if TYPE_CHECKING:  # the records need numpy and polars, which `import dedup_assets` does without
    from dedup_assets.engine.core.records import ErrorCode


class DedupError(Exception):
    """Base of all errors that a user can cause and mend. Credentials in URLs are hidden, whoever quoted them."""

    def __init__(self, message: str) -> None:
        super().__init__(redacted(message))


class SettingsError(DedupError):
    """One or more parameters have values that are not allowed."""


class InputError(DedupError):
    """The input is missing, empty, or holds nothing that can be read."""


class WorkDirError(DedupError):
    """A file in work_dir is missing, damaged, or does not fit the other files."""


class ModelError(DedupError):
    """The ONNX model is missing, broken, or has inputs or outputs that do not fit an image embedding."""


class SearchError(DedupError):
    """The nearest-neighbour index cannot be built, read, or parametrised as asked."""


class WorkerError(DedupError):
    """A process that decodes cannot be started, or was ended with the run."""


class ImageError(DedupError):
    """One image cannot be used.

    Attributes:
        code: why, in the vocabulary of features.bad.csv.
    """

    def __init__(self, code: "ErrorCode", reason: str) -> None:
        super().__init__(reason)
        self.code = code
