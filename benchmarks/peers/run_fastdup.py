"""Run fastdup on a folder: IMAGES WORK_DIR NEIGHBORS THRESHOLD. Started by the interpreter of its own environment."""

import sys

import fastdup  # type: ignore[import-not-found]  # in its own environment

images, work_dir, neighbors, threshold = sys.argv[1:]
sys.exit(fastdup.run(images, work_dir, nearest_neighbors_k=int(neighbors), threshold=float(threshold)))
