"""How similarities behave on a user's own images: which edited copies a threshold finds, and what else it lists.

copies.py      similarities of edited copies to their images
strangers.py   similarities of different images
bounds.py      how high a rate may be of which few cases were seen
isotonic.py    how likely people call a pair the same picture, by its similarity
measuring.py   all of it together, as a table over thresholds
sentences.py   what it means, in words
page.py        a page with the curves

Nothing here changes a threshold.
"""

from dedup_assets.engine.calibration.measuring import Calibration, measure_calibration
from dedup_assets.engine.calibration.page import draw_page
from dedup_assets.engine.calibration.sentences import advice

__all__ = ["Calibration", "advice", "draw_page", "measure_calibration"]
