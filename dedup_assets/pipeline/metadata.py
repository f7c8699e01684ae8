"""What each materialization shows in Dagster's UI: counts, rates, tables and thumbnails.

Numbers are plain, so that Dagster plots them over runs. Keys are words that a reader understands. Pictures stay under
200 KB per event, because events are rows of the event log. The command line's summary reads the same figures.
"""

import base64
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

import dagster as dg
import numpy as np
import polars as pl

from dedup_assets.engine.core.own_files import GALLERY
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.core.records import (
    BadImages,
    Components,
    Gallery,
    ImageLedger,
    Manifest,
    Neighbors,
    Pairs,
    RowRange,
    SearchIndex,
)
from dedup_assets.engine.core.redaction import redacted, redacted_name
from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.extraction.offset_ranges import RangeOutcome
from dedup_assets.engine.gallery.pages import Page, ShownFile
from dedup_assets.engine.gallery.thumbnails import Effort, make_pictures
from dedup_assets.engine.graph import PairCount
from dedup_assets.engine.inputs.selection import describe_left_out
from dedup_assets.engine.matching.range_comparer import ComparedRange
from dedup_assets.engine.neighbors import as_inverted_file
from dedup_assets.engine.neighbors.row_ranges import SearchOutcome, full_ranges
from dedup_assets.engine.results.bad_images import count_codes
from dedup_assets.engine.results.changes import ImageChanges, find_changes, find_listing_changes
from dedup_assets.engine.work_dir import WorkDir

Metadata = dict[str, Any]

RANGES_SHOWN_SINGLY = 100  # per run, because Dagster 1.13 reads all partition keys again for each partition's metadata

_PREVIEW_ROWS = 5
_PREVIEW_SIDE = 96  # px
_COMPONENT_IMAGES = 4
_BINS = 10


def of_manifest(
    manifest: Manifest,
    offset_ranges: int = 1,
    stale_offset_ranges: int = 0,
    former: pl.DataFrame | None = None,
) -> Metadata:
    """Metadata of `image_manifest`, with what changed since the last listing if there was one."""
    changes = None if former is None else find_listing_changes(former, manifest.images)
    changed = {} if changes is None else {f"{name}_images": count for name, count in asdict(changes).items()}
    sizes = manifest.images["size_bytes"]
    return {
        "dagster/row_count": len(manifest),
        "images": len(manifest),
        "listed_images": manifest.listed,
        "megabytes": round(int(sizes.filter(sizes > 0).sum()) / 1e6, 3),
        "links": 0 if manifest.links is None else manifest.links.height,
        "left_out": sum(manifest.left_out.values()),
        "left_out_kinds": describe_left_out(manifest.left_out) or "nothing",
        "offset_ranges": offset_ranges,
        "stale_offset_ranges": stale_offset_ranges,
        "first_names": dg.MetadataValue.md(_name_list(manifest.images["filename"].head(_PREVIEW_ROWS))),
        **({} if changes is None else {"since_the_last_listing": str(changes), **changed}),
    }


def of_range(outcome: RangeOutcome | None) -> Metadata:
    """Metadata of one partition of `feature_shards`; a rate only if images were computed.

    Args:
        outcome: what was computed; None if the listing has no such range.
    """
    if outcome is None:
        note = "The listing has no such range any more: it shrank, or shard_size changed. Nothing is kept for it."
        none = {"images": 0, "computed_images": 0, "copied_images": 0}
        return {"dagster/partition_row_count": 0, **none, "stale": note}
    return {
        "dagster/partition_row_count": outcome.images,
        "images": outcome.images,
        "computed_images": outcome.computed,
        "copied_images": outcome.copied,
        **({"images_per_second": round(outcome.rate, 1)} if outcome.computed else {}),
    }


def of_search_range(outcome: SearchOutcome) -> Metadata:
    """Metadata of one partition of `neighbor_shards`."""
    return {
        "dagster/partition_row_count": outcome.rows,
        "images": outcome.rows,
        "searched_images": outcome.searched,
        "kept_images": outcome.kept,
        "found_done": bool(outcome.found),
    }


def of_compared_range(images: int, outcome: ComparedRange | None = None) -> Metadata:
    """Metadata of one partition of `evidence_shards`.

    Args:
        images: in the range.
        outcome: what was compared; None where `evidence` has completed it with the others.
    """
    facts: Metadata = {"dagster/partition_row_count": images, "images": images}
    return facts if outcome is None else {**facts, "compared_pairs": outcome.compared, "answered": outcome.answered}


def of_search_ranges(outcomes: Sequence[SearchOutcome], images: int, settings: Settings) -> dict[RowRange, Metadata]:
    """Metadata of all partitions of `neighbor_shards`."""
    ranges = full_ranges(images, settings.search_range_size)
    return {rows: of_search_range(each) for rows, each in zip(ranges, outcomes, strict=True)}


def of_compared_ranges(images: int, settings: Settings) -> dict[RowRange, Metadata]:
    """Metadata of all partitions of `evidence_shards`, where `evidence` has completed them together."""
    ranges = full_ranges(images, settings.search_range_size) if settings.evidence == "on" else []
    return {rows: of_compared_range(min(rows.stop, images) - rows.start) for rows in ranges}


