"""Bar charts as SVG text: one row of panels for each set of images, one bar per tool."""

from collections.abc import Callable, Sequence
from html import escape

from benchmarks.results import ImageSet, Result
from benchmarks.tools import OURS

_PANELS: list[tuple[str, str, Callable[[Result], float | None]]] = [
    ("images/s", "more is better", lambda result: result.images_per_second),
    ("CPU ms/image", "less is better", lambda result: result.cpu_ms_per_image),
    ("peak memory, MB", "less is better", lambda result: result.peak_megabytes),
    ("uAP", "more is better", lambda result: result.vectors.average_precision if result.vectors else None),
]
_PANEL, _LABELS, _BAR, _GAP, _HEAD = 190, 110, 22, 8, 64
_OUR_COLOUR, _PEER_COLOUR, _INK, _FAINT = "#2563eb", "#9aa4b2", "#1f2933", "#5f6b7a"


def draw(sets: Sequence[ImageSet]) -> str:
    """The whole chart: sets below each other, measures beside each other. A tool that failed has no bars."""
    rows = max(len(image_set.results) for image_set in sets)
    block = _HEAD + rows * (_BAR + _GAP) + 16
    width, height = _LABELS + _PANEL * len(_PANELS) + 10, block * len(sets)
    body = "".join(_block(image_set, position * block) for position, image_set in enumerate(sets))
    font = "font-family='system-ui, -apple-system, Segoe UI, sans-serif' font-size='12'"
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' "
        f"role='img' {font}><title>Speed, memory and quality of tools that find duplicate images</title>"
        f"<rect width='{width}' height='{height}' fill='#ffffff'/>{body}</svg>\n"
    )


def _block(image_set: ImageSet, top: int) -> str:
    title = f"{image_set.name}: {image_set.images:,} images"
    parts = [_text(10, top + 22, title, size=14, weight=600)]
    for row, result in enumerate(image_set.results):
        parts.append(_text(10, top + _HEAD + row * (_BAR + _GAP) + 15, result.tool.name))
    for column, (name, direction, value) in enumerate(_PANELS):
        left = _LABELS + column * _PANEL
        parts.append(_text(left, top + 44, name, weight=600) + _text(left, top + 57, direction, size=10, fill=_FAINT))
        values = [None if result.failed else value(result) for result in image_set.results]
        parts += _bars(left, top + _HEAD, [result.tool.name for result in image_set.results], values)
    return "".join(parts)


def _bars(left: int, top: int, names: list[str], values: list[float | None]) -> list[str]:
    most = max((value for value in values if value is not None), default=0) or 1
    parts = []
    for row, (name, value) in enumerate(zip(names, values, strict=True)):
        y = top + row * (_BAR + _GAP)
        if value is None:
            parts.append(_text(left, y + 15, "none", fill=_FAINT))
            continue
        length = max(1.0, (_PANEL - 70) * value / most)
        colour = _OUR_COLOUR if name == OURS.name else _PEER_COLOUR
        parts.append(f"<rect x='{left}' y='{y}' width='{length:.1f}' height='{_BAR}' rx='2' fill='{colour}'/>")
        parts.append(_text(left + length + 6, y + 15, _number(value)))
    return parts


def _number(value: float) -> str:
    return f"{value:.3f}" if value <= 1 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _text(x: float, y: float, text: str, *, size: int = 12, weight: int = 400, fill: str = _INK) -> str:
    style = f"font-size='{size}' font-weight='{weight}' fill='{fill}'"
    return f"<text x='{x:.1f}' y='{y:.1f}' {style}>{escape(text)}</text>"
