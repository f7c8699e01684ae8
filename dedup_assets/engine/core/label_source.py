"""How a run is told where the labels of its images are."""

import re
from dataclasses import dataclass

FOLDERS = "folders"
_TABLE = re.compile(r"(?P<place>.+\.(csv|tsv))(:(?P<column>[^/]+))?", re.IGNORECASE | re.DOTALL)
_COCO = ".json"
_COLUMN = "label"


@dataclass(frozen=True)
class LabelSource:
    """Where labels are.

    Attributes:
        place: path or URL of a file, or `FOLDERS`.
        column: of a table, the header of its labels.
    """

    place: str
    column: str = _COLUMN

    @property
    def is_coco(self) -> bool:
        """Whether the file is a COCO file."""
        return self.place.lower().endswith(_COCO)

    @classmethod
    def parse(cls, given: str) -> "LabelSource":
        """Read the setting. Raises ValueError that says what is allowed."""
        if given == FOLDERS or given.lower().endswith(_COCO):
            return cls(given)
        table = _TABLE.fullmatch(given)
        if table is None:
            raise ValueError(
                "must be `folders` (the name of an image's folder is its label), FILE.csv, FILE.tsv or FILE.csv:COLUMN "
                "(with a column of names, and the column label or COLUMN), or a COCO file FILE.json"
            )
        return cls(table["place"], table["column"] or _COLUMN)


def check_label_source(given: str) -> str:
    """Check the setting `labels`; empty is allowed. Raises ValueError that says what is allowed."""
    if given:
        LabelSource.parse(given)
    return given
