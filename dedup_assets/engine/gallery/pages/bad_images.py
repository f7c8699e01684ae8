"""The page of bad images: those that could not be used, with the reasons."""

from dataclasses import dataclass

import polars as pl

from dedup_assets.engine.core.records import BadImages, ErrorCode
from dedup_assets.engine.gallery.pages.layout import ALONE, Frame, Page, render_page

_MEANINGS: dict[str, str] = {
    ErrorCode.CORRUPT_IMAGE: "The content is not a valid image.",
    ErrorCode.TRUNCATED_IMAGE: "The file ends before the image does.",
    ErrorCode.ZERO_SIZE_FILE: "The file is empty.",
    ErrorCode.IMAGE_TOO_SMALL: "The image has too few pixels to be compared.",
    ErrorCode.IMAGE_TOO_LARGE: "The image has more pixels than the limit, which protects the memory.",
    ErrorCode.MISSING_FILE: "The file was listed, but is not there any more.",
    ErrorCode.UNSUPPORTED_FORMAT: "The file is of a kind that is not supported.",
    ErrorCode.BAD_BOUNDING_BOX: "The bounding box does not fit into the image.",
    ErrorCode.UNREADABLE: "The file could not be opened or read.",
}


@dataclass(frozen=True)
class ShownBadImage:
    """One bad image on a page."""

    name: bytes
    size_bytes: int | None
    reason: str
    blank: bool = False


BLANK_BAD_IMAGE = ShownBadImage(b"", 0, "", blank=True)


@dataclass(frozen=True)
class ShownCode:
    """One error code on a page: `count` images have it, of which `images` are listed."""

    code: str
    meaning: str
    count: int
    images: list[ShownBadImage]

    @property
    def words(self) -> str:
        """The meaning; the code itself if it is not one of ours."""
        return self.meaning or self.code


def list_codes(bad: BadImages) -> list[ShownCode]:
    """Return each error code with its count, the most frequent first, without images."""
    counts = bad.rows.group_by("error_code").len("count").sort(["count", "error_code"], descending=[True, False])
    return [ShownCode(code, _MEANINGS.get(code, ""), count, []) for code, count in counts.iter_rows()]


def bad_images_page(
    bad: BadImages,
    *,
    num_images: int = 1000,
    frame: Frame = ALONE,
) -> str:
    """List the images that gave no vector, by error code.

    Args:
        bad: the bad images, as in features.bad.csv.
        num_images: most images of each code, all if negative; the page says how many there are.
        frame: what it shares with the pages beside it.

    Returns:
        The page, as HTML.
    """
    codes = [
        ShownCode(shown.code, shown.meaning, shown.count, _list_images(bad, shown.code, num_images))
        for shown in list_codes(bad)
    ]
    return render_page(
        Page.BAD_IMAGES,
        frame,
        codes=codes,
        blank=BLANK_BAD_IMAGE,
        total=len(bad),
    )


def _list_images(bad: BadImages, code: str, num_images: int) -> list[ShownBadImage]:
    rows = bad.rows.filter(pl.col("error_code") == code).select("filename", "filesize", "error")
    rows = rows if num_images < 0 else rows.head(num_images)
    return [
        ShownBadImage(name, size_bytes if size_bytes is not None and size_bytes >= 0 else None, error or "")
        for name, size_bytes, error in rows.iter_rows()
    ]
