"""Run czkawka's similar-image search on a folder: IMAGES WORK_DIR NEIGHBORS THRESHOLD. Started by its own environment.

czkawka gives sets of similar images, at its default hash and distance. Each pair of a set gets 1. NEIGHBORS and
THRESHOLD are ignored.
"""

import csv
import sys
from itertools import combinations
from pathlib import Path

from czkawka import ImageSimilarity  # type: ignore[import-not-found]  # in its own environment


def main() -> None:
    """Search, and write the sets as groups.csv and their pairs as similarity.csv."""
    images, work_dir, *_ = sys.argv[1:]
    finder = ImageSimilarity()
    finder.set_directories([Path(images)])
    found = finder.find_similar()
    with (
        (Path(work_dir) / "groups.csv").open("w", newline="") as groups,
        (Path(work_dir) / "similarity.csv").open("w", newline="") as pairs,
    ):
        members, rows = csv.writer(groups), csv.writer(pairs)
        members.writerow(("filename", "group_id"))
        rows.writerow(("from", "to", "distance"))
        for number, group in enumerate(found):
            names = [str(image) for image in group]
            members.writerows((name, number) for name in names)
            rows.writerows((*pair, 1.0) for pair in combinations(names, 2))


if __name__ == "__main__":
    main()
