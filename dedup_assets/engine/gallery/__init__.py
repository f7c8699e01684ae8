"""The report as a folder of pages: building it, finding the one that is still true, its thumbnails.

A composer. What a page says and looks like is in `pages/`; which image to keep is not decided by a template.
"""
