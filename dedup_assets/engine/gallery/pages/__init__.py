"""The HTML report: templates, scripts and styles, and the code that fills them.

A page is either one file without scripts, or it belongs to a folder (`Site`) and lists everything that was found. No
page needs a network. Any name can be shown. The caller reads the images (`Illustrate`) and passes results as records;
nothing here reads or writes the user's files.
"""

from dedup_assets.engine.gallery.pages.bad_images import bad_images_page
from dedup_assets.engine.gallery.pages.components import Keeping, Pictures, components_page
from dedup_assets.engine.gallery.pages.duplicates import duplicates_page
from dedup_assets.engine.gallery.pages.findings import Findings, ShownFinding
from dedup_assets.engine.gallery.pages.groups import groups_page
from dedup_assets.engine.gallery.pages.keeping import Reason
from dedup_assets.engine.gallery.pages.layout import Frame, Page, Site, read_static
from dedup_assets.engine.gallery.pages.leaks import leaks_page
from dedup_assets.engine.gallery.pages.links import Links
from dedup_assets.engine.gallery.pages.map import map_page
from dedup_assets.engine.gallery.pages.names import common_folder
from dedup_assets.engine.gallery.pages.outliers import outliers_page
from dedup_assets.engine.gallery.pages.shown_files import Illustrate, ShownFile
from dedup_assets.engine.gallery.pages.stats import stats_page
from dedup_assets.engine.gallery.pages.summary import Freed, Summary, Uncompared, summary_page
from dedup_assets.engine.gallery.pages.tasks import Task, list_tasks

__all__ = [
    "Findings",
    "Frame",
    "Freed",
    "Illustrate",
    "Keeping",
    "Links",
    "Page",
    "Pictures",
    "Reason",
    "ShownFile",
    "ShownFinding",
    "Site",
    "Summary",
    "Task",
    "Uncompared",
    "bad_images_page",
    "common_folder",
    "components_page",
    "duplicates_page",
    "groups_page",
    "leaks_page",
    "list_tasks",
    "map_page",
    "outliers_page",
    "read_static",
    "stats_page",
    "summary_page",
]
