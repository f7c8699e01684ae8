"""fastdup's run modes, and what each reads and makes.

Code asks a mode for a property and never compares its number. A new mode is a member here and in each property that
holds for it; the assets that it materializes are listed in `pipeline.jobs`.
"""

from enum import IntEnum


class RunMode(IntEnum):
    """What one run does; the value is fastdup's number."""

    EVERYTHING = 0
    FEATURES = 1
    SIMILARITY = 2
    SCORE_IMAGES = 3
    SCORE_FEATURES = 4

    @property
    def reads_input_dir(self) -> bool:
        """The run reads `input_dir`; otherwise the features in `work_dir` are its only input."""
        return self is not RunMode.SIMILARITY

    @property
    def reads_images(self) -> bool:
        """The run decodes and embeds the images of `input_dir`."""
        return self in {RunMode.EVERYTHING, RunMode.FEATURES, RunMode.SCORE_IMAGES}

    @property
    def makes_features(self) -> bool:
        """The run writes the features of `work_dir` itself, not those of a test set in it."""
        return self in {RunMode.EVERYTHING, RunMode.FEATURES}

    @property
    def needs_train_set(self) -> bool:
        """The run scores a test set, in `work_dir/test`, against the train set that `work_dir` holds."""
        return self in {RunMode.SCORE_IMAGES, RunMode.SCORE_FEATURES}