def of_search(outcome: SearchOutcome) -> Metadata:
    """How many images were searched for, of how many neighbours were kept, and for how many that was done before."""
    words = f"searched {outcome.searched:,} of {outcome.rows:,} images; {outcome.kept:,} kept"
    words += f"; {outcome.found:,} found done" if outcome.found else ""
    counts = {"searched_images": outcome.searched, "kept_images": outcome.kept, "found_done_images": outcome.found}
    return {**counts, "search": words}


def of_many_ranges(outcomes: Sequence[RangeOutcome], asked: int, progress: ProgressReporter) -> Metadata:
    """Metadata of all partitions of `feature_shards` that one run made; each partition shows the sums."""
    return {
        "ranges_in_run": asked,
        "stale_ranges_in_run": asked - len(outcomes),
        "images_in_run": sum(outcome.images for outcome in outcomes),
        "computed_images_in_run": sum(outcome.computed for outcome in outcomes),
        "copied_images_in_run": sum(outcome.copied for outcome in outcomes),
        "images_per_second_in_run": round(progress.rate, 1),
    }


def of_features(outcomes: Sequence[RangeOutcome], progress: ProgressReporter, dimension: int) -> Metadata:
    """Metadata of `features`. The number of good images is in that of `bad_images`, which reads the written files."""
    computed = sum(outcome.computed for outcome in outcomes)
    return {
        "images": sum(outcome.images for outcome in outcomes),
        "computed_images": computed,
        "copied_images": sum(outcome.copied for outcome in outcomes),
        "images_per_second": round(computed / max(progress.seconds, 1e-9), 1),
        "offset_ranges": len(outcomes),
        "offset_ranges_found_done": sum(not (outcome.computed or outcome.copied) for outcome in outcomes),
        "dimension": dimension,
    }


def of_bad_images(bad: BadImages, ledger: ImageLedger, former: ImageLedger | None = None) -> Metadata:
    """Metadata of `bad_images`, with what changed since the last run if there was one."""
    codes = "\n".join(f"| `{code}` | {count} |" for code, count in count_codes(bad).items())
    table = f"| error_code | images |\n|---|---|\n{codes}" if codes else "Every image could be used."
    return {
        "dagster/row_count": len(bad),
        "good_images": len(ledger) - len(bad),
        "bad_images": len(bad),
        "bad_share": round(len(bad) / max(len(ledger), 1), 6),
        "low_information_images": ledger.rows["low_information"].count(),
        "codes": dg.MetadataValue.md(table),
        "first_names": dg.MetadataValue.md(_name_list(bad.rows["filename"].head(_PREVIEW_ROWS))),
        **_changes(None if former is None else find_changes(former, ledger)),
    }


def _changes(changes: ImageChanges | None) -> Metadata:
    if changes is None:
        return {}
    counts = {f"{name}_images": count for name, count in asdict(changes).items()}
    return {"since_the_last_run": str(changes), **counts}


def of_index(index: SearchIndex, search: SearchSettings) -> Metadata:
    """Metadata of `faiss_index`; for an inverted file also how it was tuned."""
    inverted_file = as_inverted_file(index.index)
    tuned = {"lists": inverted_file.list_count, "lists_searched": inverted_file.nprobe} if inverted_file else {}
    return {
        **tuned,
        "found_done": index.is_stored,
        "dagster/row_count": len(index),
        "vectors": len(index),
        "dimension": index.index.d,
        "index_type": type(index.index).__name__,
        "asked_for": search.faiss_mode if search.provider == "faiss" else f"turi {search.nnmodel}",
        "distance": search.distance,
    }


def of_similarity(
    neighbors: Neighbors, pairs: Pairs, count: PairCount, settings: Settings, effort: Effort | None
) -> Metadata:
    """Metadata of `similarity`: counts of pairs, recall of the search, a histogram and the closest pairs."""
    facts: Metadata = {
        "dagster/row_count": len(pairs),
        "pairs": count.similar,
        "identical_pairs": count.identical,
        "neighbor_edges": neighbors.edges.height,
        "threshold": settings.threshold,
        "closest_pairs": dg.MetadataValue.md(_pair_table(pairs, effort, "similarity")),
        "similarity_of_all_neighbors": dg.MetadataValue.md(_histogram(neighbors.edges["similarity"])),
    }
    if settings.range_search:
        found = neighbors.edges.group_by("from").len()["len"]
        facts["images_at_range_search_limit"] = int((found >= settings.range_search_limit).sum())
    if neighbors.recall_at_k is not None:
        facts["recall_at_k"] = round(neighbors.recall_at_k, 6)
    return facts


def of_outliers(outliers: Pairs, images: int, effort: Effort | None) -> Metadata:
    """Metadata of `outliers`."""
    return {
        "dagster/row_count": len(outliers),
        "outliers": len(outliers),
        "outlier_share": round(len(outliers) / max(images, 1), 6),
        "most_isolated": dg.MetadataValue.md(_pair_table(outliers, effort, "best similarity")),
    }


