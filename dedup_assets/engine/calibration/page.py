"""A page with the curves of a calibration: one file that loads nothing and needs no script."""

from html import escape

import polars as pl

from dedup_assets.engine.calibration.measuring import Calibration
from dedup_assets.engine.calibration.sentences import rate_in_words
from dedup_assets.engine.pictures.edits import EDITS

_WIDTH, _HEIGHT, _MARGIN = 760, 320, 48
_DECADES = 6  # of false pairs: from one in a million to all


def draw_page(found: Calibration, sentences: list[str]) -> str:
    """The page as HTML.

    Args:
        found: what was measured.
        sentences: shown above the curves.
    """
    table = found.table
    names = list(EDITS)
    curves = "".join(_curve(table, f"recall_{name}", _hue(place), name) for place, name in enumerate(names))
    key = "".join(
        f'<li><svg width="14" height="10"><rect width="14" height="10" fill="{_hue(place)}"/></svg> '
        f"{escape(name.replace('_', ' '))}</li>"
        for place, name in enumerate(names)
    )
    rates = ("false_pairs_per_million", "false_pairs_per_million_at_most")
    decades = (pl.col(rate).clip(lower_bound=1).log10() / _DECADES for rate in rates)
    heights = table.select("threshold", *(each.clip(0, 1) for each in decades))
    false = _curve(heights, rates[0], "#c33", "false pairs")
    false += _curve(heights, rates[1], "#c33", "at most, with 95% confidence", dashes="5 4")
    rows = "".join(
        _row(row) for row in table.filter((pl.col("threshold") * 100).round() % 5 == 0).iter_rows(named=True)
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Calibration</title>
<meta name="viewport" content="width=device-width">
<style>
:root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }}
body {{ max-width: 800px; margin: 2em auto; padding: 0 1em }}
svg text {{ font-size: 12px; fill: currentColor }} svg {{ max-width: 100%; height: auto }}
ul {{ columns: 3; list-style: none; padding: 0 }} td, th {{ padding: 0 .8em; text-align: right }}
@media (max-width: 520px) {{ td, th {{ padding: 0 .25em; font-size: 13px }} ul {{ columns: 2 }} }}
</style></head><body>
<h1>Calibration</h1>
{"".join(f"<p>{escape(text)}</p>" for text in sentences)}
<p>Copies of {found.images} images, {found.pairs:,} pairs of different images, {found.verdicts} verdicts.</p>
<h2>Share of edited copies that are found</h2>
{_chart(curves, [("0 %", 0), ("50 %", 0.5), ("100 %", 1)])}
<ul>{key}</ul>
<h2>False pairs in a million pairs of different images</h2>
{_chart(false, [("≤ 1", 0), ("1,000", 0.5), ("1,000,000", 1)])}
<p>Dashed: what the rate is at most, with 95% confidence, as if the pairs were independent of each other.</p>
<table>
<tr><th>threshold</th><th>copies found</th><th>false pairs seen</th><th>in a million</th><th>at most</th></tr>
{rows}</table>
</body></html>
"""


def _row(row: dict[str, float]) -> str:
    rates = (rate_in_words(row[f"false_pairs_per_million{ending}"]) for ending in ("", "_at_most"))
    cells = (f"{row['threshold']:.2f}", f"{row['recall']:.1%}", f"{row['false_pairs']:,.0f}", *rates)
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _hue(place: int) -> str:
    return f"hsl({place * 360 // len(EDITS)} 65% 48%)"


def _chart(curves: str, marks: list[tuple[str, float]]) -> str:
    across = "".join(
        f'<text x="{_x(value):.0f}" y="{_HEIGHT - _MARGIN / 2:.0f}" text-anchor="middle">{value:.1f}</text>'
        for value in (0, 0.2, 0.4, 0.6, 0.8, 1)
    )
    up = "".join(
        f'<line x1="{_MARGIN * 1.5}" x2="{_WIDTH - _MARGIN / 2}" y1="{_y(value):.1f}" y2="{_y(value):.1f}" '
        f'stroke="gray" stroke-opacity=".4"/><text x="{_MARGIN * 1.4}" y="{_y(value) + 4:.0f}" '
        f'text-anchor="end">{label}</text>'
        for label, value in marks
    )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="by threshold">{up}{across}{curves}</svg>'


def _curve(table: pl.DataFrame, column: str, colour: str, name: str, dashes: str = "none") -> str:
    points = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in table.select("threshold", column).iter_rows())
    title = escape(name.replace("_", " "))
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}">'
        f"<title>{title}</title></polyline>"
    )


def _x(value: float) -> float:
    return _MARGIN * 1.5 + value * (_WIDTH - 2 * _MARGIN)


def _y(value: float) -> float:
    return _HEIGHT - _MARGIN - value * (_HEIGHT - 1.6 * _MARGIN)
