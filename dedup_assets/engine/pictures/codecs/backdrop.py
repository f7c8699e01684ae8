"""What lies behind transparent pixels: the backdrop that shows the drawing.

The backdrop is white, as pages are. A white drawing on transparency (an icon for dark themes, a logo) would vanish on
white and equal every other such drawing, so it is shown on black. A picture that is transparent everywhere but has
colours is a texture, or comes from a program that leaves alpha empty. It is shown by its colours.
"""

import numpy as np
from PIL import Image

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_VISIBLE = 32  # levels that a drawing must span on white: an eighth of all
_TAIL = 0.001  # share of pixels on either side that does not count
_OPAQUE = 255


def flatten(with_alpha: Image.Image, *, may_be_unset: bool = False) -> Image.Image:
    """Put an RGBA image on the backdrop that shows it.

    Args:
        with_alpha: the image.
        may_be_unset: alpha that is 0 everywhere means nothing in this format, as in BMP.

    Returns:
        An RGB image.
    """
    least, most = with_alpha.getchannel("A").getextrema()
    if least == _OPAQUE or (most == 0 and may_be_unset):
        return with_alpha.convert("RGB")
    if most == 0:
        return _hidden_colours(with_alpha)
    on_white = _put_on(with_alpha, _WHITE)
    if _contrast(on_white) >= _VISIBLE:
        return on_white
    on_black = _put_on(with_alpha, _BLACK)
    return on_black if _contrast(on_black) > _contrast(on_white) + _VISIBLE else on_white


def _hidden_colours(transparent: Image.Image) -> Image.Image:
    """The colours of an image that is transparent everywhere; white where they are all the same."""
    opaque = transparent.convert("RGB")
    is_flat = all(low == high for low, high in np.reshape(opaque.getextrema(), (3, 2)).tolist())
    return Image.new("RGB", opaque.size, _WHITE) if is_flat else opaque


def _put_on(with_alpha: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    backdrop = Image.new("RGB", with_alpha.size, colour)
    backdrop.paste(with_alpha, mask=with_alpha)
    return backdrop


def _contrast(image: Image.Image) -> int:
    """The levels between nearly the darkest and nearly the brightest pixel, of the channel where these are most."""
    counts = np.reshape(image.histogram(), (3, -1)).cumsum(axis=1)
    tail = _TAIL * counts[0, -1]
    low = [int(np.searchsorted(channel, tail, side="right")) for channel in counts]
    high = [int(np.searchsorted(channel, channel[-1] - tail, side="left")) for channel in counts]
    return max(top - bottom for bottom, top in zip(low, high, strict=True))
