"""Results to the formats of other tools: tables, folders of images, and data sets that other libraries load.

choosing.py    which images, and what is said of each
holding.py     a folder that appears whole, and the bytes of images
formats.py     one writer per format
shards.py      WebDataset: tar files
"""

from dedup_assets.engine.exporting.choosing import Choice
from dedup_assets.engine.exporting.formats import Exported, ExportFormat, export_images
from dedup_assets.engine.exporting.holding import whole_folder

__all__ = ["Choice", "ExportFormat", "Exported", "export_images", "whole_folder"]
