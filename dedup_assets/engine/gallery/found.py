"""What a run found, as a gallery shows it."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.records import BadImages, Components, Pairs
from dedup_assets.engine.core.set_records import Leaks
from dedup_assets.engine.gallery.pages import Uncompared

NO_COMPONENTS = Components(pl.DataFrame(), pl.DataFrame())
"""Of a test set, which has no graph."""


@dataclass(frozen=True)
class Results:
    """What a run found, as the gallery shows it.

    Attributes:
        names: (n,) binary: the path's bytes of each good image, in the order of the features.
        bad: the bad images.
        pairs: similar pairs, closest first.
        components: the similarity graph; None for a test set, which has no graph and no page of components.
        outliers: most isolated first.
        subtitle: what was compared with what, unless the input was compared with itself.
        folder: where the gallery will be; if given, images beside the work_dir are linked relatively.
        depth: how many folders above the gallery its work_dir is.
        listed: `filename`, `size_bytes`, `version`, `width`, `height` and `content` as the run found them: of images on
            stores and in archives, which are not read again, and of local files that have not changed since.
        uncompared: what the input holds besides the compared and the bad images.
        evidence: why images match; None if the run did not ask. With `evidence=off` it is not shown.
        groups: images that are one picture; as `evidence`. With groups or evidence, groups alone say what to keep.
        leaks: what named sets share; None without sets.
        saying: the leaks in a sentence.
        open_leaks: the pairs across sets that a person should look at, in words; empty if there are none.
        calibrated: whether the work_dir has a page of curves for these images, which the first page links.
        vectors: (n, d) float32, of each good image; None: there is no map.
    """

    names: pl.Series
    bad: BadImages
    pairs: Pairs
    components: Components | None
    outliers: Pairs
    subtitle: str = ""
    folder: str = ""
    depth: int = 1
    listed: pl.DataFrame | None = None
    uncompared: Uncompared = field(default_factory=Uncompared)
    evidence: Evidence | None = None
    groups: Groups | None = None
    leaks: Leaks | None = None
    saying: str = ""
    open_leaks: str = ""
    calibrated: bool = False
    vectors: NDArray[np.float32] | None = None

    @property
    def suggest(self) -> bool:
        """Whether pages say which image to keep. For two sets they do not, because their owners decide about each."""
        return self.components is not None
