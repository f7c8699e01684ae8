"""Loading and saving fastdup's feature files as arrays."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dedup_assets.api.arguments import path_of, plain
from dedup_assets.engine.core.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def load_binary_feature(
    filename: str | os.PathLike[str], d: int | None = None
) -> "tuple[list[str], NDArray[np.float32]]":
    """Load stored vectors and the names of their rows (docs/reference.md, "Files").

    Args:
        filename: features.dat (its names are in features.dat.csv beside it), or a work_dir that holds it; fastdup's
            atrain_features.dat works as well.
        d: the length of the vectors, if it is to be checked; the files say it.

    Returns:
        The n names of all good images, and an (n, d) float32 array whose row i belongs to name i; d is 576 with the
        built-in model. Bytes of names that are not UTF-8 become surrogate escapes; `os.fsencode` restores them.

    Raises:
        SettingsError: the vectors have another length than `d`.
        WorkDirError: a file is missing, or the number of names and of vectors differs.
    """
    import numpy as np

    from dedup_assets.engine.work_dir import WorkDir, files

    features = files.read_features(WorkDir(path_of("filename", filename)))
    length = plain(d)
    if length is not None and (isinstance(length, bool) or length != features.vectors.shape[1]):
        raise SettingsError(f"d={d!r}: the stored vectors have {features.vectors.shape[1]} values each")
    return [os.fsdecode(name) for name in features.names], np.array(features.vectors)


load_binary_features = load_binary_feature
load_binary = load_binary_feature


def save_binary_feature(
    save_path: str | os.PathLike[str], filenames: Sequence[str], np_array: "NDArray[np.float32]"
) -> None:
    """Store vectors and names as features.dat and features.dat.csv, as `load_binary_feature` reads them.

    Args:
        save_path: the folder; created if it does not exist.
        filenames: n names.
        np_array: (n, d) float32, row i for name i.

    Raises:
        SettingsError: the array is not float32, not two-dimensional, or does not have one row per name.
        WorkDirError: the folder cannot be written to.
    """
    import numpy as np

    from dedup_assets.engine.work_dir import WorkDir, files

    if not isinstance(np_array, np.ndarray) or np_array.dtype != np.float32 or np_array.ndim != 2:  # noqa: PLR2004
        kind = f"{np_array.dtype} {np_array.shape}" if isinstance(np_array, np.ndarray) else type(np_array).__name__
        raise SettingsError(f"np_array: must be float32 of shape (n, d), not {kind}")
    if len(np_array) != len(filenames):
        raise SettingsError(f"np_array has {len(np_array)} rows for {len(filenames)} filenames: must be equal")
    files.save_features(WorkDir(path_of("save_path", save_path)), [os.fsencode(name) for name in filenames], np_array)
