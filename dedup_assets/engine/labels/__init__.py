"""Labels that a data set has for its images, and the groups of one picture whose images have different ones."""

from dedup_assets.engine.labels.comparing import note_label_conflicts
from dedup_assets.engine.labels.reading import Labels, check_labels, read_labels

__all__ = ["Labels", "check_labels", "note_label_conflicts", "read_labels"]
