"""Checks of what must be true of the results in any work_dir."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from dedup_assets.engine.core.records import (
    BadImages,
    Components,
    ErrorCode,
    FeatureFiles,
    Features,
    ImageLedger,
    Manifest,
    Pairs,
)

SMALLEST_MEGA_COMPONENT = 100  # images: in a small collection any group is a large share

_BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class Verdict:
    """The result of one check.

    Attributes:
        problem: what is wrong; empty if nothing is.
        facts: counts and limits, by name.
        note: what a person should know, whether or not something is wrong; empty if nothing.
    """

    problem: str
    facts: Mapping[str, int | float] = field(default_factory=dict)
    note: str = ""


def check_manifest(manifest: Manifest) -> Verdict:
    """Names strictly ascending in byte order; positions without a gap."""
    names, index = manifest.images["filename"], manifest.images["index"]
    unsorted = int((names.head(-1) >= names.tail(-1)).sum()) if len(names) > 1 else 0
    gaps = int((index.diff().drop_nulls() != 1).sum())
    problems = [f"{unsorted} names out of order or repeated"] * bool(unsorted) + [f"{gaps} gaps in positions"] * bool(
        gaps
    )
    return Verdict("; ".join(problems), {"images": len(manifest)})


def check_classes(manifest: Manifest, files: FeatureFiles) -> Verdict:
    """Every listed image is in exactly one class: good or bad."""
    ledger, features = files.ledger, files.features
    bad = ledger.rows["error_code"].is_not_null()
    counted = {"listed": len(manifest), "good": len(features), "bad": int(bad.sum())}
    if not manifest.images["filename"].equals(ledger.rows["filename"]):
        return Verdict("the ledger does not hold the images of the manifest, in its order", counted)
    if not ledger.rows["filename"].filter(~bad).equals(features.names):
        return Verdict("features.dat.csv does not name just the images that the ledger calls good", counted)
    return Verdict("", counted)


def check_vectors(features: Features) -> Verdict:
    """One finite vector, not all zero, for each name."""
    counted = {"vectors": features.vectors.shape[0], "dimension": features.vectors.shape[1]}
    if len(features) != len(features.vectors):
        return Verdict(f"{len(features)} names, {len(features.vectors)} vectors", counted)
    blocks = (features.vectors[start : start + _BLOCK_ROWS] for start in range(0, len(features), _BLOCK_ROWS))
    wrong = sum(int((~(np.isfinite(block).all(axis=1) & block.any(axis=1))).sum()) for block in blocks)
    return Verdict(f"{wrong} vectors are zero or not finite" if wrong else "", counted)


def check_bad_images(bad: BadImages, ledger: ImageLedger) -> Verdict:
    """Just the images without a vector, each with a documented code and a reason."""
    expected = ledger.rows.filter(pl.col("error_code").is_not_null())["filename"]
    unknown = bad.rows.filter(~pl.col("error_code").is_in([code.value for code in ErrorCode])).height
    silent = bad.rows.filter(pl.col("error").str.len_chars() == 0).height
    problems = ["features.bad.csv does not name just the images without a vector"] * (
        not bad.rows["filename"].equals(expected)
    )
    problems += [f"{unknown} unknown codes"] * bool(unknown) + [f"{silent} without a reason"] * bool(silent)
    return Verdict("; ".join(problems), {"bad": len(bad)})


def check_pairs(pairs: Pairs, names: pl.Series, threshold: float) -> Verdict:
    """Sorted from closest, within [threshold, 1], between different good images."""
    to_itself = pairs.rows.filter(pl.col("from") == pl.col("to")).height
    return _judge_pairs(pairs, names, names, threshold, {"of an image with itself": to_itself})


def check_test_pairs(pairs: Pairs, tested: pl.Series, train: pl.Series, threshold: float) -> Verdict:
    """Sorted from closest, within [threshold, 1], from good images of the test set to good ones of the train set."""
    return _judge_pairs(pairs, tested, train, threshold, {})


def _judge_pairs(
    pairs: Pairs, from_names: pl.Series, to_names: pl.Series, threshold: float, more: Mapping[str, int]
) -> Verdict:
    rows = pairs.rows
    distance = rows["distance"].to_numpy()
    known = pl.col("from").is_in(from_names.implode()) & pl.col("to").is_in(to_names.implode())
    problems = {
        "out of order": int((distance[1:] > distance[:-1]).sum()),
        "outside of [threshold, 1]": rows.filter(~pl.col("distance").is_between(threshold, 1)).height,
        "with an image that has no vector": rows.filter(~known).height,
        **more,
    }
    text = "; ".join(f"{count} pairs {what}" for what, count in problems.items() if count)
    return Verdict(text, {"pairs": len(pairs)})


def check_outliers(outliers: Pairs, lower_threshold: float) -> Verdict:
    """Sorted from most isolated, all below lower_threshold, each image once."""
    rows = outliers.rows
    problems = {
        "out of order": int((rows["distance"].diff().drop_nulls() < 0).sum()),
        "not below lower_threshold": rows.filter(pl.col("distance") >= lower_threshold).height,
        "named twice": rows.height - rows["from"].n_unique(),
    }
    text = "; ".join(f"{count} outliers {what}" for what, count in problems.items() if count)
    return Verdict(text, {"outliers": len(outliers)})


def check_components(components: Components, images: int) -> Verdict:
    """There is a row per image; the counts of the components add up and agree between both files."""
    rows = components.images.height
    if rows != images:
        return Verdict(f"connected_components.csv has {rows} rows for {images} images", {"images": images})
    if "component_id" not in components.images.columns:
        return Verdict("", {"images": images})
    total = int(components.info["count"].sum())
    counted = components.images.group_by("component_id").agg(images=pl.len().cast(pl.Int64))
    both = components.info.join(counted, on="component_id", how="full")
    wrong = both.filter(~pl.col("count").eq_missing(pl.col("images"))).height
    problems = [f"counts add up to {total}, not to {images} images"] * (total != images)
    problems += [f"{wrong} components whose count is not the number of their images"] * bool(wrong)
    return Verdict("; ".join(problems), {"images": images, "components": components.info.height})


def check_bad_share(ledger: ImageLedger, limit: float) -> Verdict:
    """At most `limit` of the listed images are bad."""
    listed, bad = len(ledger), int(ledger.rows["error_code"].is_not_null().sum())
    share = bad / max(listed, 1)
    text = f"{bad} of {listed} images cannot be used, a share of {share:.3f}: more than max_bad_share={limit}"
    return Verdict(text if share > limit else "", {"bad_share": round(share, 6), "limit": limit})


def check_recall(recall: float | None, limit: float) -> Verdict:
    """The index finds at least `limit` of the true neighbours."""
    if recall is None:
        return Verdict("", {"limit": limit})
    text = f"recall@k of the index is {recall:.4f}: less than recall_target={limit}; raise efSearch in faiss_param"
    return Verdict(text if recall < limit else "", {"recall_at_k": recall, "limit": limit})


def check_duplicate_share(components: Components, limit: float) -> Verdict:
    """At most `limit` of the good images repeat another: all but one of each component."""
    images = components.images.height
    if "component_id" not in components.images.columns:
        return Verdict("", {"limit": limit})
    repeated = images - components.info.height
    share = repeated / max(images, 1)
    text = (
        f"{repeated} of {images} images repeat another, a share of {share:.3f}: more than max_duplicate_share={limit}"
    )
    return Verdict(text if share > limit else "", {"duplicate_share": round(share, 6), "limit": limit})


def check_component_share(components: Components, limit: float) -> Verdict:
    """No component of `SMALLEST_MEGA_COMPONENT` or more images holds more than `limit` of them."""
    images, largest = components.images.height, int(components.info["count"].max() or 0)  # type: ignore[arg-type]  # integers
    share = largest / max(images, 1)
    text = (
        f"the largest component has {largest} of {images} images, a share of {share:.3f}: more than "
        f"max_component_share={limit}; it may join what is not alike, a higher threshold separates it"
    )
    problem = text if largest >= SMALLEST_MEGA_COMPONENT and share > limit else ""
    return Verdict(problem, {"largest_component_share": round(share, 6), "limit": limit})
