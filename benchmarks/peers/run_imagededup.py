"""Run imagededup's PHash on a folder: IMAGES WORK_DIR NEIGHBORS THRESHOLD. Started by its own environment.

Its network is not run, because it downloads weights when it starts. NEIGHBORS is ignored.
"""

import csv
import sys
from pathlib import Path

from imagededup.methods import PHash  # type: ignore[import-not-found]  # in its own environment

BITS = 64


def main() -> None:
    """Hash, compare, and write the pairs as similarity.csv."""
    images, work_dir, _, threshold = sys.argv[1:]
    method = PHash(verbose=False)
    hashes = method.encode_images(image_dir=images)
    distance = int((1 - float(threshold)) * BITS)
    found = method.find_duplicates(encoding_map=hashes, max_distance_threshold=distance, scores=True)
    with (Path(work_dir) / "similarity.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("from", "to", "distance"))
        for name, others in found.items():
            rows.writerows((name, other, 1 - apart / BITS) for other, apart in others)


if __name__ == "__main__":
    main()
