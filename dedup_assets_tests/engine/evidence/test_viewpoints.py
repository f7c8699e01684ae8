"""Two photographs from two places lie on each other as no edit makes them; edits do not look like that."""

from collections.abc import Callable

import pytest
from PIL import Image, ImageEnhance, ImageOps

from dedup_assets.engine.core.match_records import (
    A_LITTLE_ASKEW,
    IN_PERSPECTIVE,
    OTHER_EDGES,
    OTHER_VIEWPOINT,
    Relation,
)
from dedup_assets_tests.engine.evidence.test_lookalikes import compared
from dedup_assets_tests.support.pictures import photo_like

Made = Callable[[Image.Image], Image.Image]
SIZE = WIDTH, HEIGHT = 640, 480


def seen(scene: Image.Image, across: float = 1.0, along: float = 0.0, right: float = 0.0) -> Image.Image:
    """What a camera sees of a scene: how much is stretched, how far the ground slides, where the picture begins."""
    left, top = (scene.width - WIDTH) / 2, (scene.height - HEIGHT) / 2
    matrix = (across, along, left + right - (across - 1) * WIDTH / 2 - along * HEIGHT / 2, 0, 1, top)
    return scene.transform(SIZE, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    return photo_like(5, 760, 560)


@pytest.mark.parametrize("smaller", [False, True])
@pytest.mark.parametrize(
    ("view", "said"),
    [
        ({"along": 0.012}, OTHER_VIEWPOINT),
        ({"along": 0.04}, OTHER_VIEWPOINT),
        ({"across": 1.03}, OTHER_VIEWPOINT),
        ({"right": 24.0}, OTHER_EDGES),
    ],
)
def test_photographs_from_two_places_are_no_plain_copies(
    scene: Image.Image, view: dict[str, float], said: str, smaller: bool
) -> None:
    other = seen(scene, **view)
    found = compared(seen(scene), other.resize((448, 336)) if smaller else other)
    assert found.relation is not Relation.COPY or said in found.kind()
    assert found.edited() == ""  # neither was edited


@pytest.mark.parametrize(
    "made",
    [
        lambda photo: photo.crop((40, 30, 520, 470)),
        lambda photo: photo.crop((40, 30, 520, 470)).resize((480, 440)),
        lambda photo: photo.resize((300, 300)),
        lambda photo: photo.resize((200, 150)),
        ImageOps.mirror,
        lambda photo: photo.rotate(4, Image.Resampling.BICUBIC),
        lambda photo: photo.rotate(25, Image.Resampling.BICUBIC, expand=True),
        lambda photo: photo.rotate(3, Image.Resampling.BICUBIC).crop((30, 25, 610, 455)),
        lambda photo: ImageOps.expand(photo, (60, 20), "white"),
        lambda photo: ImageEnhance.Brightness(photo).enhance(1.9),
        lambda photo: ImageEnhance.Contrast(ImageOps.mirror(photo)).enhance(2.2),
        lambda photo: photo.point(lambda level: round(255 * (level / 255) ** 2.5)),
    ],
)
def test_edits_are_not_taken_for_another_viewpoint(scene: Image.Image, made: Made) -> None:
    photo = seen(scene)
    found = compared(photo, made(photo))
    assert found.relation is Relation.COPY
    assert not {OTHER_VIEWPOINT, OTHER_EDGES} & set(found.kind().split(", "))
    assert A_LITTLE_ASKEW not in found.kind()


@pytest.mark.parametrize(
    "corners",
    [
        (-3, 2, 4, -2, 3, 3, -2, -4),
        (2, 1, 2, 5, -2, 4, -1, 1),
        (6, 4, 8, 3, 7, 6, 5, 6),
        (-1, -3, 1, 2, 3, 2, -1, -2),
    ],
)
def test_a_photograph_of_a_print_is_no_plain_copy_of_it(scene: Image.Image, corners: tuple[int, ...]) -> None:
    """The corners of the frame are some pixels off those of the print: left and top, then clockwise."""
    left, top, right, top_right, right_below, below, left_below, below_left = corners
    quad = (left, top, left_below, HEIGHT + below_left, WIDTH + right_below, HEIGHT + below, WIDTH + right, top_right)
    print_ = seen(scene)
    photographed = print_.transform(SIZE, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)
    lit = ImageEnhance.Brightness(photographed).enhance(0.95)
    found = compared(print_, lit.resize((820, 615)))
    said = (A_LITTLE_ASKEW, OTHER_VIEWPOINT, OTHER_EDGES, IN_PERSPECTIVE)
    assert found.relation is not Relation.COPY or any(words in found.kind() for words in said), found.kind()
