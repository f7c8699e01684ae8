"""Records of what is found for an image."""

from collections.abc import Sequence
from dataclasses import dataclass

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.match_records import Relation


@dataclass(frozen=True)
class Witness:
    """What the bytes or pixels of a given image and another one say.

    Attributes:
        relation: of the two.
        kind: what was done to one of them, in words; empty if nothing or unknown.
        edited: which is the edited one: given, stored, both, or empty if neither or unknown. The other image of a
            comparison of two given ones counts as the stored one.
        overlap_given: share of the given image's area that the other shows; None where they were not compared.
        overlap_stored: likewise, of the other.
        transform: nine numbers, the rows of the map from the given image to the other, each in units of its longer
            side; None if there is none.
    """

    relation: Relation
    kind: str = ""
    edited: str = ""
    overlap_given: float | None = None
    overlap_stored: float | None = None
    transform: tuple[float, ...] | None = None


@dataclass(frozen=True)
class FoundImage:
    """An image of the results that resembles a given one.

    Attributes:
        filename: its name.
        similarity: in the metric of the run, 1 for identical vectors.
        witness: what bytes or pixels say; None where nobody asked them.
        group_id: its group; empty if it is in none.
        keep: the kept image of that group; None if it is in none.
        is_gone: its file is no longer there, because it was moved or removed since the run; false for an object of a
            store, which nobody asks.
        also: other names of its file, which are links or hard links.
    """

    filename: bytes
    similarity: float
    witness: Witness | None
    group_id: str
    keep: bytes | None
    is_gone: bool = False
    also: Sequence[bytes] = ()

    @property
    def is_same_picture(self) -> bool:
        """Whether bytes or pixels prove that it is the given picture."""
        return self.witness is not None and self.witness.relation.is_same_picture


@dataclass(frozen=True)
class ImageAnswer:
    """The answer for one given image.

    Attributes:
        label: how the image is called in messages.
        problem: why it cannot be used; None for a good one.
        found: the images that resemble it, the most similar first.
    """

    label: str
    problem: ImageError | None = None
    found: Sequence[FoundImage] = ()


@dataclass(frozen=True)
class PairAnswer:
    """The answer for two given images.

    Attributes:
        problems: why the first and the second cannot be used; None for a good one.
        similarity: in the metric of the run; None where one of them cannot be used, or shows nothing and has other
            bytes than the other one.
        witness: what bytes or pixels say; None where one of them cannot be used.
    """

    problems: tuple[ImageError | None, ImageError | None]
    similarity: float | None = None
    witness: Witness | None = None
