"""Every error that this package raises on purpose.

A new error is a subclass here, if callers must tell it apart; otherwise raise an existing one with another message. A
message has the value with !r, what was expected, and what to do.

DedupError                  caught by the command line and by `run()` alone: one line, exit code 1
├── SettingsError           a parameter has a value that is not allowed (all mismatches in one message)
├── InputError              the input cannot be listed, is empty, or holds no readable image
├── WorkDirError            a file of work_dir is missing, damaged, or does not fit the others
│   ├── InUseError          another process holds the work_dir, or the trash of an input
│   └── LostLockError       another run has taken over the work_dir
├── ModelError              an ONNX model cannot be used for embedding
├── SearchError             an index or one of its parameters cannot be used on these vectors
├── WorkerError             the processes that decode cannot be started here
├── PlanError               a plan cannot be read, made, applied or undone
│   └── SkippedError        one group of a plan is skipped; becomes a line of the report, never the end of an apply
├── ExportError             images cannot be exported, or annotations not rewritten
├── SurroundingsError       this process or machine cannot do a run: a fork, no temporary folder
├── OutputError             stdout does not take what a command was asked for
│   └── ReaderLeftError     the program that read it has ended; nothing is said of it
└── ImageError              one image cannot be used; becomes a row of features.bad.csv, never the end of a run
"""

from typing import TYPE_CHECKING

from dedup_assets.engine.core.redaction import redacted

if TYPE_CHECKING:  # only an annotation needs it, and `import dedup_assets` stays light
    from dedup_assets.engine.core.records import ErrorCode


class DedupError(Exception):
    """Base of all errors that a user can cause and fix. Credentials in URLs are removed from the message."""

    def __init__(self, message: str) -> None:
        super().__init__(redacted(message))


class SettingsError(DedupError):
    """One or more parameters have values that are not allowed."""


class InputError(DedupError):
    """The input is missing, empty, or holds nothing that can be read."""


class WorkDirError(DedupError):
    """A file in work_dir is missing, damaged, or does not fit the other files.

    Attributes:
        system: the system's error behind it, if there is one: a full disk, one that is only read.
    """

    def __init__(self, message: str, system: OSError | None = None) -> None:
        super().__init__(message)
        self.system = system


class InUseError(WorkDirError):
    """Another process holds the work_dir.

    Attributes:
        who: that process, in words.
    """

    def __init__(self, message: str, who: str) -> None:
        super().__init__(message)
        self.who = who


class LostLockError(WorkDirError):
    """Another run has taken over the work_dir; this run must not touch it any more."""


class ModelError(DedupError):
    """The ONNX model is missing, broken, or has inputs or outputs that do not fit an image embedding."""


class SearchError(DedupError):
    """The nearest-neighbour index cannot be built or read, or a search parameter does not fit it."""


class WorkerError(DedupError):
    """A decoding process cannot be started, or was stopped because the run ended."""


class PlanError(DedupError):
    """A plan cannot be read, made, applied or undone."""


class SkippedError(PlanError):
    """A file of a group is not what the plan says, so that the group is left as it is."""


class ExportError(DedupError):
    """Images cannot be exported, or annotations not rewritten."""


class SurroundingsError(DedupError):
    """The calling process or the machine does not allow a run."""


class OutputError(DedupError):
    """Standard output does not take what was asked for: its disk is full."""


class ReaderLeftError(OutputError):
    """The reader of standard output has ended, as `head` does when it has its lines."""


class ImageError(DedupError):
    """One image cannot be used.

    Attributes:
        code: the reason, as in the column `error_code` of features.bad.csv.
    """

    def __init__(self, code: "ErrorCode", reason: str) -> None:
        super().__init__(reason)
        self.code = code


class PublishedInterrupt(KeyboardInterrupt):
    """Ctrl-C came while results were published. The new results count already; the next run moves the rest."""


class CleaningInterrupt(KeyboardInterrupt):
    """Ctrl-C came while an apply or an undo touched files. The text says how many, and how to go on."""


class LeaksFoundError(DedupError):
    """More images of evaluation sets are in other sets than `max_leaks` allows; the results are published."""
