"""Addresses that open the original of an image from a page."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from dedup_assets.engine.core.redaction import holds_secrets
from dedup_assets.engine.inputs.containers.names import split_frame

_WEB_ADDRESS = re.compile(rb"https?://[^/]", re.IGNORECASE)
_RESERVED_IN_ADDRESS = ":/?#[]@!$&'()*+,;=%~"


@dataclass(frozen=True)
class Links:
    """How the pages of a folder link originals.

    Attributes:
        beside: a folder, with its trailing slash, whose content is linked relatively, because it is moved and served
            together with the pages. If empty, nothing is linked relatively.
        way: relative path from the pages to that folder.
    """

    beside: str = ""
    way: str = ""

    @classmethod
    def of_gallery(cls, gallery: str, steps: int) -> "Links":
        """Link originals beside the results relatively, all others by their full path.

        Args:
            gallery: path of the folder of the pages; or its URL, from which local files cannot be linked relatively.
            steps: number of folders from the pages up to the common folder of results and originals.
        """
        parts = PurePosixPath(gallery).parts
        if "://" in gallery or not gallery.startswith("/") or len(parts) <= steps + 1:
            return cls()
        return cls(str(PurePosixPath(*parts[:-steps])) + "/", steps * "../")

    def link(self, name: bytes) -> str | None:
        """Return an address of the original: relative, or as `link_original` gives it."""
        if split_frame(name):
            video, _, moment = name.rpartition(b"#")
            address = self.link(video)
            return address and f"{address}#{moment.decode('ascii')}"
        beside = self.beside.encode("utf-8", "surrogateescape")
        if beside and name.startswith(beside):
            return self.way + quote(name.removeprefix(beside))
        return link_original(name)


def link_original(name: bytes) -> str | None:
    """Return an address that opens the original file.

    Returns:
        A percent-encoded `file:` or `http(s):` address; for a frame of a video, the moment is its fragment. None for a
        name that a browser cannot or must not open (`s3://`, `javascript:`, a relative path), and for a URL with
        credentials, because the page would show them.
    """
    if split_frame(name):
        video, _, moment = name.rpartition(b"#")
        address = link_original(video)
        return address and f"{address}#{moment.decode('ascii')}"
    if _WEB_ADDRESS.match(name):
        return None if holds_secrets(name) else quote(name, safe=_RESERVED_IN_ADDRESS)
    # Two slashes at the start would name a host to some systems.
    return "file:///" + quote(name.lstrip(b"/")) if name.startswith(b"/") else None
