"""What was done to a picture, and to which of the two: compression, blur, enlargement, light."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.evidence.comparing import Finding, compare
from dedup_assets_tests.engine.evidence.test_lookalikes import look_at
from dedup_assets_tests.support.pictures import photo_like

SEEDS = [21, 22, 23]


def photo(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    """A picture with detail down to its pixels, as photographs have."""
    smooth = np.asarray(photo_like(seed, width, height), np.float32)
    grain = np.random.default_rng(seed).normal(0, 12, (height, width, 1))
    return Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))


def saved(picture: Image.Image, quality: int = 90) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def compared(a: Image.Image, b: Image.Image) -> Finding:
    """The finding, which is the same the other way round."""
    found, other = compare(look_at(a), look_at(b)), compare(look_at(b), look_at(a))
    assert found.relation is other.relation is Relation.COPY
    assert other.edited() == {"a": "b", "b": "a"}.get(found.edited(), found.edited())
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_strongest_compression_does_is_no_other_picture_and_no_overlay(seed: int) -> None:
    found = compared(photo(seed), saved(photo(seed), 5))
    assert "text" not in found.kind()
    assert found.edited() in {"", "b"}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("share", [1 / 150, 1 / 60])
def test_a_blurred_picture_is_named_however_weak_or_strong_the_blur(seed: int, share: float) -> None:
    found = compared(photo(seed), saved(photo(seed).filter(ImageFilter.GaussianBlur(640 * share))))
    assert (found.kind(), found.edited()) == ("blurred", "b")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("colour", [0.4, 1.0])
def test_more_light_makes_no_blur_of_the_other_picture(seed: int, colour: float) -> None:
    brighter = ImageEnhance.Color(ImageEnhance.Brightness(photo(seed)).enhance(1.5)).enhance(colour)
    found = compared(photo(seed), saved(brighter))
    assert "blurred" not in found.kind()
    assert found.edited() in {"", "b"}


def vivid(seed: int) -> Image.Image:
    """A picture whose colours end at black and white in single channels, as a sign or a flower does."""
    picture = np.asarray(photo(seed), np.float32)
    return Image.fromarray(np.clip((picture - 128) * 3 + 128, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("brightness", [0.6, 1.0])
def test_a_paler_copy_of_a_vivid_picture_shows_no_loss_in_that_one(seed: int, brightness: float) -> None:
    paler = ImageEnhance.Color(ImageEnhance.Brightness(vivid(seed)).enhance(brightness)).enhance(0.4)
    assert compared(vivid(seed), saved(paler)).edited() in {"", "b"}


@pytest.mark.parametrize("seed", SEEDS)
def test_light_that_is_cut_off_names_the_brighter_copy(seed: int) -> None:
    light = Image.fromarray((np.asarray(photo(seed), np.float32) * 0.6 + 80).astype(np.uint8))
    assert compared(light, saved(ImageEnhance.Brightness(light).enhance(1.5))).edited() == "b"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [(250, 250), (300, 225)])
def test_an_enlarged_small_picture_is_told_from_its_source(seed: int, size: tuple[int, int]) -> None:
    source = photo(seed).resize((240, 180), Image.Resampling.LANCZOS)
    found = compared(saved(source, 95), saved(source.resize(size, Image.Resampling.BICUBIC)))
    assert "enlarged" in found.kind()
    assert found.edited() == "b"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [(200, 150), (250, 250), (150, 225)])
def test_a_source_is_never_called_an_enlarged_copy(seed: int, size: tuple[int, int]) -> None:
    source = photo(seed).resize((300, 225), Image.Resampling.LANCZOS)
    assert compared(saved(source, 95), saved(source.resize(size, Image.Resampling.BICUBIC))).edited() != "a"


def on_screen(picture: Image.Image, seed: int) -> Image.Image:
    """The picture on a screen, taken from aside: bands of moire, another light, noise."""
    rng = np.random.default_rng(seed)
    width, height = picture.size
    x, y = np.arange(width), np.arange(height)[:, None]
    bands = np.stack([np.sin(0.1 * x * (1 + rng.random()) + (0.2 + 0.2 * rng.random()) * y) for _ in range(3)], 2)
    lit = np.asarray(picture, np.float64) * [0.86, 0.92, 0.97] * (1 + 0.05 * bands) * 0.9 + 12
    screen = Image.fromarray(np.clip(lit + rng.normal(0, 4, lit.shape), 0, 255).astype(np.uint8))
    framed = ImageOps.expand(screen, 24, (15, 15, 18))
    aside = [1.02, 0.05, -18, 0.02, 1.04, -12, 4e-5, 1.2e-4]
    return framed.transform(framed.size, Image.Transform.PERSPECTIVE, aside, Image.Resampling.BICUBIC)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_photograph_of_a_screen_is_a_copy_in_spite_of_moire_and_perspective(seed: int) -> None:
    found = compared(photo(seed), saved(on_screen(photo(seed), seed), 80))
    assert "text" not in found.kind()
