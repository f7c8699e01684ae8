"""The files of leaks with their pictures, for the page of leaks."""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from dedup_assets.engine.core.set_records import LEAKING, LeakRole, Leaks
from dedup_assets.engine.decoders.tasks import THUMBNAIL_SIDE
from dedup_assets.engine.gallery.pages import Links, ShownFile
from dedup_assets.engine.gallery.spool import Spool
from dedup_assets.engine.gallery.thumbnails import Effort, add_thumbnail, make_pictures


def picture_leaks(
    leaks: Leaks, known: Mapping[bytes, ShownFile], spool: Spool, most: int, links: Links, effort: Effort
) -> dict[bytes, ShownFile]:
    """The files of the leaks that are shown, by the names that the sets have for them; a link has a picture too.

    Args:
        leaks: what sets share.
        known: files that have been read for other pages, by name.
        spool: takes the thumbnails of the others.
        most: pairs of each role.
        links: makes the addresses of originals.
        effort: limits for reading.
    """
    roles = (*LEAKING, LeakRole.VARIANT.value)
    shown = (leaks.rows.filter(pl.col("role") == role).head(most) for role in roles)
    names = list(dict.fromkeys(name for pair in pl.concat(shown).select("a", "b").iter_rows() for name in pair))
    found = {name: known[name] for name in names if name in known}
    others = [name for name in names if name not in found]
    for number, (name, file) in enumerate(make_pictures(others, effort)):
        path = f"thumbs/leaks/{number}.jpg"
        add_thumbnail(path, file, THUMBNAIL_SIDE, spool, effort)
        address = None if file.thumbnail is None else path
        found[name] = replace(file, thumbnail=None, address=address, link=links.link(name))
    return found
