"""Fixtures that more than one test module needs."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and odd pictures that may lie beside the checkout, or a skip.

    It is `../shared/data`; the environment variable DEDUP_SHARED names another place for `shared`, for a checkout that
    lies elsewhere.
    """
    beside = Path(__file__).parents[2] / "shared"
    data = Path(os.environ.get("DEDUP_SHARED", beside)) / "data"
    if not data.is_dir():
        pytest.skip(f"no pictures in {data}; DEDUP_SHARED can name the folder above them")
    return data


def photo_like(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """A picture that looks like no other seed's: smooth colours, edges and texture."""
    rng = np.random.default_rng(seed)
    colours = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    picture = colours.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        left, top = rng.integers(0, width), rng.integers(0, height)
        size = rng.integers(20, 90, 2)
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape(
            (int(left), int(top), int(left + size[0]), int(top + size[1])), fill=tuple(rng.integers(0, 256, 3).tolist())
        )
    grain = rng.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def save_jpeg(path: Path, picture: Image.Image, quality: int = 92) -> Path:
    """Save a picture, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, "JPEG", quality=quality)
    return path
