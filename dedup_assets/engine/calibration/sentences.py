"""What a calibration means, in words."""

from dedup_assets.engine.calibration.measuring import Calibration

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
    if false := row["false_pairs_per_million"]:
        said += f"{false:.{0 if false >= 1 else 1}f} false pairs in a million pairs of different images."
    else:
        most = 3e6 / max(found.pairs, 1)  # the rule of three: with 95 % confidence
        said += (
            f"none of the {found.pairs:,} pairs of different images (with 95% confidence fewer than {most:.1f} in a "
        )
        said += "million)."
    if row["probability_same"] is not None:
        said += f" Of pairs that are so similar, people called {row['probability_same']:.0%} the same picture."
    return said
