"""Run CleanVision on a folder: IMAGES WORK_DIR NEIGHBORS THRESHOLD. Started by its own environment.

CleanVision lists sets of equal hashes without a score, so each pair of a set gets 1. NEIGHBORS and THRESHOLD are
ignored.
"""

import csv
import sys
from itertools import combinations
from pathlib import Path

from cleanvision import Imagelab  # type: ignore[import-not-found]  # in its own environment

KINDS = ("exact_duplicates", "near_duplicates")


def main() -> None:
    """Look for duplicates of both kinds and write the pairs as similarity.csv."""
    images, work_dir, *_ = sys.argv[1:]
    lab = Imagelab(data_path=images)
    lab.find_issues({kind: {} for kind in KINDS}, verbose=False)
    with (Path(work_dir) / "similarity.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("from", "to", "distance"))
        for kind in KINDS:
            for names in lab.info[kind]["sets"]:
                rows.writerows((*pair, 1.0) for pair in combinations(names, 2))


if __name__ == "__main__":
    main()
