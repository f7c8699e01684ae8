"""The HTML report: templates, scripts and styles, and the little code that fills them.

A page stands by itself, and is then one file without scripts; or it belongs to a folder (`Site`), and then lists all
that was found, page by page. None needs a network. Names are shown whatever they hold. Pictures come from the caller
(`Illustrate`), results from the records; nothing here reads or writes files of users.
"""

from dedup_assets.engine.gallery.pages.bad_images import bad_images_page
from dedup_assets.engine.gallery.pages.components import Keeping, components_page
from dedup_assets.engine.gallery.pages.duplicates import duplicates_page
from dedup_assets.engine.gallery.pages.keeping import Reason
from dedup_assets.engine.gallery.pages.layout import Page, Site, read_static
from dedup_assets.engine.gallery.pages.names import Links
from dedup_assets.engine.gallery.pages.outliers import outliers_page
from dedup_assets.engine.gallery.pages.pictures import Illustrate, Picture
from dedup_assets.engine.gallery.pages.summary import Freed, Summary, summary_page

__all__ = [
    "Freed",
    "Illustrate",
    "Keeping",
    "Links",
    "Page",
    "Picture",
    "Reason",
    "Site",
    "Summary",
    "bad_images_page",
    "components_page",
    "duplicates_page",
    "outliers_page",
    "read_static",
    "summary_page",
]
