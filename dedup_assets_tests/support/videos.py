"""Videos made for tests."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image


def save_video(path: Path, pictures: Sequence[Image.Image], *, fps: int = 1) -> Path:
    """A video (MPEG-4) that shows pictures of one size, of even sides, one after the other; its path."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *pictures[0].size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_image(picture)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
