"""Annotations of images that a plan removes, carried over to the kept images, in new files.

replacing.py   which image takes the place of which, and the map between their pixels
shapes.py      boxes and polygons through a map
coco.py        COCO files
yolo.py        folders of YOLO labels
lines.py       CSV and JSON lines
writing.py     a plan and annotations to a new folder
"""

from dedup_assets.engine.rewriting.writing import Rewritten, rewrite

__all__ = ["Rewritten", "rewrite"]
