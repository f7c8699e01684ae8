"""Where the time of an extraction goes: each step alone, on one thread, in CPU milliseconds per image.

    python -m benchmarks.steps FOLDER [--images N]

The sum of the lines is the least that a run can take on one core; the rest of a run is hand-over and waiting.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.extraction.embedding import Embedder
from dedup_assets.engine.inputs.listing import list_images
from dedup_assets.engine.inputs.reading import read
from dedup_assets.engine.pictures.decoding import decode
from dedup_assets.engine.pictures.resizing import resize

_BATCH = 4  # as in extraction
_T = TypeVar("_T")
_R = TypeVar("_R")


def timed(label: str, work: Callable[[_T], _R], items: list[_T], images: int) -> list[_R]:
    """Do the work on every item and print CPU milliseconds per image."""
    begun = time.process_time()
    results = [work(item) for item in items]
    print(f"{label:<34} {1000 * (time.process_time() - begun) / images:7.3f}")
    return results


def is_good(content: bytes) -> bool:
    """Whether the content decodes; steps are timed on good images only."""
    try:
        decode(content)
    except ImageError:
        return False
    return True


@click.command()
@click.argument("folder")
@click.option("--images", default=500, show_default=True, help="How many, evenly spread over the folder.")
def main(folder: str, images: int) -> None:
    """Time reading, decoding, resizing and embedding of the images in FOLDER."""
    names = list_images(folder).images["filename"].to_list()
    names = names[:: max(1, len(names) // images)][:images]
    embedder = Embedder()
    size = (embedder.input.height, embedder.input.width)
    good = [name for name in names if is_good(read(name))]
    print(f"{len(good)} images of {folder}; CPU ms per image, one thread")
    contents = timed("read (cached by the system)", read, good, len(good))
    timed("decode in full", decode, contents, len(good))
    pictures = timed("decode with DCT scaling", lambda content: decode(content, at_least=size), contents, len(good))
    inputs = timed("resize to the model's size", lambda picture: resize(picture, size), pictures, len(good))
    batches: list[list[NDArray[np.uint8]]] = [inputs[at : at + _BATCH] for at in range(0, len(inputs), _BATCH)]
    embedder.embed(batches[0])
    timed(f"embed, batches of {_BATCH}", embedder.embed, batches, len(good))
    sides = np.median([Image.fromarray(decode(content)).size for content in contents], axis=0)
    print(f"median size {sides[0]:.0f}x{sides[1]:.0f} px")


if __name__ == "__main__":
    main()
