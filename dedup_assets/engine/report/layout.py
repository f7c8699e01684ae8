"""The frame that all pages share, and the templates that fill it."""

from base64 import b64encode
from collections.abc import Collection
from enum import StrEnum
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dedup_assets.engine.report import names, quantities

# Thumbnails are data, styles are inline; a page runs nothing and loads nothing, whatever a file name holds.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


class Page(StrEnum):
    """The pages of a report, by file name, in the order of the navigation."""

    SUMMARY = "index.html"
    DUPLICATES = "duplicates.html"
    COMPONENTS = "components.html"
    OUTLIERS = "outliers.html"
    BAD_IMAGES = "bad_images.html"

    @property
    def label(self) -> str:
        """The page's name in the navigation."""
        return "Summary" if self is Page.SUMMARY else self.name.replace("_", " ").capitalize()


def render_page(page: Page, *, title: str, subtitle: str, pages: Collection[Page], **content: object) -> str:
    """Fill the template of a page.

    Args:
        page: which one; its template has the same file name.
        title: the heading.
        subtitle: run facts under the heading, may be empty.
        pages: the pages that exist beside each other in one folder; they are linked.
        content: what the template shows.

    Returns:
        HTML that encodes to UTF-8, needs no other file, no network and no script.
    """
    template = _open_templates().get_template(page.value)
    existing = [other for other in Page if other in pages or other is page]
    return template.render(
        page=page, pages=existing, title=title, subtitle=subtitle, policy=CONTENT_SECURITY_POLICY, **content
    )


@cache
def _open_templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("dedup_assets.engine.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_make_encodable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["Page"] = Page
    environment.filters |= {
        "visible": names.make_visible,
        "breakable": names.make_breakable,
        "folder": lambda name: names.split_name(name)[0],
        "base": lambda name: names.split_name(name)[1],
        "label": names.label_name,
        "original": names.link_original,
        "similarity": quantities.format_similarity,
        "band": quantities.name_band,
        "count": quantities.format_count,
        "things": quantities.count_things,
        "size": quantities.format_size,
        "share": quantities.format_share,
        "jpeg": _embed_jpeg,
    }
    return environment


def _make_encodable(value: object) -> object:
    # No template can forget it: every expression passes here before it is escaped.
    return names.make_plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _embed_jpeg(thumbnail: bytes) -> Markup:
    return Markup("data:image/jpeg;base64,{}").format(b64encode(thumbnail).decode("ascii"))
