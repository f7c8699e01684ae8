"""The report as a folder of pages: building it with thumbnails, or finding an earlier one that is still valid.

`pages/` decides what a page says and looks like; `pages/keeping.py` decides which image to keep.
"""
