"""Names of files and folders that several modules need. Other names are in the module that writes the file."""

import re

from dedup_assets.engine.core.own_files import GALLERY, SEARCHED, SHARDS

FEATURES = "features.dat"
LEDGER = "image_ledger.parquet"
IMAGE_FACTS = "image_facts.parquet"
BAD_CSV = "features.bad.csv"
GROUP_IDS = "group_ids.parquet"
_RANGE = r"\d{12,}-\d{12,}"
SHARD = rf"{_RANGE}\.[0-9a-f]{{12}}\.[0-9a-f]{{16}}(\.open)?\.parquet"
"""Names of shards: the range, the mark of a fingerprint, the digest of the files."""

RECALL = "recall.json"
SEARCH = "search.json"
ROWS = "rows.parquet"
TRUTH = "truth.parquet"
_SEARCHED = "|".join(map(re.escape, (RECALL, SEARCH, ROWS, TRUTH)))
SEARCHED_FILE = rf"[0-9a-f]{{16}}/({_RANGE}\.parquet|{_SEARCHED})"
"""Names of the files of searched ranges, below the folder of a fingerprint."""

RECORD = ".published.json"
RECORD_FORMAT = "dedup-assets published files"
USED = ".used.json"
USED_FORMAT = "dedup-assets used ranges"
NOTES = {RECORD: RECORD_FORMAT, f"{SHARDS}/{USED}": USED_FORMAT, f"{SEARCHED}/{USED}": USED_FORMAT}
"""Notes that runs keep beside the results, and the format that each begins with."""

STAGED = ".staged"
FOLDERS = (STAGED, SHARDS, SEARCHED, GALLERY)
"""Folders that a run makes."""
