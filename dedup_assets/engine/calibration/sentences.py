"""What a calibration means, in words."""

from collections.abc import Mapping

from dedup_assets.engine.calibration.measuring import Calibration

FEW = 100
"""False pairs below which their rate is uncertain by a fifth or more, so that it is said how high it may be."""

_SHOWN = {
    "cropped": "cropped copies",
    "cropped_to_half": "copies cropped to half of each side",
    "recompressed": "recompressed copies",
    "covered_in_part": "copies covered in part",
}


def advice(found: Calibration, threshold: float) -> str:
    """What a threshold finds and lists, in a few sentences.

    Args:
        found: what was measured.
        threshold: rounded to the next step of the table.
    """
    table = found.table
    row = table.row(int((table["threshold"] - threshold).abs().arg_min() or 0), named=True)
    shares = ", ".join(f"{row[f'recall_{name}']:.0%} of {copies}" for name, copies in _SHOWN.items())
    said = f"At {row['threshold']:.2f} you would find {row['recall']:.0%} of edited copies ({shares}), and list "
    said += _of_false_pairs(row)
    if row["probability_same"] is not None:
        said += f" Of pairs that are so similar, people called {row['probability_same']:.0%} the same picture."
    return said


def rate_in_words(per_million: float) -> str:
    """A rate in a million, with a decimal where it is low."""
    is_low = 0 < per_million < 10  # noqa: PLR2004 - two digits
    return f"{per_million:.1f}" if is_low else f"{per_million:,.0f}"


def _of_false_pairs(row: Mapping[str, float]) -> str:
    """How many pairs of different images are listed, and what that count is worth."""
    seen, pairs = int(row["false_pairs"]), int(row["pairs"])
    most = rate_in_words(row["false_pairs_per_million_at_most"])
    if not pairs:
        return "an unknown number of pairs of different images, because there are none to compare."
    if not seen:
        return f"none of the {pairs:,} pairs of different images (with 95% confidence at most {most} in a million)."
    bound = f"; with 95% confidence at most {most}" if seen < FEW else ""
    rate = rate_in_words(row["false_pairs_per_million"])
    return f"{rate} false pairs in a million pairs of different images ({seen:,} of {pairs:,} seen{bound})."