def of_components(components: Components, names: pl.Series, effort: Effort | None) -> Metadata:
    """Metadata of `components`: number and sizes of the groups, and images of the largest ones."""
    facts: Metadata = {"dagster/row_count": components.images.height}
    if "component_id" in components.images.columns:
        groups = components.info.filter(pl.col("count") > 1)
        facts |= {
            "components": groups.height,
            "single_images": components.info.height - groups.height,
            "images_in_components": int(groups["count"].sum()),
            "duplicate_share": round(1 - components.info.height / max(components.images.height, 1), 6),
            "largest_component": int(components.info["count"].max() or 0),  # type: ignore[arg-type]  # an integer column
            "largest_components": dg.MetadataValue.md(_component_table(components, groups, names, effort)),
        }
    return facts


def of_gallery(gallery: Gallery, work_dir: WorkDir) -> Metadata:
    """Metadata of `gallery`: its path, number of pages, and size."""
    return {
        "open": place_in(work_dir, f"{GALLERY}/{Page.SUMMARY.value}"),
        "pages": len(gallery.pages),
        "megabytes": round((sum(map(len, gallery.pages.values())) + gallery.file_bytes) / 1e6, 3),
    }


def place_in(work_dir: WorkDir, name: str) -> dg.PathMetadataValue:
    """Where a file is: an absolute path, because the reader's working folder is another one, or a URL."""
    path = work_dir.path(name)
    return dg.MetadataValue.path(redacted(os.path.abspath(path) if work_dir.is_local else path))  # noqa: PTH100 - wild


def shown_name(name: bytes) -> str:
    """A name for Markdown: a character that could be markup becomes a reference, a line break becomes an escape."""
    text = redacted_name(name).decode("utf-8", "backslashreplace")
    return "".join(
        character if character.isalnum() or character in " ./_-:" else f"&#{ord(character)};"
        for character in text.replace("\n", "\\n").replace("\r", "\\r")
    )


def _name_list(names: Iterable[bytes]) -> str:
    return "\n".join(f"- {shown_name(name)}" for name in names) or "none"


def previews(names: Iterable[bytes], effort: Effort | None) -> dict[bytes, str]:
    """Small pictures as Markdown, by name; empty texts where no effort is to be made."""
    if effort is None:
        return dict.fromkeys(names, "")
    pictures = {}
    for name, picture in make_pictures(names, effort, side=_PREVIEW_SIDE):
        encoded = base64.b64encode(picture.thumbnail or b"").decode()
        pictures[name] = f"![](data:image/jpeg;base64,{encoded})" if encoded else f"({shown_name(_why(picture))})"
    return pictures


def _why(file: ShownFile) -> bytes:
    return f"cannot be shown: {file.problem}".encode("utf-8", "backslashreplace")


def _pair_table(pairs: Pairs, effort: Effort | None, score: str) -> str:
    """The first pairs, each once, with small pictures, as Markdown."""
    rows: dict[frozenset[bytes], tuple[bytes, bytes, float]] = {}
    for left, right, similarity in pairs.rows.head(2 * _PREVIEW_ROWS).iter_rows():
        if len(rows) < _PREVIEW_ROWS:
            rows.setdefault(frozenset((left, right)), (left, right, similarity))
    if not rows:
        return "none"
    pictures = previews(chain.from_iterable(rows), effort)
    lines = (
        f"| {pictures[left]} | {pictures[right]} | {similarity:.4f} "
        f"| {shown_name(os.path.basename(left))} | {shown_name(os.path.basename(right))} |"  # noqa: PTH119 - bytes
        for left, right, similarity in rows.values()
    )
    return f"| from | to | {score} | name | name |\n|---|---|---|---|---|\n" + "\n".join(lines)


def _component_table(components: Components, groups: pl.DataFrame, names: pl.Series, effort: Effort | None) -> str:
    members: dict[tuple[int, int], list[bytes]] = {}
    for component, count in groups.select("component_id", "count").head(_PREVIEW_ROWS).iter_rows():
        rows = components.images.filter(pl.col("component_id") == component)["__id"].head(_COMPONENT_IMAGES)
        members[component, count] = names.gather(rows).to_list()
    if not members:
        return "none"
    pictures = previews(chain.from_iterable(members.values()), effort)
    lines = (
        f"| {component} | {count} | {' '.join(pictures[name] for name in shown)} |"
        for (component, count), shown in members.items()
    )
    return "| component | images | first images |\n|---|---|---|\n" + "\n".join(lines)


def _histogram(similarity: pl.Series) -> str:
    """Counts of similarity in equal bins as Markdown; the lowest bin holds everything below."""
    counts, edges = np.histogram(np.clip(similarity.to_numpy(), 0, 1), bins=_BINS, range=(0, 1))
    widest = max(int(counts.max(initial=0)), 1)
    rows = (
        f"| {low:.1f}&nbsp;to&nbsp;{high:.1f} | {count} | {'█' * round(20 * count / widest)} |"
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    )
    return "| similarity | neighbours | |\n|---|---|---|\n" + "\n".join(rows)
