"""The frame that all pages share, and the templates that fill it."""

from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dedup_assets.engine.core.redaction import redacted
from dedup_assets.engine.gallery.pages import names, quantities

# A page of one file has inline thumbnails and styles. It runs and loads nothing, whatever a file name holds.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
# A page of a folder loads files of that folder and, if opened from a disk, originals from that disk; nothing from a
# network. For a page on a disk, browsers count the files of that disk as 'self' (tried with Chromium and Firefox).
FOLDER_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' file:; base-uri 'none'; form-action 'none'"
)
_FIRST = "theme.js"
_LAST = "start.js"
_SCRIPTS = (
    "page.js",
    "names.js",
    "words.js",
    "results.js",
    "parts.js",
    "aligned.js",
    "cards.js",
    "marks.js",
    "downloads.js",
    "listing.js",
    "magnifier.js",
    "wipe.js",
    "viewer.js",
    "keyboard.js",
)
MAP_SCRIPT = "map.js"
"""Of the map alone, which a gallery may lack."""
STATIC_FILES = ("style.css", "icon.svg", _FIRST, *_SCRIPTS, _LAST)


class Page(StrEnum):
    """The pages of a report, by file name, in the order of the navigation."""

    SUMMARY = "index.html"
    GROUPS = "groups.html"
    LEAKS = "leaks.html"
    DUPLICATES = "duplicates.html"
    COMPONENTS = "components.html"
    OUTLIERS = "outliers.html"
    MAP = "map.html"
    BAD_IMAGES = "bad_images.html"
    STATS = "stats.html"

    @property
    def label(self) -> str:
        """The page's name in the navigation."""
        return "Summary" if self is Page.SUMMARY else self.name.replace("_", " ").capitalize()

    @property
    def heading(self) -> str:
        """The page's heading."""
        return "Leaks between sets" if self is Page.LEAKS else self.label

    @property
    def is_alone(self) -> bool:
        """Whether it is a page of no gallery: a function makes it alone."""
        return self is Page.STATS

    @property
    def is_still(self) -> bool:
        """Whether the page has no list: it is complete without scripts, and needs no data."""
        return self in {Page.SUMMARY, Page.LEAKS, Page.MAP}


GALLERY_PAGES = tuple(page for page in Page if not page.is_alone)
"""The pages that a gallery may have."""


@dataclass(frozen=True)
class Site:
    """The folder beside the pages that holds their scripts, styles, data and thumbnails.

    Attributes:
        folder: its name.
        data: paths of its data scripts by kind, in the order in which to load them.
        pictures: how many files have a thumbnail in the folder.
        files: how many files the lists are about.
        common: the folder that all files of pairs, groups and outliers are in; pages show paths without it.
    """

    folder: str
    data: Mapping[str, Sequence[str]]
    common: str = ""
    pictures: int = 0
    files: int = 0

    def scripts(self, page: Page) -> list[str]:
        """The scripts that a page loads, in order: code, then data, then the script that starts the page."""
        if page.is_still:
            return [_FIRST, *_OWN.get(page, ())]
        data = [path for kind in ("facts", *_DATA[page]) for path in self.data.get(kind, ())]
        return [_FIRST, *_SCRIPTS, *data, _LAST]


@dataclass(frozen=True)
class Frame:
    """What a page shares with the pages beside it.

    Attributes:
        title: the heading, if it is not that of the page.
        subtitle: run facts under the heading.
        pages: the pages that exist beside this one; only they are linked.
        site: what the page loads; None for a page of one file.
    """

    title: str = ""
    subtitle: str = ""
    pages: Collection[Page] = ()
    site: Site | None = None


ALONE = Frame()
"""The frame of a page of one file without others."""

_DATA = {
    Page.GROUPS: ("reasons", "files", "groups", "copies", "related"),
    Page.DUPLICATES: ("reasons", "files", "pairs"),
    Page.COMPONENTS: ("reasons", "files", "components", "members"),
    Page.OUTLIERS: ("files", "outliers"),
    Page.BAD_IMAGES: ("codes", "bad"),
}


_OWN = {Page.MAP: ("page.js", MAP_SCRIPT)}


def read_static(name: str) -> bytes:
    """A script or style of the pages."""
    return resources.files("dedup_assets.engine.gallery.pages").joinpath("static", name).read_bytes()


def render_page(page: Page, frame: Frame, **content: object) -> str:
    """Fill the template of a page.

    Args:
        page: the page; its template has the same file name.
        frame: what it shares with the pages beside it.
        content: what the template shows.

    Returns:
        HTML that encodes to UTF-8 and needs no network; without a `site` it also needs no other file and no script.
    """
    return (
        _open_templates()
        .get_template(page.value)
        .render(
            page=page,
            pages=[other for other in Page if other in frame.pages or other is page],
            title=frame.title or page.heading,
            subtitle=frame.subtitle,
            site=frame.site,
            policy=FOLDER_SECURITY_POLICY if frame.site else CONTENT_SECURITY_POLICY,
            style="" if frame.site else _style(),
            **content,
        )
    )


def compile_templates() -> None:
    """Compile the templates, which takes a tenth of a second, before the first page needs them."""
    templates = _open_templates()
    for name in templates.list_templates(extensions=("html",)):
        templates.get_template(name)


@cache
def _style() -> Markup:
    return Markup(read_static("style.css").decode("utf-8"))  # noqa: S704 - our own file


@cache
def _open_templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("dedup_assets.engine.gallery.pages", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_make_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["Page"] = Page
    environment.filters |= {
        "visible": names.show_text,
        "folder": names.show_folder,
        "base": names.show_base,
        "label": names.label_name,
        "similarity": quantities.format_similarity,
        "band": quantities.name_band,
        "count": quantities.format_count,
        "things": quantities.count_things,
        "size": quantities.format_size,
        "share": quantities.format_share,
        "jpeg": _embed_jpeg,
    }
    return environment


def _make_harmless(value: object) -> object:
    # No template can forget it: every expression passes here before it is escaped.
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return names.make_plain(redacted(value))


def _embed_jpeg(thumbnail: bytes) -> Markup:
    return Markup("data:image/jpeg;base64,{}").format(b64encode(thumbnail).decode("ascii"))
