"""Sentences for failures of the surroundings: a full disk, a limit of the process, a module that hides a library.

Such an error is neither a wrong setting nor a defect of this package. A new limit is a row of `_LIMITS`. Errors that
the engine expects have their own messages (`engine.core.errors`).
"""

import errno
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

from dedup_assets.engine.core.package_version import DISTRIBUTION

_LIMITS = {
    errno.ENOSPC: "no space is left on the disk; free some, or name another work_dir or TMPDIR",
    errno.EDQUOT: "the disk quota is used up; free some space, or name another work_dir or TMPDIR",
    errno.EFBIG: "a file would be larger than this process may write; raise the limit (ulimit -f)",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n) or use fewer threads (num_threads)",
    errno.ENFILE: "too many files are open on this machine; close some, or use fewer threads (num_threads)",
    errno.ENOMEM: "there is not enough memory; raise the limit (ulimit -v) or use fewer threads (num_threads)",
    errno.EAGAIN: "no more processes or threads can be started; raise the limit (ulimit -u) or use fewer (num_threads)",
    errno.EROFS: "the file system is read-only; name another work_dir or TMPDIR",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
}
_OF_RUST = re.compile(r"\(os error (\d+)\)")


def explain(error: BaseException) -> str:
    """A sentence that says which condition of the surroundings caused an error; empty if none is known."""
    return next((said for cause in _causes(error) if (said := _explain(cause))), "")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all its causes, each once, because Dagster raises errors again in a cycle."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [led for led in (cause.__cause__, cause.__context__) if led is not None]


def _explain(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return _LIMITS[errno.ENOMEM]
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return _LIMITS[errno.EAGAIN]
    if isinstance(error, OSError) and error.errno is not None:
        return _explain_system_error(error)
    if told := _OF_RUST.search(str(error)):  # of polars: an OSError without errno, or another type
        return _LIMITS.get(int(told[1]), "")
    if isinstance(error, ImportError | AttributeError | TypeError):
        return _explain_hidden_library(error)
    return ""


def _explain_system_error(error: OSError) -> str:
    assert error.errno is not None  # noqa: S101 - the caller looked
    if error.errno == errno.ENOENT and not _has_working_folder():
        return "the working folder of this process no longer exists; change to one that does"
    said = _LIMITS.get(error.errno, "")
    named = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    return f"{named!r}: {said}" if said and named else said


def _has_working_folder() -> bool:
    try:
        return bool(Path.cwd())
    except FileNotFoundError:
        return False


def _explain_hidden_library(error: BaseException) -> str:
    """A sentence that names a module in the script's folder if Python imported it instead of a library; else empty."""
    first = Path(sys.path[0] or ".").absolute() if sys.path else Path()
    if str(first) in sysconfig.get_paths().values():  # not the folder of a script
        return ""
    frames = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]  # with failed imports
    for name in sorted(sys.stdlib_module_names | _libraries()):
        imported = getattr(sys.modules.get(name), "__file__", None)
        for path in (first / f"{name}.py", first / name / "__init__.py"):
            if str(path) in {imported, *frames}:
                return f"{str(path)!r} hides the module {name!r} that dedup-assets needs; rename it"
    return ""


def _libraries() -> set[str]:
    """Top-level modules of the packages that this package needs, without the package itself."""
    from importlib.metadata import PackageNotFoundError, packages_distributions, requires

    try:
        required = requires(DISTRIBUTION) or []
    except PackageNotFoundError:  # a checkout that is not installed says nowhere what it needs
        return set()
    needed = {_plain(line.replace("(", " ").split(";")[0]) for line in required}
    needed.discard(DISTRIBUTION)  # our extras may require other extras of ours
    return {
        module
        for module, distributions in packages_distributions().items()
        if needed.intersection(map(_plain, distributions))
    }


def _plain(requirement: str) -> str:
    """The name of a distribution in its normal form (PEP 503), without version and extras."""
    name = "".join(character if character.isalnum() or character in "-_." else " " for character in requirement)
    return (name.split() or [""])[0].lower().replace("_", "-").replace(".", "-")
