"""Records of what follows from pairs: why two images match, and which images are one picture."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # decoding processes import this module, and start faster without polars
    import polars as pl

    from dedup_assets.engine.core.group_history import GroupHistory
    from dedup_assets.engine.core.verdict_records import Decided


class Role(StrEnum):
    """What an image is in its group."""

    KEEP = "keep"
    """The kept image."""
    COPY = "copy"
    """A copy that shows nothing beyond the kept image."""
    REVIEW = "review"
    """A copy that has, or may have, what the kept image lacks: finer detail, text, metadata. A person decides."""
    PROTECTED = "protected"
    """A copy that a verdict, a root or `across_only` protects: nothing is ever done to it."""


class Relation(StrEnum):
    """What two images are to one another."""

    EXACT = "exact"
    """The same bytes."""
    PIXELS = "pixels"
    """Other bytes, the same decoded pixels and size."""
    COPY = "copy"
    """One is an edited form of the other."""
    VARIANT = "variant"
    """Similar, but another picture: another exposure, other text, another product."""
    UNVERIFIED = "unverified"
    """Not decided: too little structure, not compared, or a file is gone."""
    SAME = "same"
    """A person says that they are one picture."""
    DIFFERENT = "different"
    """A person says that they are not."""

    @property
    def is_same_picture(self) -> bool:
        """Whether images of this relation belong to one group."""
        return self in (Relation.EXACT, Relation.PIXELS, Relation.COPY, Relation.SAME)

    @property
    def is_evidence(self) -> bool:
        """Whether it is found by comparing; the others are said by a person."""
        return self not in (Relation.SAME, Relation.DIFFERENT)


BORDER_ADDED, PAGE_ADDED = "border added", "page around added"
"""What `Evidence` calls the edits after which a picture shows more than before, but no more of the photograph."""

MARGIN = "margin added or cut off"
"""What `Evidence` says of a plain or drawn margin in one picture, where no pixel tells which of the two is older."""

TEXT_ADDED = "text or overlay added"
"""What `Evidence` calls something that was laid over a picture, or written on it."""

OTHER_CONTENT = "shows something else in places"
"""What `Evidence` says of variants that differ where they lie on each other, so that nothing was only laid over one."""

TOO_UNLIKE = "too unlike to be compared"
"""What `Evidence` says of listed pairs that are less similar than copies are, so that nothing looks at their pixels."""

SMALL_TEXT = "small text may differ"
"""What `Evidence` says of copies that hold text: a digit is too small to be told from what compression leaves."""

ALTERED = "changed in detail"
"""What `Evidence` says of two that show the same, and of which one was retouched, sharpened or softened a little."""

MAYBE_FRAMED = "the other may be framed"
"""What `Evidence` says of a crop where the other picture goes on in a step, as at a frame or a caption."""

IN_PERSPECTIVE = "seen in perspective"
"""What `Evidence` says of two that lie on each other by a homography, as a screen and a photograph of it do."""

OTHER_VIEWPOINT = "slanted as from another viewpoint"
"""What `Evidence` says of two of which one is slanted against the other, as ground and walls in two photographs are."""

OTHER_EDGES = "each shows an edge of its own"
"""What `Evidence` says of two of which each goes on at a side where the other one ends."""

OTHER_PART = "shows another part of the picture than another copy does"
"""What `Groups` says of a copy beside another one: each shows a part of the kept image that the other one lacks."""

A_LITTLE_ASKEW = "a little askew, as a photograph of a print"
"""What `Evidence` says of two of which one is turned or slanted against the other by less than an edit does."""

WORDS_TO_REVIEW = (
    *(MARGIN, PAGE_ADDED, TEXT_ADDED, SMALL_TEXT, ALTERED, MAYBE_FRAMED),
    *(IN_PERSPECTIVE, OTHER_VIEWPOINT, OTHER_EDGES, A_LITTLE_ASKEW),
)
"""Words of `kind` after which either of two copies may have what the other lacks, so that a person decides."""

REVIEW_SEPARATOR = "; "
"""Between the reasons in `review` of groups, the weightiest first."""

RECOMPRESSED = "recompressed"
"""What `Evidence` calls copies in which nothing was done but to store them again."""

ENLARGED = "enlarged"
"""What `Evidence` calls more pixels without more detail."""

SEEN_WHOLE = 333
"""Pixels of the longer side below which a comparison of two whole pictures sees the finest detail of their files."""

ONE_SIDED = ("cropped", BORDER_ADDED, PAGE_ADDED, MARGIN, "gray", "recoloured", TEXT_ADDED, "blurred")
"""Words of `kind` for other edits of which `edited` may name the side."""


@dataclass(frozen=True)
class KeptFindings:
    """What was found of pairs and images by their content, for later runs.

    Attributes:
        rows: `key` (binary: the content of an image in hex, alone or with the name of what was measured; or a digest of
            two contents and of what was asked of them), `found` (string: what was found, as JSON) and `unused` (uint16:
            how many runs have not asked for it since), sorted by key.
        made_with: identifies what findings depend on besides contents.
        answered: number of comparisons that were answered from an earlier run.
    """

    rows: "pl.DataFrame"
    made_with: str
    answered: int = 0


@dataclass(frozen=True)
class Evidence:
    """Why images match: one row per unordered pair that was considered.

    Attributes:
        rows: `a`, `b` (binary, a before b in byte order), `similarity` (float64), `relation` (string, a `Relation`),
            `kind` (string: what was done to b, or to a, in words; empty if nothing or unknown), `transform` (list of
            nine float64: the rows of the 3 x 3 matrix that maps pixels of b onto a; null if unknown), `overlap_a`,
            `overlap_b` (float64: share of the area that the other picture shows), `residual` (float64: share of the
            structure in the overlap that differs) and `inliers` (int64: keypoints that agree). These four are null
            where the pair was not compared itself. `edited` (string) says which of the two is the edited one: a, b,
            both, or empty if neither or unknown. Sorted by similarity, highest first, then by (a, b).
        images: one row per image that was looked at, sorted by name: `filename` (binary), `content` (string: SHA-256 of
            its bytes in hex), `width`, `height` (int64: pixels of the file, upright), `size_bytes` (int64), `frames`
            (int64: frames or pages, 1 for a plain picture), what `pictures.provenance` has, and `spectrum`
            (list of 24 float64: energy in `core.spectrum.BANDS`; null if it was not measured).
        counts: what was done: `candidates`, `compared`, `left_out` and one entry per relation.
        findings: what the next run need not compare again; None where nothing was compared, or where they are not read.
        made_of: identifies the results and settings that it was made from; empty if unknown.
        is_stored: it was read from the files that it would be written to.
    """

    rows: "pl.DataFrame"
    images: "pl.DataFrame"
    counts: Mapping[str, int] = field(default_factory=dict)
    findings: KeptFindings | None = None
    made_of: str = ""
    is_stored: bool = False

    def __len__(self) -> int:
        return self.rows.height

    def with_rows(self, rows: "pl.DataFrame | None") -> "Evidence":
        """The same with what was compared since in place of what it has of these pairs.

        What it concluded about files with the same bytes as these two goes, because the comparison says more.

        Args:
            rows: of pairs that were compared; columns as `rows`.
        """
        if rows is None or rows.is_empty():
            return self
        rest = self.rows.join(rows, on=["a", "b"], how="anti")
        concluded = rest.filter(rest["residual"].is_null())
        stale = self._with_contents(concluded).join(self._with_contents(rows), on=["low", "high"], how="semi")
        rest = rest.join(stale, on=["a", "b"], how="anti")
        return replace(self, rows=rest.vstack(rows).sort("similarity", "a", "b", descending=[True, False, False]))

    def _with_contents(self, rows: "pl.DataFrame") -> "pl.DataFrame":
        """Names of pairs with `low` and `high`, the contents of both in their order, where these are known."""
        import polars as pl

        images = self.images.select("filename", "content").drop_nulls().unique("filename")
        found = rows.select("a", "b")
        for side in ("a", "b"):
            found = found.join(images.rename({"filename": side, "content": f"{side}_content"}), on=side)
        low, high = (each("a_content", "b_content") for each in (pl.min_horizontal, pl.max_horizontal))
        return found.select("a", "b", low=low, high=high)


@dataclass(frozen=True)
class LabelConflicts:
    """Groups of one picture in which not all labelled images have the same label.

    Attributes:
        rows: `group_id` (string), `filename` (binary), `role` and `label` (strings): one row per labelled image of such
            a group, in the order of the groups.
        labelled: images of the run that have a label; 0 when read from files.
        unknown: names in the file of labels that fit no image of the run, or several; likewise.
    """

    rows: "pl.DataFrame"
    labelled: int = 0
    unknown: int = 0

    def __len__(self) -> int:
        return int(self.rows["group_id"].n_unique())


@dataclass(frozen=True)
class Groups:
    """Images that are one picture: a kept image and others, each itself a copy of it.

    Attributes:
        rows: one row per image in a group: `filename` (binary), `group_id` (string, `g-` and 12 hex digits), `role`
            (string, a `Role`), `keep` (binary: the kept image), `similarity_to_keep` (float64), `relation`,
            `kind` (strings, as of `Evidence`; empty for the kept image), `reason` (string: why the kept image goes
            before this one; of the kept image, before its closest rival), `review` (string: why a person decides,
            reasons with `REVIEW_SEPARATOR` between them; else empty) and `twin` (binary: of images with the same bytes,
            and other bytes than the kept one, the one that stays, for each other one; else null). Sorted by `group_id`,
            the kept image first, then by name.
        related: neighbours that are no members: `group_id`, `other_group_id` (string; empty for an image in no group),
            `filename` (binary: the image of the other group, or the single one), `similarity` (float64), `relation`.
        history: which ids there were, and what changed since the last run; None before ids are compared with it.
        is_stored: the files that it would be written to hold exactly this.
        decided: what verdicts did; None if none were read.
        labels: groups whose images have different labels; None if no labels were given, or read.
        made_of: identifies the evidence and settings that it was made from; empty if unknown, or if more decided it.
        settled: pairs of which a verdict says another relation than `Evidence` does: `a`, `b` (binary) and `relation`
            (string: same, different or variant); None if no verdicts were read.
        verdict_images: of each image that a verdict is about `content` (string), `pixels` (string: size and hash of its
            pixels; null if it has several frames) and `filename` (binary: its name, or its last one, a row each); also
            of files that were edited since. None if no verdicts were read.
        heeded: number of copies that `may_go`, and of exact ones that `stay` for what lies beside them or is said of
            them, and `bytes` of the former; empty if they were not counted.
        compared: pairs that verdicts ask for and `Evidence` may lack: columns as its rows; None if none were asked for.
        findings: of these comparisons, so that the next run need not make them again; None where none was asked for, or
            where they are not read.
    """

    rows: "pl.DataFrame"
    related: "pl.DataFrame"
    history: "GroupHistory | None" = None
    is_stored: bool = False
    decided: "Decided | None" = None
    labels: LabelConflicts | None = None
    made_of: str = ""
    settled: "pl.DataFrame | None" = None
    verdict_images: "pl.DataFrame | None" = None
    heeded: Mapping[str, int] = field(default_factory=dict)
    compared: "pl.DataFrame | None" = None
    findings: KeptFindings | None = None

    def __len__(self) -> int:
        return self.rows.height

    @property
    def count(self) -> int:
        """Number of groups; all other rows are copies."""
        return self.rows["group_id"].n_unique()
