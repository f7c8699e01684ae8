"""The HTML report: templates and the little code that fills them.

Every page is one file that needs no network, no script and no other file. Names are shown whatever they hold. Pictures
come from the caller (`Illustrate`), results from the records; nothing here reads or writes files.
"""

from dedup_assets.engine.report.bad_images import bad_images_page
from dedup_assets.engine.report.components import components_page
from dedup_assets.engine.report.duplicates import duplicates_page
from dedup_assets.engine.report.layout import Page
from dedup_assets.engine.report.outliers import outliers_page
from dedup_assets.engine.report.pictures import Illustrate, Picture
from dedup_assets.engine.report.summary import Summary, summary_page

__all__ = [
    "Illustrate",
    "Page",
    "Picture",
    "Summary",
    "bad_images_page",
    "components_page",
    "duplicates_page",
    "outliers_page",
    "summary_page",
]
